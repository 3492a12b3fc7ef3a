"""Scores that were promised, beside those that are found now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.tasks import Task


@dataclass(frozen=True)
class Verification:
    """What a trained model scores now, beside what it was kept with.

    Args:
        name: of the model, or its directory.
        expected: the scores that it was kept with.
        found: the scores now, on the same examples.
        num_examples: how many were scored.
        task: the model's task, which knows how far each score may drift.
    """

    name: str
    expected: Mapping[str, float]
    found: Mapping[str, float]
    num_examples: int
    task: Task

    @property
    def tolerances(self) -> dict[str, float]:
        """How far each score may be from the expected one."""
        return {name: self.task.tolerance(name, value, self.num_examples) for name, value in self.expected.items()}

    @property
    def drifted(self) -> tuple[str, ...]:
        """The scores that are further away, or missing."""
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
