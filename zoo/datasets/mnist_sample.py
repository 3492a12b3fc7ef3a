"""A real, stratified sample of MNIST, embedded in the package."""

from __future__ import annotations

from pathlib import Path

from zoo.registry import register_dataset


@register_dataset(task="image_classification", tags=("image", "embedded"))
def mnist_sample() -> Path:
    """Sample of MNIST: 8,000 training and 2,000 test images of handwritten digits, 28 x 28 grey, 10 classes; embedded.

    Stratified from MNIST's own training and test parts (800 and 200 of each digit), in the original order.
    `scripts/make_mnist_sample.py` creates the file; `docs/data.md` gives its source, licence and SHA-256.
    """
    return Path(__file__).with_name("mnist_sample.npz")
