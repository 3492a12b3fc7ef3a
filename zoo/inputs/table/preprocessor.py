"""Converts tables of named columns, with categories and missing values, to a float32 matrix."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from zoo.errors import DataError, nearest
from zoo.inputs.kind import CHUNK, REQUEST, Batches, Preprocessor, Twin, slices
from zoo.targets import column_statistics

if TYPE_CHECKING:
    from zoo.settings import DataArguments
    from zoo.sources.source import Source

MAX_CATEGORIES = 100
LARGEST = 1e18  # largest number, so that the variance fits in float32


@dataclass(frozen=True)
class Column:
    """Facts about one column of the training part."""

    name: str
    kind: Literal["number", "category"]
    fill: float = 0.0  # replaces a missing number: the training mean
    has_missing: bool = False  # whether an additional feature marks missing values
    categories: tuple[str, ...] = ()

    @property
    def dtype(self) -> type:
        """The dtype of the column as an exported tensor."""
        return np.float32 if self.kind == "number" else object

    @property
    def features(self) -> list[str]:
        """Names of the features that this column becomes."""
        if self.kind == "category":
            return [f"{self.name}={category}" for category in self.categories]
        return [self.name, f"{self.name} is missing"] if self.has_missing else [self.name]


COLUMNS = TypeAdapter(tuple[Column, ...])


@dataclass(frozen=True)
class TablePreprocessor(Preprocessor):
    """Converts columns to features; fitted on the training part.

    Numbers stay numbers; a missing one becomes the training mean, and an additional feature marks it if the training part
    had missing values. Booleans become 0 and 1; times become seconds since 1970, and durations seconds. Text becomes
    one feature per category; a missing or unseen category gives zeros. Only the 100 most frequent categories are kept.
    """

    columns: tuple[Column, ...]
    kind_name = "table"
    signature = "features"

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

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Number of features."""
        return (len(self.feature_names),)

    @property
    def tensor_names(self) -> dict[str, str]:
        """The name of each column's exported tensor: the column's name, with `_` for characters that tensors cannot have."""
        names: dict[str, str] = {}
        for number, column in enumerate(self.columns):
            name = re.sub(r"[^A-Za-z0-9]+", "_", column.name).strip("_")
            if not name[:1].isalpha() or name == "self" or keyword.iskeyword(name) or name in names.values():
                name = f"column_{number}_{name}".rstrip("_")
            names[column.name] = name
        return names

    def source(self, features: pd.DataFrame, hashes: np.ndarray, arguments: DataArguments) -> Source:
        """Return the features of a table in memory."""
        from zoo.sources.source import Arrays

        return Arrays(self.transform(features), hashes)

    def statistics(self, source: Any, rows: np.ndarray) -> dict[str, tuple[float, ...]]:
        """Return mean and variance of each feature."""
        mean, variance = column_statistics(source.features.numpy()[rows])
        return {"mean": mean, "variance": variance}

    def batches(self, raw: Any, *, takes_strings: bool = False, dtype: np.dtype | None = None) -> Batches:
        """Return batches of a DataFrame, a mapping of column to value or list, or an array `(rows, columns)`."""
        return None, slices(self.transform(self._as_rows(raw)), CHUNK * 16)

    def _as_rows(self, raw: Any) -> pd.DataFrame:
        if isinstance(raw, pd.DataFrame):
            return as_table(raw)
        columns = [column.name for column in self.columns]
        try:
            if isinstance(raw, Mapping) and all(np.ndim(value) == 0 for value in raw.values()):
                raw = [raw]
            if isinstance(raw, Mapping) or (isinstance(raw, Sequence) and raw and isinstance(raw[0], Mapping)):
                return pd.DataFrame(raw)
            rows = np.asarray(raw)
        except ValueError as error:
            raise DataError(f"Rows or columns have different lengths: {error}. Make them equally long.") from error
        rows = rows[np.newaxis] if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != len(columns):
            raise DataError(
                f"A row must have {len(columns)} columns: {', '.join(columns)}. Received: shape {rows.shape}. "
                "Pass them in this order, or pass a DataFrame with these names."
            )
        return pd.DataFrame(rows, columns=columns)

    def shown(self, example: np.ndarray) -> dict[str, float]:
        """Return the values of a row by feature."""
        return dict(zip(self.feature_names, example.tolist(), strict=True))

    def choose(self, parts: Iterable[Iterable[np.ndarray]], count: int) -> pd.DataFrame:
        """Return the columns of some rows."""
        return self.as_columns(super().choose(parts, count))

    def as_columns(self, features: np.ndarray) -> pd.DataFrame:
        """Invert `transform`: return columns in which missing numbers are NaN and missing categories are empty.

        Args:
            features: `(rows, features)`.
        """
        columns: dict[str, np.ndarray] = {}
        start = 0
        for column in self.columns:
            block = features[:, start : start + len(column.features)]
            start += len(column.features)
            if column.kind == "number":
                is_missing = block[:, 1] == 1 if column.has_missing else np.zeros(len(block), bool)
                columns[column.name] = np.where(is_missing, np.nan, block[:, 0])
            else:
                names = np.array(["", *column.categories], object)
                columns[column.name] = names[(block * np.arange(1, block.shape[1] + 1)).sum(axis=1).astype(int)]
        return pd.DataFrame(columns)

    def export_facts(self) -> dict[str, Any]:
        """Return the tensor names of the columns."""
        return {"columns": self.tensor_names}

    def twin(self, dtype: Any) -> Twin:
        """Return the same steps as TensorFlow functions."""
        from zoo.inputs.table.graph import twin

        return twin(self)

    def one(self, raw: pd.DataFrame, row: int) -> pd.DataFrame:
        """Return one row."""
        return raw.iloc[[row]]

    def requests(self, raw: pd.DataFrame, signatures: Iterable[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield the signature that takes columns."""
        names, kinds = self.tensor_names, {column.name: column.dtype for column in self.columns}
        yield (
            "serving_default",
            [{names[name]: rows[name].to_numpy(kinds[name]) for name in names} for rows in slices(raw, REQUEST)],
        )

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """Return the features of a table; columns that were not in the training table are ignored.

        Returns:
            `(rows, features)`, float32, finite.

        Raises:
            DataError: a column is missing, or a cell of a numeric column is not a number.
        """
        present = {str(name): name for name in table.columns}
        blocks = []
        for column in self.columns:
            if column.name not in present:
                unused = set(present) - {own.name for own in self.columns}
                raise DataError(
                    f"The table lacks column {column.name!r}. Received: {[*present]}."
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
        return {"columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TablePreprocessor:
        """Return the preprocessor from `to_dict`'s result.

        Raises:
            KeyError, TypeError, ValueError: the data is damaged.
        """
        return cls(COLUMNS.validate_python(plain["columns"]))


def as_table(features: Any) -> pd.DataFrame:
    """Return features as a DataFrame; the columns of an array are named feature_0, feature_1, ...

    Raises:
        DataError: the value is neither a DataFrame nor an array `(rows, columns)`, or two columns have one name.
    """
    if isinstance(features, pd.DataFrame):
        names = [str(name) for name in features.columns]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise DataError(f"Column names must be unique. Received twice: {twice}. Rename them.")
        return features.infer_objects()
    array = np.asarray(features)
    if array.ndim != 2 or array.dtype.kind not in "buifOUS":
        raise DataError(
            f"A table must be a DataFrame or a `(rows, columns)` array. Received: shape {array.shape}, dtype {array.dtype}."
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
    has_objects = values.dtype.kind in "cO"
    cells = values.map(_within_float64) if has_objects else values
    numbers: np.ndarray = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    is_wrong = np.abs(numbers) > LARGEST  # NaN compares as false
    if has_objects:
        is_wrong |= np.isnan(numbers) & (values.notna() & (values != "")).to_numpy(bool)
    if is_wrong.any():
        position = int(np.argmax(is_wrong))
        raise DataError(
            f"Column {name!r} must contain real numbers between -{LARGEST:g} and {LARGEST:g}, which float32 can square. "
            f"Received: {values.tolist()[position]!r:.80} in row {values.index[position]}. Fix the cell, or leave it empty if "
            "the value is missing."
        )
    return numbers


def _within_float64(cell: Any) -> Any:
    """Return infinity for what pandas handles wrongly: complex numbers and huge integers."""
    return np.inf if isinstance(cell, complex) or (isinstance(cell, int) and abs(cell) > LARGEST) else cell
