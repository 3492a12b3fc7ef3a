"""Regression: one or more numbers for each example."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.errors import UsageError
from zoo.tasks.answers import Evaluation, OutputKind
from zoo.tasks.task import Direction, Task, register_task, training_space

if TYPE_CHECKING:
    import keras
    import numpy as np

    from zoo.targets import Label


class Regression(Task):
    """Each example has one or more numbers; a model returns them directly."""

    scores: ClassVar[Mapping[str, Direction]] = {"loss": "min", "mae": "min", "rmse": "min", "r2": "max"}
    headline = "r2"

    def fits(self, targets: np.ndarray) -> bool:
        """Return whether raw targets are numbers that do not look like class numbers."""
        from zoo.targets import look_like_classes

        return not look_like_classes(targets)

    def encode(self, targets: np.ndarray, labels: Sequence[Label], source: Sequence[Label] | None = None) -> np.ndarray:
        """Return the numbers, `(rows, outputs)`, float32."""
        from zoo.targets import as_values

        return as_values(targets)

    def learn(self, targets: np.ndarray, labels: Sequence[Label]) -> dict[str, tuple[float, ...]]:
        """Return mean and variance of each target in the training part."""
        from zoo.targets import column_statistics

        mean, variance = column_statistics(targets)
        return {"target_mean": mean, "target_variance": variance}

    def lacks(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the argument to use instead if factory arguments are those of a classifier."""
        return None if arguments.get("num_classes") is None else "num_outputs= in place of num_classes="

    def loss(self, label_smoothing: float = 0.0, kind: OutputKind = "values") -> keras.losses.Loss:
        """Return the mean squared error."""
        from zoo import losses

        if label_smoothing:
            raise UsageError(f"Only classification has label smoothing. Received: {label_smoothing=} for {self.name}. Omit it.")
        return losses.MeanSquaredError()

    def metrics(self, num_outputs: int) -> list[keras.metrics.Metric]:
        """Return new metrics."""
        import keras

        from zoo import metrics

        return [keras.metrics.MeanAbsoluteError(name="mae"), keras.metrics.RootMeanSquaredError(name="rmse"), metrics.R2()]

    def score(self, truth: np.ndarray, answers: np.ndarray, labels: Sequence[Label]) -> Evaluation:
        """Return the scores of values against targets, both `(rows, outputs)`, by scikit-learn."""
        from sklearn import metrics

        squared = float(metrics.mean_squared_error(truth, answers))
        return Evaluation(
            metrics={
                "loss": squared,
                "mae": float(metrics.mean_absolute_error(truth, answers)),
                "rmse": math.sqrt(squared),
                "r2": float(metrics.r2_score(truth, answers)),
            },
            num_examples=len(truth),
        )

    def findings(self, evaluation: Evaluation) -> list[str]:
        """Report predictions that are no better than a constant."""
        r2 = evaluation.metrics["r2"]
        if r2 > 0:
            return []
        return [
            f"The predictions are no better than the mean of the targets (r2 {r2:.4f}). Train longer or change the learning "
            "rate."
        ]


register_task(
    Regression(
        "regression", "table", "diabetes",
        {"epochs": 100, "batch_size": 32, "learning_rate": 1e-2, "schedule": "cosine", "warmup": 0.1},
        {**training_space(max_learning_rate=3e-2), "batch_size": [16, 32, 64, 128]},
    )
)  # fmt: skip
