"""Tasks: what a model's outputs mean, and so its loss, its metrics and the settings to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import UnknownNameError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Task:
    """One kind of prediction."""

    name: str
    kind: Literal["classification", "regression"]
    input_name: Literal["image", "features", "text"]
    default_data: str
    settings: Mapping[str, Any]
    space: Mapping[str, Any]  # what a search tries, in the same flat keys; factories bring ranges of their own arguments

    @property
    def monitor(self) -> str:
        """The validation score that early stopping and keeping the best epoch go by."""
        return "accuracy" if self.kind == "classification" else "loss"

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the scores that a part gets."""
        if self.kind == "regression":
            return ("loss", "mae", "rmse", "r2")
        return ("loss", "accuracy", "precision", "recall", "macro_f1", "micro_f1")

    @property
    def output_argument(self) -> str:
        """The factory argument that sets the width of the output."""
        return "num_classes" if self.kind == "classification" else "num_outputs"

    @property
    def input_argument(self) -> str:
        """The factory argument that the data's form decides."""
        return "vocabulary_size" if self.input_name == "text" else "input_shape"

    def loss(self, label_smoothing: float = 0.0) -> keras.losses.Loss:
        """Return the loss on logits (classification) or values (regression, where nothing is smoothed)."""
        from zoo import losses

        return losses.MeanSquaredError() if self.kind == "regression" else losses.ClassificationCrossentropy(label_smoothing)

    def metrics(self, num_outputs: int) -> list[keras.metrics.Metric]:
        """Return fresh metrics for a model with `num_outputs` classes or values."""
        from zoo import metrics

        if self.kind == "regression":
            import keras

            return [
                keras.metrics.MeanAbsoluteError(name="mae"),
                keras.metrics.RootMeanSquaredError(name="rmse"),
                metrics.R2(),
            ]
        return [metrics.Accuracy(), metrics.MacroF1(num_outputs)]


DIRECTIONS: Mapping[str, Literal["min", "max"]] = {
    "loss": "min", "accuracy": "max", "precision": "max", "recall": "max", "macro_f1": "max", "micro_f1": "max",
    "mae": "min", "rmse": "min", "r2": "max",
}  # fmt: skip

_RATE = {"min": 3e-4, "max": 1e-2, "sampling": "log"}
_TRAINING: Mapping[str, Any] = {
    "optimizer": ["adam", "adamw"],
    "learning_rate": _RATE,
    "schedule": ["cosine", "one_cycle"],
    "weight_decay": [None, 1e-3, 1e-2, 1e-1],
}
_LABELS: Mapping[str, Any] = {"label_smoothing": [0.0, 0.1, 0.2]}
_TABLES: Mapping[str, Any] = {**_TRAINING, "learning_rate": {**_RATE, "max": 3e-2}, "batch_size": [16, 32, 64, 128]}

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            "image_classification", "classification", "image", "mnist_sample",
            {"epochs": 10, "batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1},
            {
                **_TRAINING, **_LABELS, "batch_size": [32, 64, 128, 256], "augment_shift": [0.0, 0.05, 0.1],
                "augment_rotate": [0.0, 5.0, 10.0], "augment_zoom": [0.0, 0.05, 0.1],
            },
        ),
        Task(
            "text_classification", "classification", "text", "reviews_sample",
            {"epochs": 5, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1},
            {
                **_TRAINING, **_LABELS, "batch_size": [16, 32, 64, 128], "data.vocabulary_size": [5_000, 10_000, 20_000],
                "data.min_frequency": [1, 2], "data.max_length": [64, 128, 256],
            },
        ),
        Task(
            "tabular_classification", "classification", "features", "iris",
            {"epochs": 100, "batch_size": 32, "learning_rate": 1e-2, "schedule": "cosine", "warmup": 0.1},
            {**_TABLES, **_LABELS},
        ),
        Task(
            "regression", "regression", "features", "diabetes",
            {"epochs": 100, "batch_size": 32, "learning_rate": 1e-2, "schedule": "cosine", "warmup": 0.1},
            _TABLES,
        ),
    )
}  # fmt: skip


def find_task(name: str) -> Task:
    """Return the task of this name.

    Raises:
        UnknownNameError: no such task; the message has the nearest name.
    """
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name]
