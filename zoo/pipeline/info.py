"""What a model, a Predictor and an evaluation must know of the data that a model learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.inputs.table.preprocessor import TablePreprocessor
from zoo.inputs.text.preprocessor import TextPreprocessor
from zoo.settings import DataArguments, data_arguments
from zoo.targets import Label
from zoo.tasks import Task, find_task
from zoo.text import Tokenizer


@dataclass(frozen=True)
class DataInfo:
    """Facts of a data set, learned from its training part.

    Args:
        name: where the data came from: a name, a path or the kind of object.
        task_name: one of `zoo.tasks.TASKS`.
        input_shape: of one example, without the batch; `(None,)` for token ids, `()` for raw texts.
        labels: class names in the order of the logits; empty for regression.
        num_outputs: number of classes or of regression targets.
        num_examples: rows of each part.
        fingerprint: hash of features and targets of all parts.
        report: what cleaning found and dropped, by part.
        table: columns of a table; None for other data.
        text: tokenizer and padding of texts; None for other data, and for texts that are given raw.
        arguments: of `load_data`, as far as they were given.
        location: the absolute path that the data were read from, if there is one.
        statistics: `mean`, `variance`, `target_mean`, `target_variance`, where the task has them.
    """

    name: str
    task_name: str
    input_shape: tuple[int | None, ...]
    labels: tuple[Label, ...]
    num_outputs: int
    num_examples: Mapping[str, int]
    fingerprint: str
    report: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    location: str | None = None
    table: TablePreprocessor | None = None
    text: TextPreprocessor | None = None
    statistics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """The task of this data."""
        return find_task(self.task_name)

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for regression."""
        return len(self.labels) or None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image; `input_shape` under a narrower type."""
        height, width, channels = self.input_shape
        return height or 0, width or 0, channels or 0

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that was fitted on the training texts.

        Raises:
            UsageError: these are not texts, or they are given raw.
        """
        if self.text is None:
            raise UsageError(f"Only texts turned to ids have a tokenizer. Received: {self.name!r}, {self.task_name}.")
        return self.text.tokenizer

    def is_read_like(self, other: DataInfo) -> bool:
        """Return whether a model of the one takes the other's features and means the same labels."""
        ours, theirs = ((info.labels, info.input_shape, info.table, info.to_dict()["text"]) for info in (self, other))
        return ours == theirs

    def reading_arguments(self, given: Mapping[str, Any]) -> DataArguments:
        """Return how other data are read for a model of these: as these were, or as `given` says.

        Raises:
            UsageError: a name or value is not accepted.
        """
        names = ("label_column", "text_column", "encoding", "broken", "memory_budget_mb")
        own = {name: self.arguments[name] for name in names if name in self.arguments}
        return data_arguments({**own, **given})

    def example_batch(self, rows: int) -> np.ndarray:
        """Return a batch of noise in the form that a model of these data takes."""
        generator = np.random.default_rng(0)
        if self.text is not None:
            width = self.text.max_length if self.text.fixed_length else min(8, self.text.max_length)
            return generator.integers(1, self.text.vocabulary_size, (rows, width), dtype=np.int32)
        if self.task.input_name == "text":
            return np.array([f"a text {number}".encode() for number in range(rows)], object)
        return generator.uniform(0, 255, (rows, *(size or 1 for size in self.input_shape))).astype(np.float32)

    def model_arguments(self) -> dict[str, Any]:
        """Return the factory arguments that follow from the data."""
        if self.text is not None:
            sizes = {"vocabulary_size": self.text.vocabulary_size, "max_sequence_length": self.text.max_length}
            return {**sizes, self.task.output_argument: self.num_outputs}
        return {"input_shape": self.input_shape, self.task.output_argument: self.num_outputs, **self.statistics}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        text = self.text.to_dict() if self.text else None
        return {**asdict(replace(self, text=None)), "text": text}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DataInfo:
        """Return the facts that `to_dict` described.

        Raises:
            KeyError, TypeError, ValueError: they are damaged.
        """
        if not plain.get("text") and list(plain["input_shape"]) == [None]:
            raise ValueError("the vocabulary is missing")
        info = cls(
            **{
                **plain,
                "input_shape": tuple(plain["input_shape"]),
                "labels": tuple(plain["labels"]),
                "text": TextPreprocessor.from_dict(plain["text"]) if plain.get("text") else None,
                "table": TablePreprocessor.from_dict(plain["table"]) if plain["table"] else None,
                "statistics": {name: tuple(values) for name, values in plain["statistics"].items()},
            }
        )
        info.task.check_labels(info.labels, info.num_outputs)
        if info.task.input_name == "features" and (info.table is None or info.input_shape != (len(info.table.feature_names),)):
            raise ValueError("the columns are not those of its features")
        return info
