"""Compares a model's current scores with the recorded ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.tasks import Task


@dataclass(frozen=True)
class Verification:
    """The current and the recorded scores of a trained model.

    Args:
        name: name of the model, or of its directory.
        expected: recorded scores.
        found: current scores on the same examples.
        num_examples: number of examples.
        task: the model's task, which defines the tolerance of each score.
    """

    name: str
    expected: Mapping[str, float]
    found: Mapping[str, float]
    num_examples: int
    task: Task

    @property
    def tolerances(self) -> dict[str, float]:
        """The accepted difference of each score."""
        return {name: self.task.tolerance(name, value, self.num_examples) for name, value in self.expected.items()}

    @property
    def drifted(self) -> tuple[str, ...]:
        """The scores that differ by more than the tolerance, or are missing."""
        return tuple(
            name
            for name, tolerance in self.tolerances.items()
            if not abs(self.found.get(name, float("nan")) - self.expected[name]) <= tolerance
        )

    @property
    def is_good(self) -> bool:
        """Whether no score has drifted."""
        return not self.drifted

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {
            "name": self.name,
            "is_good": self.is_good,
            "drifted": list(self.drifted),
            "num_examples": self.num_examples,
            "expected": dict(self.expected),
            "found": dict(self.found),
            "tolerances": self.tolerances,
        }
