"""Facts about training data for models, Predictors and evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError
from zoo.inputs import INPUTS, InputKind, Preprocessor, find_input
from zoo.settings import DataArguments, data_arguments
from zoo.tasks import Task, find_task

if TYPE_CHECKING:
    import numpy as np

    from zoo.targets import Label
    from zoo.text import Tokenizer

RENAMED = {"table": "preprocessor", "text": "preprocessor", "image_shape": "input_shape"}  # since 0.2.0


@dataclass(frozen=True)
class DataInfo:
    """Facts about a data set, learned from its training part.

    Args:
        name: name, path or kind of object of the source.
        task_name: one of `zoo.tasks.TASKS`.
        labels: class names in the order of the logits; empty for regression.
        num_outputs: number of classes or of regression targets.
        num_examples: number of rows of each part.
        fingerprint: hash of the features and targets of all splits.
        report: results of cleaning, by part.
        preprocessor: preprocessor that converts raw examples to features; its `kind` is the kind of input.
        arguments: arguments passed to `load_data`.
        location: absolute path of the data, if they have one.
        statistics: `mean`, `variance`, `target_mean` and `target_variance`, if the task uses them.
    """

    name: str
    task_name: str
    labels: tuple[Label, ...]
    num_outputs: int
    num_examples: Mapping[str, int]
    fingerprint: str
    report: Mapping[str, Any]
    preprocessor: Preprocessor
    arguments: Mapping[str, Any] = field(default_factory=dict)
    location: str | None = None
    statistics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """The task of these data."""
        return find_task(self.task_name)

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for regression."""
        return len(self.labels) or None

    @property
    def kind(self) -> InputKind:
        """The kind of input."""
        return self.preprocessor.kind

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of one example without the batch: `(None,)` for token ids, `()` for raw texts."""
        return self.preprocessor.input_shape

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, fitted on the training texts.

        Raises:
            UsageError: the data are not texts, or are raw texts.
        """
        tokenizer = self.preprocessor.tokenizer
        if tokenizer is None:
            raise UsageError(
                f"Only texts that are converted to ids have a tokenizer. Received: {self.name!r}, {self.task_name}."
            )
        return tokenizer

    def __getattr__(self, name: str) -> Any:
        hint = f" Since 0.2.0 it is DataInfo.{RENAMED[name]}." if name in RENAMED else ""
        raise AttributeError(f"'DataInfo' object has no attribute {name!r}.{hint}")

    def is_read_like(self, other: DataInfo) -> bool:
        """Return whether a model for one data set accepts the other's features and has the same labels."""
        ours, theirs = ((info.labels, info.input_shape, info.preprocessor.to_dict()) for info in (self, other))
        return ours == theirs

    def reading_arguments(self, given: Mapping[str, Any]) -> DataArguments:
        """Return the options for reading other data for the same model: those of these data, overridden by `given`.

        Raises:
            UsageError: a name or value is not accepted.
        """
        names = ("label_column", "text_column", "encoding", "broken", "memory_budget_mb")
        own = {name: self.arguments[name] for name in names if name in self.arguments}
        return data_arguments({**own, **given})

    def example_batch(self, rows: int) -> np.ndarray:
        """Return a batch of random features for the model."""
        return self.preprocessor.example_batch(rows)

    def model_arguments(self) -> dict[str, Any]:
        """Return the factory arguments that follow from the data."""
        return {**self.preprocessor.model_arguments(), self.task.output_argument: self.num_outputs, **self.statistics}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "preprocessor"}
        learned = self.preprocessor.to_dict()
        return {
            **deepcopy(plain),
            "input_shape": self.input_shape,
            **({self.kind.name: learned} if learned else {}),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DataInfo:
        """Restore the facts from the result of `to_dict`.

        Raises:
            KeyError, TypeError, ValueError: the data are damaged.
        """
        task = find_task(plain["task_name"])
        kind = find_input(task.input)
        others = {key: value for key, value in plain.items() if key != "input_shape" and key not in INPUTS}
        foreign = [key for key in INPUTS if key != kind.name and plain.get(key)]
        if foreign:
            raise ValueError(f"{kind.name}s with {', '.join(foreign)}")
        task.check_labels(plain["labels"], plain["num_outputs"])
        return cls(
            **{
                **others,
                "labels": tuple(plain["labels"]),
                "preprocessor": kind.load(plain.get(kind.name), tuple(plain["input_shape"])),
                "statistics": {name: tuple(values) for name, values in plain["statistics"].items()},
            }
        )
