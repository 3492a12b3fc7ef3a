"""MNIST."""

from __future__ import annotations

from zoo.registry import register_dataset


@register_dataset(task="image_classification", tags=("image", "tfds"), offline_twin="mnist_sample")
def mnist() -> str:
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 grey, 10 classes; TFDS."""
    return "tfds:mnist"
