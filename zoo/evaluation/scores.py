"""Scores of a model on a data part, computed by scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.artefacts.outputs import Outputs
from zoo.pipeline.info import DataInfo
from zoo.pipeline.splits import Splits
from zoo.progress import track

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Evaluation:
    """Scores on one part.

    Args:
        metrics: for classification `loss` (mean cross-entropy in nats, without penalties), `accuracy`, `precision` and
            `recall` (macro), `macro_f1`, `micro_f1`; for regression `loss` (mean squared error), `mae`, `rmse`, `r2`.
        num_examples: how many examples were scored.
        per_class: `precision`, `recall`, `f1` and `support` of each label.
        confusion: rows are labels, columns predictions; counts.
    """

    metrics: Mapping[str, float]
    num_examples: int
    per_class: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON, with the metrics at top level."""
        plain = asdict(self)
        return {**plain.pop("metrics"), **plain}


def score(model: keras.Model, data: Splits, part: str) -> Evaluation:
    """Return the scores of a model on "train", "validation" or "test"."""
    return scores_of(*answers(model, data, part), data.info)


def answers(model: keras.Model, data: Splits, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets of a part, `(rows, ...)`, and the model's probabilities or values, `(rows, num_outputs)`."""
    batches = getattr(data, part)
    outputs = Outputs(model, data.info)
    truths, predictions = [], []
    for features, targets in track(batches.as_numpy_iterator(), "Evaluating", int(batches.cardinality())):
        predictions.append(outputs.of(features))
        truths.append(targets)
    return np.concatenate(truths), np.concatenate(predictions)


def scores_of(truth: np.ndarray, predicted: np.ndarray, info: DataInfo) -> Evaluation:
    """Return the scores of probabilities or values, as `answers` gives them."""
    return classification_scores(truth, predicted, info) if info.labels else _regression(truth, predicted)


def classification_scores(truth: np.ndarray, probabilities: np.ndarray, info: DataInfo) -> Evaluation:
    """Return the scores of probabilities `(rows, num_classes)` against class numbers `(rows,)`."""
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    numbers, names = np.arange(len(info.labels)), [str(label) for label in info.labels]
    macro = metrics.precision_recall_fscore_support(truth, predicted, average="macro", zero_division=0)
    each = metrics.precision_recall_fscore_support(truth, predicted, labels=numbers, zero_division=0)
    chosen = np.maximum(probabilities[np.arange(len(truth)), truth], np.finfo(np.float32).tiny)
    return Evaluation(
        metrics={
            "loss": float(-np.log(chosen.astype(np.float64)).mean()),
            "accuracy": float(metrics.accuracy_score(truth, predicted)),
            "precision": float(macro[0]),
            "recall": float(macro[1]),
            "macro_f1": float(macro[2]),
            "micro_f1": float(metrics.f1_score(truth, predicted, average="micro")),
        },
        num_examples=len(truth),
        per_class={
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for name, p, r, f, s in zip(names, *each, strict=True)
        },
        confusion=tuple(tuple(row) for row in metrics.confusion_matrix(truth, predicted, labels=numbers).tolist()),
    )


def _regression(truth: np.ndarray, predicted: np.ndarray) -> Evaluation:
    from sklearn import metrics

    squared = float(metrics.mean_squared_error(truth, predicted))
    return Evaluation(
        metrics={
            "loss": squared,
            "mae": float(metrics.mean_absolute_error(truth, predicted)),
            "rmse": float(np.sqrt(squared)),
            "r2": float(metrics.r2_score(truth, predicted)),
        },
        num_examples=len(truth),
    )
