"""lstm on the embedded reviews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("lstm", "reviews_sample", expected={"accuracy": 0.999}, tolerance=0.005)
def lstm_reviews_sample() -> Mapping[str, Any]:
    """Long short-term memory on the embedded reviews, English and Chinese.

    Command: zoo train lstm --data reviews_sample
    Hardware: 2 cores of x86-64 with AVX-512, no GPU
    Time: 19 s of training
    Expected: accuracy 0.999 on the test split, mean of three seeds; tolerance 0.005
    """
    return {"epochs": 5, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1}
