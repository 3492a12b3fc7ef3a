"""lstm on IMDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("lstm", "imdb_reviews", expected={"accuracy": 0.88}, tolerance=0.006)
def lstm_imdb_reviews() -> Mapping[str, Any]:
    """Convolution and long short-term memory on IMDB.

    Command: zoo train lstm --data imdb_reviews
    Hardware: 2 cores of x86-64 with AVX-512, no GPU
    Time: 128 s of training
    Expected: accuracy 0.88 on the test part, mean of three seeds; tolerance 0.006

    Chosen on the validation part, where it reaches 89.6 % (one seed, as the first of what was tried).
    """
    return {
        "epochs": 3,
        "batch_size": 64,
        "learning_rate": 4e-3,
        "schedule": "cosine",
        "warmup": 0.1,
        "model.filters": 64,
        "model.dropout": 0.4,
        "model.token_dropout": 0.2,
        "data.max_length": 400,
    }
