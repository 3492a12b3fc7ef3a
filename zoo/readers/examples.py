"""Examples as read: features, targets, and the source of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.targets import Label, as_targets

ALL = "all"  # part of a source that is not divided
PARTS = ("train", "validation", "test")


@dataclass
class Part:
    """One part of a data source.

    Args:
        features: what the kind of input says: images as a `Source`, a DataFrame, or `Texts`.
        targets: `(rows,)` labels or numbers as written, or `(rows, columns)`.
        broken: places and reasons of rows that could not be read and are not in `features`.
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
        kind: kind of the features.
        input_shape: shape of one image; None for tables and texts.
        labels: class names, if the source has them; targets are then class indices.
        are_numbers_names: whether numbers are class names; see `targets.find_labels`.
        notes: notes on ignored parts of the source.
        location: absolute path of the user's file or folder, if there is one.
    """

    name: str
    parts: Mapping[str, Part]
    kind: str
    input_shape: tuple[int, ...] | None = None
    labels: tuple[Label, ...] | None = None
    are_numbers_names: bool = False
    notes: list[str] = field(default_factory=list)
    location: str | None = None
