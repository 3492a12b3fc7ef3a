"""Converts tables of named columns, with categories and missing values, to a float32 matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from zoo.errors import DataError, nearest

MAX_CATEGORIES = 100
LARGEST = 1e18  # largest number, so that the variance fits in float32


@dataclass(frozen=True)
class Column:
    """Facts about one column of the training split."""

    name: str
    kind: Literal["number", "category"]
    fill: float = 0.0  # replaces a missing number: the training mean
    has_missing: bool = False  # whether an additional feature marks missing values
    categories: tuple[str, ...] = ()

    @property
    def features(self) -> list[str]:
        """Names of the features that this column becomes."""
        if self.kind == "category":
            return [f"{self.name}={category}" for category in self.categories]
        return [self.name, f"{self.name} is missing"] if self.has_missing else [self.name]


@dataclass(frozen=True)
class TablePreprocessor:
    """Columns, fitted on the training split, and their conversion to features.

    Numbers stay numbers; a missing one becomes the training mean, and an additional feature marks it if the training split
    had missing values. Booleans become 0 and 1, times seconds since 1970, durations seconds. Text becomes one feature
    per category; a missing or unseen category gives zeros. Of more than 100 categories, the 100 most frequent are kept.
    """

    columns: tuple[Column, ...]

    @classmethod
    def fit(cls, table: pd.DataFrame) -> TablePreprocessor:
        """Learn the columns of a training table.

        Raises:
            DataError: no column is usable.
        """
        columns = []
        for name in table.columns:
            values = table[name]
            if _is_numeric(values):
                numbers = _numbers(values, str(name))
                mean = np.nanmean(numbers) if np.isfinite(numbers).any() else 0.0
                columns.append(Column(str(name), "number", float(mean), bool(np.isnan(numbers).any())))
            else:
                counts = values.dropna().astype(str).value_counts()
                kept = sorted(counts.index[:MAX_CATEGORIES])
                columns.append(Column(str(name), "category", categories=tuple(kept)))
        if not any(column.features for column in columns):
            raise DataError(
                f"A table needs a column to learn from. Received: {[*table.columns]}. Add one in addition to the label."
            )
        return cls(tuple(columns))

    @property
    def feature_names(self) -> list[str]:
        """Names of the features, in order."""
        return [feature for column in self.columns for feature in column.features]

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """Return the features of a table; columns that were not in the training table are ignored.

        Returns:
            `(rows, features)`, float32, finite.

        Raises:
            DataError: a column is missing, or a number cannot be read as one.
        """
        present = {str(name): name for name in table.columns}
        blocks = []
        for column in self.columns:
            if column.name not in present:
                unused = set(present) - {own.name for own in self.columns}
                raise DataError(
                    f"The table lacks a column. Received: {[*present]}, wanted {column.name!r}."
                    f"{nearest(column.name, unused)} Add or rename it; leave cells empty where a value is missing."
                )
            values = table[present[column.name]]
            if column.kind == "number":
                numbers = _numbers(values, column.name)
                missing = np.isnan(numbers)
                blocks.append(np.where(missing, column.fill, numbers)[:, np.newaxis])
                if column.has_missing:
                    blocks.append(missing[:, np.newaxis])
            else:
                texts = values.astype(object).where(values.notna(), None).map(str, na_action="ignore").to_numpy()
                blocks.append(texts[:, np.newaxis] == np.array([column.categories], object))
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="unsafe")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TablePreprocessor:
        """Return the preprocessor from `to_dict`'s result.

        Raises:
            KeyError, TypeError, ValueError: the data is damaged.
        """
        for column in plain["columns"]:
            if column["kind"] not in ("number", "category"):
                raise ValueError(f"a column of the kind {column['kind']!r}")
        return cls(tuple(Column(**{**column, "categories": tuple(column["categories"])}) for column in plain["columns"]))


def as_table(features: Any) -> pd.DataFrame:
    """Return a DataFrame, or a `(rows, columns)` array with its columns named feature_0, feature_1, ...

    Raises:
        DataError: the value is neither.
    """
    if isinstance(features, pd.DataFrame):
        names = [str(name) for name in features.columns]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise DataError(f"Columns need different names. Received twice: {twice}. Rename them.")
        return features.infer_objects()
    array = np.asarray(features)
    if array.ndim != 2 or array.dtype.kind not in "buifOUS":
        raise DataError(
            f"A table is a DataFrame or a `(rows, columns)` array. Received: shape {array.shape}, dtype {array.dtype}."
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:  # pandas does not support long double
        array = array.astype(np.float64)
    return pd.DataFrame(array, columns=[f"feature_{index}" for index in range(array.shape[1])]).infer_objects()


def _is_numeric(values: pd.Series) -> bool:
    kinds = pd.api.types
    tests = (kinds.is_numeric_dtype, kinds.is_bool_dtype, kinds.is_datetime64_any_dtype, kinds.is_timedelta64_dtype)
    return any(test(values) for test in tests)


def _numbers(values: pd.Series, name: str) -> np.ndarray:
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values - pd.Timestamp(0, tz=values.dt.tz).as_unit("s")  # nanoseconds end in 2262
    if pd.api.types.is_timedelta64_dtype(values):
        values = values.dt.total_seconds()
    if values.dtype.kind in "cO" and any(isinstance(value, complex) for value in values):
        raise DataError(
            f"Column {name!r} must hold real numbers. Received: complex numbers. Split them into real and imaginary parts."
        )
    try:
        numbers: np.ndarray = pd.to_numeric(values).to_numpy(np.float64, na_value=np.nan)
    except OverflowError as error:
        raise DataError(
            f"Column {name!r} must hold numbers between -{LARGEST:g} and {LARGEST:g}. Received: {error}. Leave the cell empty "
            "if the value is missing."
        ) from error
    except (ValueError, TypeError) as error:
        is_broken = pd.to_numeric(values, errors="coerce").isna() & values.notna() & (values != "")
        position = int(np.argmax(is_broken))
        raise DataError(
            f"Column {name!r} held numbers in training. Received: {values.iloc[position]!r} in row {values.index[position]}. "
            "Fix the cell, or leave it empty if the value is missing."
        ) from error
    is_too_large = np.abs(numbers) > LARGEST  # false for a missing one
    if is_too_large.any():
        position = int(np.argmax(is_too_large))
        raise DataError(
            f"Column {name!r} must hold numbers between -{LARGEST:g} and {LARGEST:g}, which float32 can square. "
            f"Received: {numbers[position]} in row {values.index[position]}. Leave the cell empty if the value is missing."
        )
    return numbers
