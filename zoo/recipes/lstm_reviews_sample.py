"""lstm on the embedded reviews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("lstm", "reviews_sample", expected={"accuracy": 0.99})
def lstm_reviews_sample() -> Mapping[str, Any]:
    """Long short-term memory on the embedded reviews, English and Chinese: `zoo train lstm`."""
    return {"epochs": 5, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1}
