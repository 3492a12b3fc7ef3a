"""The result of a reader: features, targets, and the source of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.targets import Label, as_targets

ALL = "all"  # name of the only part of an undivided source
PARTS = ("train", "validation", "test")


@dataclass
class Part:
    """One part of a data source.

    Args:
        features: features in the form of the kind of input: a `Source` of images, a DataFrame, or `Texts`.
        targets: labels or numbers as written, `(rows,)` or `(rows, columns)`.
        broken: for each unreadable row, which is not in `features`, its place and the reason; default `()`.
    """

    features: Any
    targets: np.ndarray
    broken: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.targets = as_targets(self.targets)


@dataclass
class Examples:
    """Result of a reader.

    Args:
        name: name or path of the source.
        parts: parts by name: "train", "validation", "test", or "all".
        kind: name of the kind of input.
        input_shape: shape of one image; None for tables and texts.
        labels: class names, if the source has them; targets are then class indices.
        are_numbers_names: whether numbers are class names; see `targets.find_labels`.
        notes: notes on ignored parts of the source.
        location: absolute path of the user's file or folder, if any.
    """

    name: str
    parts: Mapping[str, Part]
    kind: str
    input_shape: tuple[int, ...] | None = None
    labels: tuple[Label, ...] | None = None
    are_numbers_names: bool = False
    notes: list[str] = field(default_factory=list)
    location: str | None = None
