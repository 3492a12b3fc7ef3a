"""Reads CSV, TSV and Parquet files: completely, or in chunks for a model with known columns."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import compute, csv, parquet

from zoo.errors import DataError, nearest
from zoo.inputs.table.preprocessor import Column, TablePreprocessor, as_table
from zoo.readers.examples import ALL, Examples, Part
from zoo.readers.opening import check_is_text, delimiter_of, read_errors
from zoo.settings import DataArguments

SUFFIXES = (".csv", ".parquet", ".tsv")
LABEL_NAMES = ("label", "target", "class")
TAIL_BYTES = 64
CHUNK = 16_384  # rows of a Parquet chunk
BLOCK_BYTES = 2**20  # bytes of a file chunk
READ_AS = {  # types to try for a column of numbers, in this order; float64 first, since failures are slow
    "numbers": (pa.float64(), pa.int64(), pa.bool_()),  # 0x1F is an int64
    "times": (pa.timestamp("s"), pa.timestamp("ns")),  # 9999-12-31 does not fit in nanoseconds
    "times with a zone": (pa.timestamp("s", "UTC"), pa.timestamp("ns", "UTC")),
}
TIME_OF_DAY = re.compile(r"\d\d:\d\d:\d\d")


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet file; empty cells and NA are missing values.

    Raises:
        DataError: the file is empty, has rows of different lengths, or does not match its suffix.
    """
    with read_errors(path):
        if path.suffix.lower() == ".parquet":
            table = parquet.read_table(path)
        else:
            check_is_text(path)
            convert = csv.ConvertOptions(strings_can_be_null=True)
            table = csv.read_csv(path, parse_options=parse_options(path), convert_options=convert)
            _ = table.column_names  # decodes the names, to find encoding errors
            if any(pa.types.is_binary(column.type) for column in table.schema):
                raise ValueError("invalid UTF8 data")  # pyarrow does not report it if all cells of a column are invalid
            check_quotes_close(path, table.column(table.num_columns - 1))
    if not table.num_rows:
        raise DataError(f"The table is empty. Received: {path} without rows. Add rows below the header.")
    return as_table(plain(table).to_pandas(date_as_object=False))


def stream_table(path: Path, columns: TablePreprocessor) -> Iterator[tuple[pd.DataFrame, float]]:
    """Yield the rows of a table in chunks, each with the fraction of the file read so far.

    The model's columns determine how CSV cells are read, since a chunk or a file may contain only empty cells, or codes that
    look like numbers. A category is the text of its cell; a number is read as a number, a boolean or a time. Everything else
    works as in `read_table`.

    Args:
        path: path of a CSV, TSV or Parquet file; empty cells and NA are missing values.
        columns: columns of the model.

    Yields:
        The rows, indexed by their position in the file from 0, and the fraction read.

    Raises:
        DataError: the file is empty, has rows of different lengths, or does not match its suffix; a column of numbers
            contains both numbers and times.
    """
    with read_errors(path):
        own = {column.name: column for column in columns.columns}
        batches = _parquet(path, own) if path.suffix.lower() == ".parquet" else _csv(path, own)
        start = 0
        for batch, share in batches:
            if not batch.num_rows:
                continue
            table = as_table(plain(batch).to_pandas(date_as_object=False))
            table.index = pd.RangeIndex(start, start + len(table))
            start += len(table)
            yield table, share
    if not start:
        raise DataError(f"The table is empty. Received: {path} without rows. Add rows below the header.")


def _parquet(path: Path, own: dict[str, Column]) -> Iterator[tuple[pa.Table, float]]:
    """Yield batches; integers of a category become text, since pandas turns 7 into 7.0 if the batch has a missing cell."""
    file = parquet.ParquetFile(path, buffer_size=BLOCK_BYTES, pre_buffer=False)  # otherwise, all row groups stay in memory
    read = 0
    for batch in file.iter_batches(CHUNK):
        table = pa.Table.from_batches([batch])
        for place, field in enumerate(table.schema):
            if field.name in own and own[field.name].kind == "category" and pa.types.is_integer(field.type):
                table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
        read += batch.num_rows
        yield table, read / max(file.metadata.num_rows, 1)


def _csv(path: Path, own: dict[str, Column]) -> Iterator[tuple[pa.Table, float]]:
    check_is_text(path)
    with path.open("rb") as file:
        names = csv.open_csv(file, parse_options=parse_options(path)).schema.names
    size = path.stat().st_size
    kinds: dict[str, str] = {}
    with path.open("rb") as file:
        reader = csv.open_csv(
            file,
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            parse_options=parse_options(path),
            convert_options=csv.ConvertOptions(strings_can_be_null=True, column_types=dict.fromkeys(names, pa.string())),
        )
        last = pa.chunked_array([], pa.string())
        for batch in reader:
            table = pa.Table.from_batches([batch])
            last = table.column(len(names) - 1) if batch.num_rows else last
            for place, name in enumerate(names):
                if name in own and own[name].kind == "number":
                    table = table.set_column(place, name, _numbers(table.column(place), name, kinds))
                elif name in own:
                    table = table.set_column(place, name, _categories(table.column(place), own[name].categories))
            yield table, file.tell() / size
    check_quotes_close(path, last)


def _numbers(texts: pa.ChunkedArray, name: str, found: dict[str, str]) -> pa.ChunkedArray:
    """Return cells as numbers or times; `found` records the kind of each column so far."""
    trimmed = compute.utf8_trim_whitespace(texts)
    for what, kind in ((what, kind) for what, kinds in READ_AS.items() for kind in kinds):
        try:
            numbers = trimmed.cast(kind)
        except pa.ArrowInvalid:
            continue
        if numbers.null_count < len(numbers) and found.setdefault(name, what) != what:
            raise DataError(
                f"Column {name!r} must contain numbers, or times of one kind. Received: {found[name]}, and {what} such as "
                f"{texts.drop_null()[0].as_py()!r}. Write all cells of the column in one form."
            )
        return numbers
    return texts  # the preprocessor reports the error


def _categories(texts: pa.ChunkedArray, categories: tuple[str, ...]) -> pa.ChunkedArray:
    """Return cells as they were in training if they were not text: `true` becomes True, and 12:30 becomes 12:30:00."""
    if set(categories) <= {"False", "True"}:
        texts = compute.replace_substring_regex(texts, "^(1|true|TRUE)$", "True")
        return compute.replace_substring_regex(texts, "^(0|false|FALSE)$", "False")
    if all(TIME_OF_DAY.fullmatch(category) for category in categories):
        return compute.replace_substring_regex(compute.utf8_trim_whitespace(texts), r"^(\d\d:\d\d)$", r"\1:00")
    return texts


def parse_options(path: Path) -> csv.ParseOptions:
    """Return the parse options: tabs in .tsv, otherwise commas; quoted cells may contain newlines."""
    return csv.ParseOptions(delimiter=delimiter_of(path), newlines_in_values=True)


def plain(table: pa.Table) -> pa.Table:
    """Convert decimal numbers in a table to float64."""
    numbers = [pa.field(column.name, pa.float64()) if pa.types.is_decimal(column.type) else column for column in table.schema]
    return table.cast(pa.schema(numbers))


def check_quotes_close(path: Path, last_column: pa.ChunkedArray) -> None:
    """Reject a CSV file with an unclosed quote, which would merge all later rows into one cell.

    Args:
        path: path of the file.
        last_column: last rows of the last column; the cell with an unclosed quote is the last one.

    Raises:
        DataError: a quote is not closed.
    """
    cell = last_column[-1].as_py() if len(last_column) else None
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, TAIL_BYTES), os.SEEK_END)
        ends_in_quote = file.read().rstrip(b"\r\n").endswith(b'"')
    if isinstance(cell, str) and "\n" in cell and not ends_in_quote:
        raise DataError(
            f"A quote is not closed: its cell extends to the end of the file. Received: {cell[:40]!r} in the last column of "
            f"{path}. Close the quote; if it is an ordinary character, double it and quote the cell."
        )


def read_table_examples(path: Path, arguments: DataArguments) -> Examples:
    """Return the examples in a table file.

    Raises:
        DataError: the file cannot be read, or its label column is not found.
    """
    table = read_table(path)
    notes = []
    if "" in table.columns:  # a saved index, which would reveal the order of the rows
        table = table.drop(columns="")
        notes.append("a column without a name is ignored")
    features, raw_targets = split_columns(table, arguments)
    part = Part(features.reset_index(drop=True), raw_targets)
    return Examples(str(path), {ALL: part}, "table", are_numbers_names=True, notes=notes)


def split_columns(table: pd.DataFrame, arguments: DataArguments) -> tuple[pd.DataFrame, Any]:
    """Return the feature columns and the label column of a table.

    Raises:
        DataError: the named column is missing, or none is named and no column is called label, target or class.
    """
    names = {str(name): name for name in table.columns}
    usual = next((name for name in names if name.lower() in LABEL_NAMES), None)
    label = usual if arguments.label_column is None else arguments.label_column
    if label is None:
        raise unknown_column("label", [*names], LABEL_NAMES)
    excluded = [label, *arguments.ignore_columns]
    check_columns(excluded, names)
    return as_table(table).drop(columns=[names[column] for column in excluded]), table[names[label]]


def check_columns(wanted: Iterable[str], names: Collection[str]) -> None:
    """Reject columns that the data do not have.

    Raises:
        DataError: a column is missing; the message suggests the nearest name.
    """
    for column in wanted:
        if column not in names:
            accepted = f"{nearest(column, names)} Accepted: {', '.join(names)}."
            raise DataError(f"The data do not have this column. Received: {column!r}.{accepted}")


def unknown_column(role: str, names: Sequence[str], usual: Sequence[str]) -> DataError:
    """Return the error for data in which no column has a usual name.

    Args:
        role: "text" or "label".
        names: columns of the data.
        usual: usual names of the column.
    """
    return DataError(
        f"The {role} column is not known. Received: columns {', '.join(name[:40] for name in names)}, none called "
        f"{', '.join(usual)}. Name it with data.{role}_column=... (texts without a header have columns 1, 2, ...). Columns "
        "are separated by commas in .csv, by tabs in .tsv. For texts, set task=text_classification."
    )
