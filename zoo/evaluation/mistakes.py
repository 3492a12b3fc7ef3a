"""Finds a model's worst mistakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.pipeline.splits import Splits
from zoo.tasks.answers import Mistake


def worst_mistakes(data: Splits, part: str, truth: np.ndarray, answers: np.ndarray, *, most: int = 12) -> list[Mistake] | None:
    """Return the worst mistakes with their raw examples, worst first; None if the task does not define mistakes.

    Args:
        data: the data that were scored.
        part: name of the part.
        truth: encoded targets `(rows, ...)`.
        answers: the model's probabilities or values, `(rows, num_outputs)`.
        most: maximum number of mistakes; default 12.
    """
    found = data.info.task.mistakes(truth, answers, data.info.labels, most)
    if not found:
        return found
    rows = np.sort([mistake.row for mistake in found])
    examples = dict(zip(rows.tolist(), map(data.info.preprocessor.shown, data.examples(part, rows)), strict=True))
    return [replace(mistake, example=examples[mistake.row]) for mistake in found]
