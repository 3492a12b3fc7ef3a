"""Scores that were promised, beside those that are found now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHARES = ("accuracy", "precision", "recall", "macro_f1", "micro_f1")
RELATIVE = 0.01  # how far other scores may drift, as a share of what was promised
FEWEST = 2  # examples that may change sides: the last bits of a sum differ between processors


@dataclass(frozen=True)
class Verification:
    """What a trained model scores now, beside what it was kept with.

    Args:
        name: of the model, or its directory.
        expected: the scores that it was kept with.
        found: the scores now, on the same examples.
        num_examples: how many were scored.
    """

    name: str
    expected: Mapping[str, float]
    found: Mapping[str, float]
    num_examples: int

    @property
    def tolerances(self) -> dict[str, float]:
        """How far each score may be from the expected one."""
        share = FEWEST / self.num_examples
        return {name: share if name in SHARES else RELATIVE * abs(value) for name, value in self.expected.items()}

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
