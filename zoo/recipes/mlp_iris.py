"""mlp on iris."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("mlp", "iris", expected={"accuracy": 0.98}, tolerance=0.06)
def mlp_iris() -> Mapping[str, Any]:
    """Multilayer perceptron on iris.

    Command: zoo train mlp --data iris
    Hardware: 2 cores of x86-64 with AVX-512, no GPU
    Time: 8 s of training
    Expected: accuracy 0.98 on the test split, mean of ten splits; tolerance 0.06

    Chosen on the validation data of 16 splits that are not among the reported ones: tanh 95.5 %, relu 94.9 %, 16 units
    93.8 %, with dropout 94.3 %, logistic regression 94.3 %.
    """
    return {
        "epochs": 60,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "schedule": "cosine",
        "warmup": 0.1,
        "model.activation": "tanh",
        "model.l2": 3e-3,
    }
