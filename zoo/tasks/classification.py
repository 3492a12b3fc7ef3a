"""Classification: one label for each example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.tasks.task import Direction, Task, register_task, training_space

if TYPE_CHECKING:
    import keras


class Classification(Task):
    """One label for each example; a model gives a logit for each class."""

    kind = "classification"
    monitor = "accuracy"
    scores: ClassVar[Mapping[str, Direction]] = {
        "loss": "min", "accuracy": "max", "precision": "max", "recall": "max", "macro_f1": "max", "micro_f1": "max",
    }  # fmt: skip
    output_argument = "num_classes"

    def loss(self, label_smoothing: float = 0.0) -> keras.losses.Loss:
        """Return the cross-entropy on logits."""
        from zoo import losses

        return losses.ClassificationCrossentropy(label_smoothing)

    def metrics(self, num_outputs: int) -> list[keras.metrics.Metric]:
        """Return new metrics for a model with this many classes."""
        from zoo import metrics

        return [metrics.Accuracy(), metrics.MacroF1(num_outputs)]


_SMOOTHING: Mapping[str, Any] = {"label_smoothing": [0.0, 0.1, 0.2]}

register_task(
    Classification(
        "image_classification",
        input="image",
        default_data="mnist_sample",
        settings={"epochs": 10, "batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1},
        space={
            **training_space(), **_SMOOTHING, "batch_size": [32, 64, 128, 256], "augment_shift": [0.0, 0.05, 0.1],
            "augment_rotate": [0.0, 5.0, 10.0], "augment_zoom": [0.0, 0.05, 0.1],
        },
    )
)  # fmt: skip
register_task(
    Classification(
        "text_classification",
        input="text",
        default_data="reviews_sample",
        settings={"epochs": 5, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1},
        space={
            **training_space(), **_SMOOTHING, "batch_size": [16, 32, 64, 128], "data.vocabulary_size": [5_000, 10_000, 20_000],
            "data.min_frequency": [1, 2], "data.max_length": [64, 128, 256],
        },
    )
)  # fmt: skip
register_task(
    Classification(
        "tabular_classification",
        input="table",
        default_data="iris",
        settings={"epochs": 100, "batch_size": 32, "learning_rate": 1e-2, "schedule": "cosine", "warmup": 0.1},
        space={**training_space(max_learning_rate=3e-2), "batch_size": [16, 32, 64, 128], **_SMOOTHING},
    )
)
