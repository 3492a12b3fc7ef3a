"""Fashion-MNIST."""

from __future__ import annotations

from zoo.registry import register_dataset


@register_dataset(task="image_classification", tags=("image", "tfds"), offline_twin="mnist_sample")
def fashion_mnist() -> str:
    """Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 grey, 10 classes; TFDS."""
    return "tfds:fashion_mnist"
