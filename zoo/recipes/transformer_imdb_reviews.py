"""transformer on IMDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("transformer", "imdb_reviews", expected={"accuracy": 0.88})
def transformer_imdb_reviews() -> Mapping[str, Any]:
    """Self-attention on IMDB: `zoo train transformer --data imdb_reviews`.

    Chosen on the validation part, where it reaches 89.0 % (one seed); dropping half of the tokens gives 88.8 %.
    """
    return {
        "epochs": 3,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "schedule": "cosine",
        "warmup": 0.1,
        "model.dropout": 0.3,
        "model.token_dropout": 0.3,
    }
