"""Counts duplicates, overlaps, conflicts and missing labels, and drops them on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from zoo.errors import DataError
from zoo.settings import DataArguments


def clean(
    hashes: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    missing: Mapping[str, np.ndarray],
    arguments: DataArguments,
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, int]]]:
    """Return the rows to keep in each part, and the counts.

    Args:
        hashes: content hashes `(rows,)` of the features, by part.
        targets: encoded targets `(rows, ...)`, by part; targets of rows without a label are ignored.
        missing: whether each row lacks a label, `(rows,)`, by part.
        arguments: options `duplicates`, `overlap`, `conflicts` and `broken`.

    Returns:
        Ascending positions to keep, by part; and, by part, the counts `rows`, `missing_labels`, `duplicates` (rows that repeat
        an earlier row), `conflicts` (rows whose features also occur with another target), `overlap` (rows that also occur in a
        later part) and `dropped`.

    Raises:
        DataError: labels are missing and `broken` is "refuse".
    """
    kept, report = {}, {}
    later: list[np.ndarray] = []
    for part in sorted(hashes, key=["test", "validation", "train", "all"].index):
        is_missing = missing[part]
        if is_missing.any() and arguments.broken == "refuse":
            raise DataError(
                f"{int(is_missing.sum())} of {len(is_missing)} rows in part {part!r} have no label. "
                f"Received: the first in row {int(np.argmax(is_missing))}. Add the labels, or drop these rows with "
                "data.broken=drop."
            )
        known = np.flatnonzero(~is_missing)
        repeated, conflicting = np.zeros((2, len(is_missing)), bool)
        repeated[known] = pd.Series(hashes[part][known]).duplicated().to_numpy()
        conflicting[known] = _conflicts(hashes[part][known], targets[part][known])
        overlapping = np.isin(hashes[part], np.concatenate(later)) if later else np.zeros(len(repeated), bool)
        found = {"missing_labels": is_missing, "duplicates": repeated, "conflicts": conflicting, "overlap": overlapping}
        dropped = is_missing.copy()
        for name in ("duplicates", "conflicts", "overlap"):
            if part != "test" and getattr(arguments, name) == "drop":  # the test part is never changed
                dropped |= found[name]
        kept[part] = np.flatnonzero(~dropped)
        counts = {name: int(rows.sum()) for name, rows in {**found, "dropped": dropped}.items()}
        report[part] = {"rows": len(dropped), **counts}
        later.append(hashes[part][known])
        if not len(kept[part]):
            raise DataError(f"Part {part!r} has no rows left. Received: {report[part]}. Drop fewer rows, or add some.")
    return kept, report


def as_problems(report: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each problem that the counts show."""
    words = {
        "missing_labels": "have no label",
        "duplicates": "repeat an earlier row",
        "conflicts": "also occur with another label",
        "overlap": "also occur in a later part",
    }
    return [
        f"{counts[key]} of {counts['rows']} rows in {part!r} {text}"
        for part, counts in report.items()
        for key, text in words.items()
        if counts[key]
    ]


def _conflicts(hashes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    differs = (targets != targets[first[group]]).reshape(len(hashes), -1).any(axis=1)
    return np.isin(group, group[differs])
