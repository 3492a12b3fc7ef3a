"""The interface of a task, and the shelf that tasks stand on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from zoo.registry import Shelf

if TYPE_CHECKING:
    import keras

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Task(ABC):
    """The meaning of a model's outputs, and everything that follows from it.

    A sort of task (classification, regression) is a subclass in a file of its own; each task of that sort is an instance.

    Args:
        name: the task's name, for example "image_classification".
        input: name of the kind of input, for example "image".
        default_data: name of an embedded data set that is used when the user gives none.
        settings: training settings to begin with.
        space: what a search tries, in the same flat keys; factories add ranges of their own arguments.
    """

    name: str
    input: str
    default_data: str
    settings: Mapping[str, Any]
    space: Mapping[str, Any]

    kind: ClassVar[str]
    monitor: ClassVar[str]
    """The validation score that early stopping and `keep=best` follow by default."""
    scores: ClassVar[Mapping[str, Direction]]
    """The scores of a part, each with the direction in which it improves."""
    output_argument: ClassVar[str]
    """The factory argument that sets the width of the output."""

    @property
    def input_name(self) -> str:
        """The kind of input, with "features" for a table."""
        return {"table": "features"}.get(self.input, self.input)

    @property
    def input_argument(self) -> str:
        """The factory argument that the form of the data decides."""
        return "vocabulary_size" if self.input == "text" else "input_shape"

    def direction(self, score: str) -> Direction:
        """Return the direction in which a score improves; the user's own model may track scores of other tasks."""
        return {name: best for task in (*TASKS.values(), self) for name, best in task.scores.items()}[score]

    @abstractmethod
    def loss(self, label_smoothing: float = 0.0) -> keras.losses.Loss:
        """Return the loss on a model's outputs."""

    @abstractmethod
    def metrics(self, num_outputs: int) -> list[keras.metrics.Metric]:
        """Return new metrics for a model with this many outputs."""


TASKS: Shelf[Task] = Shelf("zoo.tasks", "task")


def register_task(task: Task) -> Task:
    """Register a task under its name.

    Raises:
        UsageError: the name is taken.
    """
    TASKS.add(task.name, task)
    return task


def find_task(name: str) -> Task:
    """Return the task of this name.

    Raises:
        UnknownNameError: there is none; the message has the nearest name.
    """
    return TASKS.find(name)


def training_space(max_learning_rate: float = 1e-2) -> dict[str, Any]:
    """Return the search ranges that every task of zoo shares."""
    return {
        "optimizer": ["adam", "adamw"],
        "learning_rate": {"min": 3e-4, "max": max_learning_rate, "sampling": "log"},
        "schedule": ["cosine", "one_cycle"],
        "weight_decay": [None, 1e-3, 1e-2, 1e-1],
    }
