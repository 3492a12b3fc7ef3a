"""Scores a model on a part of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.artefacts.outputs import Outputs
from zoo.pipeline.splits import Splits
from zoo.progress import track
from zoo.tasks.answers import Evaluation

if TYPE_CHECKING:
    import keras


def score(model: keras.Model, data: Splits, part: str) -> Evaluation:
    """Return the scores of a model on "train", "validation" or "test"."""
    truth, found = answers(model, data, part)
    return data.info.task.score(truth, found, data.info.labels)


def answers(model: keras.Model, data: Splits, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the encoded targets of a part, `(rows, ...)`, and the model's probabilities or values, `(rows, num_outputs)`."""
    batches = getattr(data, part)
    outputs = Outputs(model, data.info)
    truths, predictions = [], []
    for features, targets in track(batches.as_numpy_iterator(), "Evaluating", int(batches.cardinality())):
        predictions.append(outputs.of(features))
        truths.append(targets)
    return np.concatenate(truths), np.concatenate(predictions)
