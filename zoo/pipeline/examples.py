"""Examples as a reader found them: features, targets and where each row came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, Union

import numpy as np
import pandas as pd

from zoo.inputs.text.preprocessor import Texts
from zoo.targets import Label

if TYPE_CHECKING:
    from zoo.sources.source import Source

ALL = "all"  # the part of a source that has no parts of its own
PARTS = ("train", "validation", "test")
Features: TypeAlias = Union["Source", pd.DataFrame, Texts]


@dataclass
class Part:
    """One part of a data source.

    Args:
        features: images as a `Source`, a table, or texts.
        targets: `(rows,)` labels or numbers as written, or `(rows, columns)`.
        broken: places and reasons of rows that could not be read and are not in `features`.
    """

    features: Features
    targets: np.ndarray
    broken: Sequence[str] = ()


@dataclass
class Examples:
    """What a reader returns.

    Args:
        name: where the data came from.
        parts: under "train", "validation", "test", or "all".
        kind: of the features.
        input_shape: of one image; None for tables and texts.
        labels: class names where the source knows them; targets are then class numbers.
        are_numbers_names: see `targets.find_labels`.
        notes: what the reader left out and why.
        location: the absolute path that was read, if it was one of the user's.
    """

    name: str
    parts: Mapping[str, Part]
    kind: Literal["image", "table", "text"]
    input_shape: tuple[int, ...] | None = None
    labels: tuple[Label, ...] | None = None
    are_numbers_names: bool = False
    notes: list[str] = field(default_factory=list)
    location: str | None = None
