"""CIFAR-10."""

from __future__ import annotations

from zoo.registry import register_dataset


@register_dataset(task="image_classification", tags=("image", "tfds"), offline_twin="mnist_sample")
def cifar10() -> str:
    """CIFAR-10: 50,000 training and 10,000 test photographs, 32 x 32 RGB, 10 classes; TFDS."""
    return "tfds:cifar10"
