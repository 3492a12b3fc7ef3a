"""Regression: one or more numbers for each example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from zoo.errors import UsageError
from zoo.tasks.task import Direction, Task, register_task, training_space

if TYPE_CHECKING:
    import keras


class Regression(Task):
    """One or more numbers for each example; a model gives them as they are."""

    kind = "regression"
    monitor = "loss"
    scores: ClassVar[Mapping[str, Direction]] = {"loss": "min", "mae": "min", "rmse": "min", "r2": "max"}
    output_argument = "num_outputs"

    def loss(self, label_smoothing: float = 0.0) -> keras.losses.Loss:
        """Return the mean squared error.

        Raises:
            UsageError: labels are to be smoothed.
        """
        from zoo import losses

        if label_smoothing:
            raise UsageError(f"Only labels are smoothed. Received: {label_smoothing=} for {self.name}. Leave it out.")
        return losses.MeanSquaredError()

    def metrics(self, num_outputs: int) -> list[keras.metrics.Metric]:  # noqa: ARG002
        """Return new metrics."""
        import keras

        from zoo import metrics

        return [
            keras.metrics.MeanAbsoluteError(name="mae"),
            keras.metrics.RootMeanSquaredError(name="rmse"),
            metrics.R2(),
        ]


register_task(
    Regression(
        "regression",
        input="table",
        default_data="diabetes",
        settings={"epochs": 100, "batch_size": 32, "learning_rate": 1e-2, "schedule": "cosine", "warmup": 0.1},
        space={**training_space(max_learning_rate=3e-2), "batch_size": [16, 32, 64, 128]},
    )
)
