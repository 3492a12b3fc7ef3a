"""The interface of a task, and the shelf of tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from zoo.errors import UnknownNameError, UsageError
from zoo.inputs import find_input
from zoo.shelf import Shelf
from zoo.tasks.answers import Evaluation, Mistake, OutputKind, Predictions, Section

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

    from zoo.targets import Label

Direction = Literal["min", "max"]
RELATIVE_TOLERANCE = 0.01  # accepted difference of a score on another machine, as a fraction of its value


@dataclass(frozen=True)
class Task(ABC):
    """What a model's outputs mean, and everything that follows from it.

    A family of tasks, such as classification, is a subclass in its own file; each task of the family is an instance. The
    methods here implement a task without labels whose answers are values; a subclass overrides what differs.

    Args:
        name: the task's name, for example "image_classification".
        input: name of the kind of input, for example "image".
        default_data: name of the data set that is used when the user gives none; default None, which makes data required.
        settings: default training settings, which replace those of `zoo.settings.Settings`; default none.
        space: search ranges by flat setting; each model adds ranges for its own arguments; default none.
    """

    name: str
    input: str
    default_data: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)

    scores: ClassVar[Mapping[str, Direction]]
    """The scores of a part, each with the direction in which it improves."""
    headline: ClassVar[str] = "loss"
    """The score that sums up a model in one number."""
    monitor: ClassVar[str] = "loss"
    """The validation score that early stopping and `keep=best` follow by default."""
    output_argument: ClassVar[str] = "num_outputs"
    """The factory argument that sets the width of the output."""
    has_labels: ClassVar[bool] = False
    """Whether each column of the output has a label."""
    output_noun: ClassVar[str] = "target"
    """What one column of the output stands for, in messages."""

    @property
    def input_argument(self) -> str:
        """The factory argument that the data determine."""
        return find_input(self.input).argument

    # Targets: raw targets are `(rows,)` or `(rows, columns)`, as written; a model trains on encoded targets.

    @abstractmethod
    def fits(self, targets: np.ndarray) -> bool:
        """Return whether raw targets look like those of this task; used if the user names no task."""

    @abstractmethod
    def encode(self, targets: np.ndarray, labels: Sequence[Label], source: Sequence[Label] | None = None) -> np.ndarray:
        """Return raw targets as numbers, `(rows, ...)`.

        Args:
            targets: raw targets, none missing.
            labels: what `find_labels` returned.
            source: class names of the data source; whole-number targets are then positions in it; default None.

        Raises:
            DataError: a target is not accepted.
        """

    def find_labels(
        self, targets: np.ndarray, source: tuple[Label, ...] | None, *, are_numbers_names: bool
    ) -> tuple[Label, ...]:
        """Return the labels of the output's columns; empty if they have none.

        Args:
            targets: raw targets, none missing.
            source: class names of the data source, if it has any.
            are_numbers_names: whether whole numbers such as 3, 5, 8 name three classes rather than being class numbers.

        Raises:
            DataError: the targets are not accepted.
        """
        return ()

    def check_labels(self, labels: Sequence[Label], num_outputs: int) -> None:
        """Raise ValueError unless these are the labels of this many outputs."""
        if len(labels) != (num_outputs if self.has_labels else 0):
            raise ValueError(f"{self.name} with {len(labels)} labels for {num_outputs} outputs")

    def strata(self, targets: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray] | None:
        """Return the class numbers to stratify each part's rows by; None for plain random splits."""
        return None

    def counts(self, targets: np.ndarray, labels: Sequence[Label]) -> dict[str, int]:
        """Return the number of rows of each label."""
        return {}

    def learn(self, targets: np.ndarray, labels: Sequence[Label]) -> dict[str, tuple[float, ...]]:
        """Return the factory arguments that follow from the encoded training targets.

        Raises:
            DataError: no model can learn from them.
        """
        return {}

    def class_weights(self, given: str | Mapping[str, float], targets: np.ndarray, labels: Sequence[Label]) -> dict[int, float]:
        """Return the weight of each class number in the loss.

        Args:
            given: "balanced", or a weight for some labels; 1 for the others.
            targets: encoded training targets.
            labels: class names of the data.

        Raises:
            UsageError: the task has no classes.
            UnknownNameError: a weight names a label that the data do not have.
        """
        raise UsageError(f"`class_weight` is for classification only. Received: class_weight={given} for {self.name}. Omit it.")

    # The model

    def lacks(self, arguments: Mapping[str, Any]) -> str | None:
        """Return what factory arguments need for this task, for an error message; None if they are complete."""
        return None if arguments.get(self.output_argument) is not None else f"{self.output_argument}= or data="

    @abstractmethod
    def loss(self, label_smoothing: float = 0.0, kind: OutputKind = "logits") -> keras.losses.Loss:
        """Return the loss on a model's outputs.

        Raises:
            UsageError: label smoothing is not possible.
        """

    @abstractmethod
    def metrics(self, num_outputs: int) -> list[keras.metrics.Metric]:
        """Return new metrics for a model with this many outputs."""

    # Answers: probabilities or values, computed from a model's outputs

    def output_kind(self, outputs: np.ndarray) -> OutputKind:
        """Return what a model's outputs `(8, num_outputs)` are: zoo's models give logits, a user's own may end in a softmax."""
        return "values"

    def answers(self, outputs: np.ndarray, kind: OutputKind) -> np.ndarray:
        """Return outputs as probabilities or values, `(rows, num_outputs)`, float32."""
        return outputs

    def graph_answers(self, outputs: tf.Tensor, kind: OutputKind, labels: Sequence[Label]) -> dict[str, tf.Tensor]:
        """Return the named outputs of an exported signature; the in-graph twin of `answers` and `predictions`."""
        return {"values": outputs}

    def predictions(self, answers: np.ndarray, labels: Sequence[Label]) -> Predictions:
        """Return predictions for the answers of a model."""
        return Predictions([], answers[:, :0], answers)

    def header(self, labels: Sequence[Label], num_outputs: int) -> list[str]:
        """Return the column names of predictions in a CSV file."""
        return [f"value_{number}" for number in range(num_outputs)]

    def cells(self, predictions: Predictions) -> list[list[Any]]:
        """Return the CSV cells of each prediction, under `header`."""
        numbers = [[f"{value:.6g}" for value in row] for row in predictions.numbers]
        return [[label, *row] for label, row in zip(predictions.labels, numbers, strict=True)] if self.has_labels else numbers

    def described(self, predictions: Predictions, labels: Sequence[Label]) -> list[dict[str, Any]]:
        """Return each prediction as plain data, ready for JSON."""
        return [{"values": row.tolist()} for row in predictions.values]

    # Scores

    def direction(self, score: str) -> Direction:
        """Return the direction in which a score improves; the user's own model may track scores of other tasks.

        Raises:
            UnknownNameError: no task has this score.
        """
        known = {name: best for task in (*TASKS.values(), self) for name, best in task.scores.items()}
        if score not in known:
            raise UnknownNameError("score to monitor", score, known)
        return known[score]

    @abstractmethod
    def score(self, truth: np.ndarray, answers: np.ndarray, labels: Sequence[Label]) -> Evaluation:
        """Return the scores of answers against encoded targets."""

    def tolerance(self, score: str, value: float, num_examples: int) -> float:
        """Return how much a score on the same examples may differ from `value` on another machine."""
        return RELATIVE_TOLERANCE * abs(value)

    def findings(self, evaluation: Evaluation) -> list[str]:
        """Return a sentence for each problem that the scores show, with advice."""
        return []

    def sections(self, evaluation: Evaluation) -> list[Section]:
        """Return the report's tables of scores."""
        return []

    def mistakes(self, truth: np.ndarray, answers: np.ndarray, labels: Sequence[Label], most: int) -> list[Mistake] | None:
        """Return the worst mistakes, worst first; None if answers are not simply right or wrong."""
        return None


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
        UnknownNameError: no task has this name; the message suggests the nearest one.
    """
    return TASKS.find(name)


def tasks_for(kind: str) -> list[Task]:
    """Return the tasks for a kind of input, zoo's own first."""
    return [task for task in TASKS.values() if task.input == kind]


def guess_task(kind: str, targets: np.ndarray) -> Task:
    """Return the first task for a kind of input that fits raw targets, or the kind's first task if none fits."""
    tasks = tasks_for(kind)
    return next((task for task in tasks if task.fits(targets)), tasks[0])


def training_space(max_learning_rate: float = 1e-2) -> dict[str, Any]:
    """Return the search ranges that zoo's tasks share."""
    return {
        "optimizer": ["adam", "adamw"],
        "learning_rate": {"min": 3e-4, "max": max_learning_rate, "sampling": "log"},
        "schedule": ["cosine", "one_cycle"],
        "weight_decay": [None, 1e-3, 1e-2, 1e-1],
    }
