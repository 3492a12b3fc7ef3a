"""Real examples, as raw as a user's input, to verify an export."""

from __future__ import annotations

from typing import Any

from zoo.pipeline.splits import Splits

NUMBER = 1000
PARTS = ("validation", "test", "train")


def choose_examples(data: Splits, count: int = NUMBER) -> Any:
    """Return raw examples of a model's data, with unusual ones where the kind of input has any.

    Args:
        data: the data that the model learned from, or other data that are read alike.
        count: largest number of examples.
    """
    return data.info.preprocessor.choose((data.examples(part) for part in PARTS if part in data.parts), count)
