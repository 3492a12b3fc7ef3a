"""cnn/accurate on MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("cnn/accurate", "mnist", expected={"accuracy": 0.996}, tolerance=0.0015)
def cnn_accurate_mnist() -> Mapping[str, Any]:
    """Three wider convolutions on MNIST, with shifted, rotated and zoomed images.

    Command: zoo train cnn/accurate --data mnist
    Hardware: 2 cores of x86-64 with AVX-512, no GPU
    Time: 126 s of training
    Expected: accuracy 0.996 on the test split, mean of three seeds; tolerance 0.0015

    Chosen on the validation split, where it reaches 99.63, 99.58 and 99.52 %. 12 epochs gave 99.58, 99.65 and 99.53 %,
    14 epochs 99.63 and 99.55 %, and 8 epochs at a rate of 0.006 with averaged weights 99.57 %.
    """
    return {
        "epochs": 10,
        "batch_size": 128,
        "learning_rate": 0.01,
        "schedule": "cosine",
        "warmup": 0.15,
        "label_smoothing": 0.05,
        "augment_shift": 2 / 28,
        "augment_rotate": 12,
        "augment_zoom": 0.12,
    }
