"""Facts about training data for models, Predictors and evaluations."""

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
    """Facts about a data set, learned from its training split.

    Args:
        name: name, path or kind of object of the source.
        task_name: one of `zoo.tasks.TASKS`.
        input_shape: shape of one example, without the batch; `(None,)` for token ids, `()` for raw texts.
        labels: class names in the order of the logits; empty for regression.
        num_outputs: number of classes or of regression targets.
        num_examples: number of rows of each split.
        fingerprint: hash of the features and targets of all splits.
        report: results of cleaning, by split.
        table: preprocessor of a table; None for other data.
        text: tokenizer and padding of texts; None for other data and raw texts.
        arguments: arguments given to `load_data`.
        location: absolute path of the data, if there is one.
        statistics: `mean`, `variance`, `target_mean` and `target_variance`, if the task uses them.
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
        """The tokenizer, fitted on the training texts.

        Raises:
            UsageError: the data is not text, or is raw.
        """
        if self.text is None:
            raise UsageError(
                f"Only texts that are converted to ids have a tokenizer. Received: {self.name!r}, {self.task_name}."
            )
        return self.text.tokenizer

    def is_read_like(self, other: DataInfo) -> bool:
        """Return whether a model for one data set accepts the other's features and has the same labels."""
        ours, theirs = ((info.labels, info.input_shape, info.table, info.to_dict()["text"]) for info in (self, other))
        return ours == theirs

    def reading_arguments(self, given: Mapping[str, Any]) -> DataArguments:
        """Return the options for reading other data for the same model: those of this data, overridden by `given`.

        Raises:
            UsageError: a name or value is not accepted.
        """
        names = ("label_column", "text_column", "encoding", "broken", "memory_budget_mb")
        own = {name: self.arguments[name] for name in names if name in self.arguments}
        return data_arguments({**own, **given})

    def example_batch(self, rows: int) -> np.ndarray:
        """Return a batch of noise in the model's input format."""
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
        """Return plain data for JSON."""
        text = self.text.to_dict() if self.text else None
        return {**asdict(replace(self, text=None)), "text": text}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DataInfo:
        """Return the facts from `to_dict`'s result.

        Raises:
            KeyError, TypeError, ValueError: the data is damaged.
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
