"""The test examples that a model was most wrong about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.pipeline.splits import Splits


@dataclass(frozen=True)
class Mistake:
    """An example that was classified wrongly.

    Args:
        row: its place in the part, from 0.
        label: the right one.
        predicted: the model's.
        probability: that the model gave its own, in [0, 1].
        example: a text, an image `(height, width, channels)`, or the values of a table's row by feature.
    """

    row: int
    label: str
    predicted: str
    probability: float
    example: str | np.ndarray | dict[str, float]


def worst_mistakes(data: Splits, part: str, truth: np.ndarray, probabilities: np.ndarray, *, most: int = 12) -> list[Mistake]:
    """Return the mistakes in which the right answer got the least probability, the worst first.

    Args:
        data: that was scored.
        part: its name.
        truth: class numbers `(rows,)`.
        probabilities: `(rows, num_classes)`.
        most: how many at most.
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    given_to_truth = probabilities[wrong, truth[wrong]]
    chosen = wrong[np.argsort(given_to_truth, kind="stable")[:most]]
    examples = _examples(data, part, chosen)
    names = [str(label) for label in data.info.labels]
    return [
        Mistake(int(row), names[truth[row]], names[predicted[row]], float(probabilities[row].max()), examples[row])
        for row in chosen
    ]


def _examples(data: Splits, part: str, rows: np.ndarray) -> dict[int, str | np.ndarray | dict[str, float]]:
    """Return the raw form of some rows of a part."""
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
