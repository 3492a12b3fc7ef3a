"""The examples that a model gets most wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.pipeline.splits import Splits
from zoo.tasks.answers import Mistake


def worst_mistakes(data: Splits, part: str, truth: np.ndarray, answers: np.ndarray, *, most: int = 12) -> list[Mistake] | None:
    """Return the worst mistakes with their raw examples, the worst first; None where the task has none.

    Args:
        data: the data that were scored.
        part: name of the part.
        truth: encoded targets `(rows, ...)`.
        answers: the model's probabilities or values, `(rows, num_outputs)`.
        most: largest number of mistakes; default 12.
    """
    found = data.info.task.mistakes(truth, answers, data.info.labels, most)
    if not found:
        return found
    examples = _examples(data, part, np.array([mistake.row for mistake in found]))
    return [replace(mistake, example=examples[mistake.row]) for mistake in found]


def _examples(data: Splits, part: str, rows: np.ndarray) -> dict[int, str | np.ndarray | dict[str, float]]:
    """Return the raw examples in some rows of a part."""
    if data.info.task.input_name == "text":
        wanted = set(rows.tolist())
        return {row: text for row, text in enumerate(data.texts(part)) if row in wanted}
    found: dict[int, str | np.ndarray | dict[str, float]] = {}
    first = 0
    names = data.info.table.feature_names if data.info.table else ()
    for features, targets in getattr(data, part).as_numpy_iterator():
        for row in rows[(rows >= first) & (rows < first + len(targets))]:
            values = features[row - first]
            found[int(row)] = dict(zip(names, values.tolist(), strict=True)) if names else values
        first += len(targets)
    return found
