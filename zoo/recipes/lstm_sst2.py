"""lstm on SST-2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("lstm", "sst2", expected={"accuracy": 0.799}, tolerance=0.015)
def lstm_sst2() -> Mapping[str, Any]:
    """Convolution and long short-term memory on whole sentences of SST-2.

    Command: zoo train lstm --data sst2
    Hardware: 2 cores of x86-64 with AVX-512, no GPU
    Time: 16 s of training
    Expected: accuracy 0.799 on the test split, mean of three seeds; tolerance 0.015

    Chosen on 15 % of the training split plus the validation split (1,910 sentences, mean of three seeds): 78.3 %. Without label
    smoothing it reached 77.7 %, with the mean instead of the maximum 77.9 %, twice as wide 78.2 %; the baseline 78.1 %.
    """
    return {
        "epochs": 3,
        "batch_size": 32,
        "optimizer": "adamw",
        "learning_rate": 5e-3,
        "schedule": "cosine",
        "warmup": 0.1,
        "label_smoothing": 0.2,
        "model.filters": 128,
        "model.kernel_size": 3,
        "model.pool_size": 1,
        "model.dropout": 0.5,
        "model.token_dropout": 0.3,
        "data.min_frequency": 2,
    }
