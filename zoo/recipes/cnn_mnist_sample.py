"""cnn on the embedded MNIST sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("cnn", "mnist_sample", expected={"accuracy": 0.993}, tolerance=0.004)
def cnn_mnist_sample() -> Mapping[str, Any]:
    """Convolutional network on the embedded sample of MNIST, with images shifted, rotated and zoomed.

    Command: zoo train cnn --data mnist_sample
    Hardware: 2 cores of x86-64 with AVX-512, no GPU
    Time: 50 s of training
    Expected: accuracy 0.993 on the test split, mean of three seeds; tolerance 0.004

    Chosen on the validation split with three seeds: 99.37, 99.25 and 99.37 %, with the validation loss lowest at the end.
    Without label smoothing the accuracy was the same, but the loss rose towards the end; 20 epochs without it gave 99.62 %
    with two seeds, and overconfident models. The network of the recipe for all of MNIST gave 99.25, 99.25 and 99.12 % after
    20 epochs in a tenth less time, that of zoo 0.1 gave 99.12 and 99.37 % (two seeds, without smoothing).
    """
    return {
        "epochs": 12,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "schedule": "cosine",
        "warmup": 0.1,
        "label_smoothing": 0.05,
        "augment_shift": 2 / 28,
        "augment_rotate": 10,
        "augment_zoom": 0.1,
        "model.filters": (32, 64),
        "model.units": 128,
        "model.dropout": 0.25,
    }
