"""The results that tasks return: predictions, scores, mistakes and report sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from zoo.targets import Label

OutputKind = Literal["logits", "probabilities", "values"]


@dataclass(frozen=True)
class Predictions:
    """Predictions for one or more examples.

    Args:
        labels: the most probable class of each example; empty for regression.
        probabilities: `(examples, num_classes)`, float32, rows sum to 1; `(examples, 0)` for regression.
        values: `(examples, num_outputs)`, float32; `(examples, 0)` for classification.
    """

    labels: list[Label]
    probabilities: np.ndarray
    values: np.ndarray

    @property
    def numbers(self) -> np.ndarray:
        """The probabilities for classification, the values for regression."""
        return self.probabilities if self.probabilities.shape[1] else self.values

    def __len__(self) -> int:
        return len(self.probabilities)


@dataclass(frozen=True)
class Evaluation:
    """Scores on one part of the data.

    Args:
        metrics: for classification `loss` (mean cross-entropy in nats, without penalties), `accuracy`, `precision` and
            `recall` (macro), `macro_f1`, `micro_f1`; for regression `loss` (mean squared error), `mae`, `rmse`, `r2`.
        num_examples: number of examples that were scored.
        per_class: `precision`, `recall`, `f1` and `support` of each label.
        confusion: counts; rows are labels, columns are predictions.
    """

    metrics: Mapping[str, float]
    num_examples: int
    per_class: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON, with the metrics at top level."""
        plain = asdict(self)
        return {**plain.pop("metrics"), **plain}


@dataclass(frozen=True)
class Mistake:
    """An example that the model gets wrong.

    Args:
        row: position in the part, from 0.
        label: the true label.
        predicted: the predicted label.
        probability: the probability of the predicted label, in [0, 1].
        example: the raw example: a text, an image `(height, width, channels)`, or the values of a table's row by feature.
    """

    row: int
    label: str
    predicted: str
    probability: float
    example: Any = None


@dataclass(frozen=True)
class Section:
    """A table in a report.

    Args:
        title: heading.
        columns: names of the columns.
        rows: cells of each row.
        note: sentence between heading and table.
        is_shaded: whether each number is shaded by its share of the row's sum.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    is_shaded: bool = False
