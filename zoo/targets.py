"""Raw labels and targets, as people write them, and their encoding as class numbers or float rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from zoo.errors import DataError, nearest

Label = str | int | float | bool
FEW_VALUES = 20  # a numeric label column with at most this many different whole numbers is read as classes


def is_missing(targets: np.ndarray) -> np.ndarray:
    """Return whether a row's label, or any of its targets, is missing; `(rows,)`, bool."""
    missing: np.ndarray = np.asarray(pd.isna(targets))
    if targets.dtype == object:
        missing = missing | np.frompyfunc(lambda value: isinstance(value, str) and not value, 1, 1)(targets).astype(bool)
    return np.any(missing.reshape(len(targets), -1), axis=1) if len(targets) else np.zeros(0, bool)


def as_targets(targets: Any) -> np.ndarray:
    """Return labels or targets as a NumPy array: text as objects, numbers unchanged, a single column as `(rows,)`.

    Raises:
        DataError: an example has neither one value nor one row of values.
    """
    if isinstance(targets, pd.DataFrame | pd.Series):
        targets = targets.astype(object).to_numpy() if _is_text(targets) else targets.to_numpy()
    try:
        array = np.asarray(targets)
    except ValueError as error:
        raise DataError(f"Targets have rows of different lengths: {error}. Give one label for each row.") from error
    if array.ndim not in (1, 2):
        raise DataError(
            f"Targets are `(rows,)` or `(rows, columns)`. Received: {type(targets).__name__} of shape {array.shape}. "
            "Give one label, or one row of numbers, for each example."
        )
    if array.dtype.kind in "SUmM":
        array = pd.Series(array.ravel()).astype(object).to_numpy().reshape(array.shape)
    if array.dtype == object:
        array = np.frompyfunc(_as_cell, 1, 1)(array)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def look_like_classes(targets: np.ndarray) -> bool:
    """Return whether raw targets are classes rather than quantities: text, booleans, one-hot rows or few whole numbers."""
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
        targets: labels of the rows that have one: text, booleans, whole numbers or one-hot rows.
        are_numbers_names: True if numbers are names of classes, as 3, 5, 8 in a table; False if they are class numbers from 0,
            as in an array.

    Raises:
        DataError: labels are negative, fractional or multi-label, or there are fewer than two classes.
    """
    if targets.ndim == 2:
        _check_one_hot(targets)
        return tuple(range(targets.shape[1]))
    numbers = _as_numbers(targets)
    labels: tuple[Label, ...]
    if numbers is None or targets.dtype.kind == "b":
        distinct = {_plain(label) for label in targets}
        if len({str(label) for label in distinct}) < len(distinct):  # 1 of one part and "1" of another
            distinct = {str(label) for label in distinct}
        labels = tuple(sorted(distinct, key=str))
    elif not (np.isfinite(numbers) & (numbers == np.floor(numbers))).all():
        raise DataError(
            "Class labels are whole numbers or text. "
            f"Received: {numbers[~(np.isfinite(numbers) & (numbers == np.floor(numbers)))][:3].tolist()}. "
            'Correct them, or predict numbers with task="regression".'
        )
    elif are_numbers_names:
        labels = tuple(int(number) for number in np.unique(numbers))
    elif numbers.min() < 0:
        raise DataError(
            f"Whole-number labels are class numbers from 0. Received: {int(numbers.min())}. "
            "Renumber them from 0, or give text labels."
        )
    elif numbers.max() >= max(len(numbers), 1000):
        raise DataError(
            f"Whole-number labels are class numbers from 0. Received: {int(numbers.max())}, with {len(np.unique(numbers))} "
            "different ones. Renumber them from 0, or give text labels."
        )
    else:
        labels = tuple(range(int(numbers.max()) + 1))
    if len(np.unique(targets.astype(str))) < 2:
        raise DataError(f"Classification needs at least two classes. Received: only {labels[-1]!r}. Add rows of another.")
    return labels


def label_twins(labels: Sequence[Label]) -> list[str]:
    """Return a sentence for each group of labels that differ only in spaces or case.

    Example:
        >>> label_twins(["good", "Good ", "bad"])
        ["labels 'good', 'Good ' differ only in spaces or case; they are kept as 2 classes"]
    """
    groups: dict[str, list[str]] = {}
    for label in map(str, labels):
        groups.setdefault("".join(label.split()).casefold(), []).append(label)
    return [
        f"labels {', '.join(map(repr, group))} differ only in spaces or case; they are kept as {len(group)} classes"
        for group in groups.values()
        if len(group) > 1
    ]


def encode(targets: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """Return the class number of each label, `(rows,)`, int64.

    Raises:
        DataError: a label is not among `labels`; the message gives its row and the nearest label.
    """
    if targets.ndim == 2:
        _check_one_hot(targets)
        if targets.shape[1] != len(labels):
            raise DataError(f"One-hot rows have {len(labels)} columns here. Received: {targets.shape[1]}.")
        numbers: np.ndarray = targets.argmax(axis=1).astype(np.int64)
        return numbers
    number_of = {str(label): number for number, label in enumerate(labels)}
    codes, distinct = pd.factorize(targets)
    number_of_code = np.empty(len(distinct), np.int64)
    for code, label in enumerate(_plain(label) for label in distinct):
        if str(label) not in number_of:
            raise DataError(
                f"A label is not among the {len(labels)} classes. Received: {label!r} in row {int(np.argmax(codes == code))}."
                f"{nearest(str(label), number_of)} Accepted: {', '.join(list(number_of)[:20])}."
            )
        number_of_code[code] = number_of[str(label)]
    encoded: np.ndarray = number_of_code[codes]
    return encoded


def check_class_numbers(targets: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """Return the class numbers of a source that has class names, `(rows,)`, int64.

    Raises:
        DataError: a class number is not a whole number from 0 to the number of classes - 1; the message gives its row.
    """
    numbers = targets.astype(np.float64)
    wrong = ~((numbers >= 0) & (numbers < len(labels)) & (numbers == np.floor(numbers)))  # NaN compares false
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"A label is not among the {len(labels)} classes. Received: class number {targets[row]} in row {row}. "
            f"Accepted: 0 to {len(labels) - 1}, for {', '.join(map(str, labels[:20]))}. Correct the label or the class names."
        )
    return numbers.astype(np.int64)


def as_values(targets: np.ndarray) -> np.ndarray:
    """Return regression targets, `(rows, outputs)`, float32.

    Raises:
        DataError: a target is not a finite number.
    """
    numbers = _as_numbers(targets)
    if numbers is None or not (np.abs(numbers) <= np.finfo(np.float32).max).all():
        raise DataError(
            f"Regression targets are finite numbers. Received: {targets.ravel()[:3].tolist()}... of dtype {targets.dtype}. "
            'Correct them, or predict classes with task="tabular_classification".'
        )
    return numbers.astype(np.float32).reshape(len(targets), -1)


def column_statistics(values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and variance of each column of `(rows, columns)`; a constant column gets variance 1."""
    mean, variance = values.mean(axis=0, dtype=np.float64), values.var(axis=0, dtype=np.float64)
    variance[variance <= 1e-12 * np.maximum(mean**2, 1e-12)] = 1.0
    return tuple(mean.tolist()), tuple(variance.tolist())


def _as_numbers(targets: np.ndarray) -> np.ndarray | None:
    try:
        return targets.astype(np.float64) if targets.dtype.kind in "buif" or not _has_text(targets) else None
    except (TypeError, ValueError):
        return None


def _has_text(targets: np.ndarray) -> bool:
    return any(isinstance(value, str | bytes | bool | np.bool_) for value in targets.ravel())


def _is_text(targets: pd.DataFrame | pd.Series) -> bool:
    frame = targets.to_frame() if isinstance(targets, pd.Series) else targets
    return any(not pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in frame.dtypes)


def _is_one_hot(rows: np.ndarray) -> bool:
    numbers = _as_numbers(rows)
    return numbers is not None and bool(np.isin(numbers, (0, 1)).all() and (numbers.sum(axis=1) == 1).all())


def _check_one_hot(rows: np.ndarray) -> None:
    if not _is_one_hot(rows):
        numbers = _as_numbers(rows)
        wrong = (
            0
            if numbers is None
            else int(np.argmax((np.isin(numbers, (0, 1)).sum(axis=1) < rows.shape[1]) | (numbers.sum(axis=1) != 1)))
        )
        raise DataError(
            "Two-dimensional labels are one-hot: a single 1 in each row. "
            f"Received: a row {rows[wrong].tolist()}. "
            "Several labels in a row (multi-label) are not supported: give one label for each row."
        )


def _as_cell(value: Any) -> Any:
    """Return a label as text, a number or None; times and other scalars become text."""
    if isinstance(value, list | tuple | dict | set | np.ndarray):
        raise DataError(f"A label is text or a number. Received: {value!r}. Give one label for each row.")
    if isinstance(value, str | bool | np.bool_ | int | float | np.number):
        return value
    if pd.isna(value):
        return None
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"Text labels are UTF-8. Received: {value!r}. Save the data as UTF-8.") from error
    return float(value) if isinstance(value, Decimal) else str(value)


def _plain(label: Any) -> Label:
    value = label.item() if isinstance(label, np.generic) else label
    return int(value) if isinstance(value, float) and value.is_integer() else value
