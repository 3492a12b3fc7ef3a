"""Encodes raw labels and targets as class numbers or float rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from zoo.errors import DataError, nearest

Label = str | int | float | bool
FEW_VALUES = 20  # maximum number of distinct whole numbers in a label column that is read as classes


def is_missing(targets: np.ndarray) -> np.ndarray:
    """Return whether a row's label, or any of its targets, is missing; `(rows,)`, bool."""
    missing: np.ndarray = np.any(np.atleast_2d(np.asarray(pd.isna(targets)).T), axis=0)
    return missing


def as_targets(targets: Any) -> np.ndarray:
    """Return labels or targets as a NumPy array: text as objects, numbers unchanged, a single column as `(rows,)`.

    A missing value and an empty text become None.

    Raises:
        DataError: an example has neither one value nor one row of values.
    """
    try:
        array = np.asarray(targets)
    except ValueError as error:
        raise DataError(f"Targets have rows of different lengths: {error}. Pass one label per row.") from error
    if array.ndim not in (1, 2):
        received = f"{type(targets).__name__} of shape {array.shape}"
        raise DataError(f"Targets must be `(rows,)` or `(rows, columns)`. Received: {received}. Pass one per example.")
    if array.dtype.kind in "SUmM":
        array = pd.Series(array.ravel()).astype(object).to_numpy().reshape(array.shape)
    if array.dtype == object:
        array = np.frompyfunc(_as_cell, 1, 1)(array)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def look_like_classes(targets: np.ndarray) -> bool:
    """Return whether raw targets are classes rather than quantities: text, booleans, one-hot rows or a few whole numbers."""
    known = targets[~is_missing(targets)]
    if known.ndim == 2:
        return _is_one_hot(known)
    numbers = _as_numbers(known)
    if numbers is None or known.dtype.kind == "b":
        return True
    return bool((numbers == np.floor(numbers)).all()) and len(np.unique(numbers)) <= FEW_VALUES


def find_labels(targets: np.ndarray, *, are_numbers_names: bool) -> tuple[Label, ...]:
    """Return the classes, in the order of their numbers.

    Args:
        targets: labels without missing ones: text, booleans, whole numbers or one-hot rows.
        are_numbers_names: True if numbers are class names, such as 3, 5, 8 in a table; False if they are class numbers from
            0, as in an array.

    Raises:
        DataError: labels are negative, fractional or multi-label, or there are fewer than two classes.
    """
    if targets.ndim == 2:
        _check_one_hot(targets)
        return tuple(range(targets.shape[1]))
    numbers = None if targets.dtype.kind == "b" else _as_numbers(targets)
    fractions = np.zeros(0) if numbers is None else numbers[~(np.isfinite(numbers) & (numbers == np.floor(numbers)))]
    if len(fractions):
        fix = 'Correct them, or predict numbers with task="regression".'
        raise DataError(f"Class labels must be whole numbers or text. Received: {fractions[:3].tolist()}. {fix}")
    if len(np.unique(targets.astype(str))) < 2:
        raise DataError(f"A classifier needs at least two classes. Received: only {_plain(targets[0])!r}. Add another class.")
    if numbers is None:
        distinct = {_plain(label) for label in targets}
        if len({str(label) for label in distinct}) < len(distinct):  # for example, 1 in one part and "1" in another
            distinct = {str(label) for label in distinct}
        return tuple(sorted(distinct, key=str))
    if are_numbers_names:
        return tuple(int(number) for number in np.unique(numbers))
    if numbers.min() < 0 or numbers.max() >= max(len(numbers), 1000):
        raise DataError(
            f"Whole-number labels must be class numbers from 0. Received: {int(numbers.min())} to {int(numbers.max())}, with "
            f"{len(np.unique(numbers))} distinct ones. Renumber them from 0, or use text labels."
        )
    return tuple(range(int(numbers.max()) + 1))


def label_twins(labels: Sequence[Label]) -> list[str]:
    """Return a sentence for each group of labels that differ only in spaces or case.

    Example:
        >>> label_twins(["good", "Good ", "bad"])
        ["labels 'good', 'Good ' differ only in spaces or case; they are 2 separate classes"]
    """
    groups: dict[str, list[str]] = {}
    for label in map(str, labels):
        groups.setdefault("".join(label.split()).casefold(), []).append(label)
    return [
        f"labels {', '.join(map(repr, group))} differ only in spaces or case; they are {len(group)} separate classes"
        for group in groups.values()
        if len(group) > 1
    ]


def encode(targets: np.ndarray, labels: Sequence[Label], *, are_numbers: bool = False) -> np.ndarray:
    """Return the class number of each label, `(rows,)`, int64.

    Args:
        targets: labels, class numbers or one-hot rows, none missing.
        labels: class names, in the order of their numbers.
        are_numbers: whether the targets are class numbers instead of names; default False.

    Raises:
        DataError: a label is not among `labels`; the message gives its row and the nearest label.
    """
    if targets.ndim == 2:
        _check_one_hot(targets)
        if targets.shape[1] != len(labels):
            raise DataError(f"One-hot rows must have {len(labels)} columns. Received: {targets.shape[1]}. Convert them.")
        return np.asarray(targets.argmax(axis=1), np.int64)
    number_of = {str(number if are_numbers else label): number for number, label in enumerate(labels)}
    codes, distinct = pd.factorize(targets, use_na_sentinel=False)
    number_of_code = np.empty(len(distinct), np.int64)
    for code, label in enumerate(_plain(label) for label in distinct):
        if str(label) not in number_of:
            accepted = [f"{number} ({label})" for number, label in enumerate(labels)] if are_numbers else [*number_of]
            raise DataError(
                f"A label is not among the {len(labels)} classes. Received: {label!r} in row {int(np.argmax(codes == code))}."
                f"{nearest(str(label), number_of)} Accepted: {', '.join(accepted[:20])}."
            )
        number_of_code[code] = number_of[str(label)]
    encoded: np.ndarray = number_of_code[codes]
    return encoded


def as_values(targets: np.ndarray) -> np.ndarray:
    """Return regression targets, `(rows, outputs)`, float32.

    Raises:
        DataError: a target is not a finite number.
    """
    numbers = _as_numbers(targets)
    if numbers is None or not (np.abs(numbers) <= np.finfo(np.float32).max).all():
        raise DataError(
            f"Regression targets must be finite numbers. Received: {targets.ravel()[:3].tolist()}... of dtype {targets.dtype}. "
            'Correct them, or predict classes with task="tabular_classification".'
        )
    return numbers.astype(np.float32).reshape(len(targets), -1)


def column_statistics(values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and variance of each column of `(rows, columns)`; a constant column gets variance 1."""
    mean, variance = values.mean(axis=0, dtype=np.float64), values.var(axis=0, dtype=np.float64)
    variance[variance <= 1e-12 * np.maximum(mean**2, 1e-12)] = 1.0
    return tuple(mean.tolist()), tuple(variance.tolist())


def _as_numbers(targets: np.ndarray) -> np.ndarray | None:
    """Return targets as float64; None if any is text, or a boolean among other objects."""
    if targets.dtype.kind not in "buif" and any(isinstance(value, str | bool | np.bool_) for value in targets.ravel()):
        return None
    try:
        return targets.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _is_one_hot(rows: np.ndarray) -> bool:
    numbers = _as_numbers(rows)
    return numbers is not None and bool(np.isin(numbers, (0, 1)).all() and (numbers.sum(axis=1) == 1).all())


def _check_one_hot(rows: np.ndarray) -> None:
    if not _is_one_hot(rows):
        wrong = next(row for row in rows if not _is_one_hot(row[np.newaxis]))
        raise DataError(
            f"Two-dimensional labels must be one-hot: a single 1 in each row. Received: a row {wrong.tolist()}. "
            "Pass one label per row; several labels per row (multi-label) are not supported."
        )


def _as_cell(value: Any) -> Any:
    """Return a label as text, a number or None; times and other scalars become text, and empty text becomes None."""
    if isinstance(value, list | tuple | dict | set | np.ndarray):
        raise DataError(f"A label must be text or a number. Received: {value!r}. Pass one label per row.")
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool | np.bool_ | int | float | np.number):
        return value
    if pd.isna(value):
        return None
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"Text labels must be UTF-8. Received: {value!r}. Save the data as UTF-8.") from error
    return float(value) if isinstance(value, Decimal) else str(value)


def _plain(label: Any) -> Label:
    value = label.item() if isinstance(label, np.generic) else label
    return int(value) if isinstance(value, float) and value.is_integer() else value
