"""What a model, a Predictor and an evaluation must know of the data that a model learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.pipeline.tables import TablePreprocessor
from zoo.pipeline.targets import Label
from zoo.tasks import Task, find_task


@dataclass(frozen=True)
class DataInfo:
    """Facts of a data set, learned from its training part.

    Args:
        name: where the data came from: a name, a path or the kind of object.
        task_name: one of `zoo.tasks.TASKS`.
        input_shape: of one example, without the batch.
        labels: class names in the order of the logits; empty for regression.
        num_outputs: number of classes or of regression targets.
        num_examples: rows of each part.
        fingerprint: hash of features and targets of all parts.
        report: what cleaning found and dropped, by part.
        table: columns of a table; None for images.
        arguments: of `load_data`, as far as they were given.
        location: the absolute path that the data were read from, if there is one.
        statistics: `mean`, `variance`, `target_mean`, `target_variance`, where the task has them.
    """

    name: str
    task_name: str
    input_shape: tuple[int, ...]
    labels: tuple[Label, ...]
    num_outputs: int
    num_examples: Mapping[str, int]
    fingerprint: str
    report: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    location: str | None = None
    table: TablePreprocessor | None = None
    statistics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """The task of this data."""
        return find_task(self.task_name)

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for regression."""
        return self.num_outputs if self.labels else None

    def model_arguments(self) -> dict[str, Any]:
        """Return the factory arguments that follow from the data."""
        return {"input_shape": self.input_shape, self.task.output_argument: self.num_outputs, **self.statistics}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DataInfo:
        """Return the facts that `to_dict` described."""
        return cls(
            **{
                **plain,
                "input_shape": tuple(plain["input_shape"]),
                "labels": tuple(plain["labels"]),
                "table": TablePreprocessor.from_dict(plain["table"]) if plain["table"] else None,
                "statistics": {name: tuple(values) for name, values in plain["statistics"].items()},
            }
        )
