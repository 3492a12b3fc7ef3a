"""Chooses real examples, in the form of a user's input, to verify an export."""

from __future__ import annotations

from typing import Any

from zoo.pipeline.splits import Splits

NUMBER = 1000
PARTS = ("validation", "test", "train")


def choose_examples(data: Splits, count: int = NUMBER) -> Any:
    """Return raw examples of a model's data, plus unusual ones if the kind of input defines any.

    Args:
        data: the model's own data, or other data read in the same way.
        count: maximum number of examples; default `NUMBER`.
    """
    return data.info.preprocessor.choose((data.examples(part) for part in PARTS if part in data.parts), count)
