"""CSV, TSV and Parquet files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from zoo.errors import DataError, nearest
from zoo.inputs.table.preprocessor import as_table
from zoo.readers.examples import ALL, Examples, Part
from zoo.settings import DataArguments
from zoo.targets import as_targets

SUFFIXES = (".csv", ".parquet", ".tsv")
LABEL_NAMES = ("label", "target", "class")
TAIL_BYTES = 64


def read_table(path: Path) -> pd.DataFrame:
    """Return a CSV, TSV or Parquet file; empty cells and NA are missing values.

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
            _ = table.column_names  # decodes the names
            if any(pa.types.is_binary(column.type) for column in table.schema):
                raise DataError(_not_utf_8("other bytes", path))
            check_quotes_close(path, table.column(table.num_columns - 1))
    if not table.num_rows:
        raise DataError(f"The table is empty. Received: {path} without rows. Add rows below the header.")
    return as_table(plain(table).to_pandas(date_as_object=False))


def parse_options(path: Path) -> csv.ParseOptions:
    """Return the parse options: tabs in .tsv, otherwise commas; quoted cells may contain newlines."""
    return csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",", newlines_in_values=True)


def plain(table: pa.Table) -> pa.Table:
    """Return a table with decimal numbers as float64."""
    numbers = [pa.field(column.name, pa.float64()) if pa.types.is_decimal(column.type) else column for column in table.schema]
    return table.cast(pa.schema(numbers))


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Convert errors of a file to DataError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(f"A table's text must be UTF-8. Received: {error} in {path}. Save the file as UTF-8.") from error
    except (pa.ArrowException, OSError) as error:
        if "invalid UTF8" in str(error):
            raise DataError(_not_utf_8("other bytes", path)) from error
        hint = (
            " Save the file as UTF-8." if _is_utf_16(path) else " Fix the file; commas separate columns in .csv, tabs in .tsv."
        )
        raise DataError(f"The table cannot be read: {error}. Received: {path}.{hint}") from error


def _not_utf_8(received: str, path: Path) -> str:
    return (
        f"A table's text must be UTF-8. Received: {received} in {path}. Save the file as UTF-8, "
        "or for a file of texts set its encoding with data.encoding."
    )


def check_is_text(path: Path) -> None:
    """Reject a file that contains zero bytes.

    Raises:
        DataError: it contains zero bytes.
    """
    if _is_binary(path):
        raise DataError(f"This is a binary file. Received: {path}, with zero bytes in it. Pass a text file.")


def check_quotes_close(path: Path, last_column: pa.ChunkedArray) -> None:
    """Reject a CSV file with an unclosed quote, after which all rows would be one cell.

    Args:
        path: path of the file.
        last_column: last rows of the last column; an unclosed quote makes its cell the very last.

    Raises:
        DataError: a quote is not closed.
    """
    if not (len(last_column) and pa.types.is_string(last_column.type)):
        return
    cell = last_column[-1].as_py() or ""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, TAIL_BYTES), os.SEEK_END)
        ends_in_quote = file.read().rstrip(b"\r\n").endswith(b'"')
    if "\n" in cell and not ends_in_quote:
        raise DataError(
            f"A quote is not closed: its cell extends to the end of the file. Received: {cell[:40]!r} in the last column of "
            f"{path}. Close the quote; if it is an ordinary character, double it and quote the cell."
        )


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(8192) and not _is_utf_16(path)


def _is_utf_16(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    except OSError:
        return False


def read_table_examples(path: Path, arguments: DataArguments) -> Examples:
    """Return the examples in a table file.

    Raises:
        DataError: the file cannot be read, or its label column is not found.
    """
    table = read_table(path)
    notes = []
    if "" in table.columns:  # an index that was saved with the columns: it would reveal the order of the rows
        table = table.drop(columns="")
        notes.append("a column without a name is ignored")
    features, raw_targets = split_columns(table, arguments)
    part = Part(features.reset_index(drop=True), as_targets(raw_targets))
    return Examples(str(path), {ALL: part}, "table", are_numbers_names=True, notes=notes)


def split_columns(table: pd.DataFrame, arguments: DataArguments) -> tuple[pd.DataFrame, Any]:
    """Return the feature columns and the label column of a table.

    Raises:
        DataError: the given column is missing, or none is given and no column is called label, target or class.
    """
    names = {str(name): name for name in table.columns}
    wanted = arguments.label_column
    if wanted is None:
        wanted = next((name for name in names if name.lower() in LABEL_NAMES), None)
        if wanted is None:
            hint = " In .csv, commas separate the columns, in .tsv tabs." if len(names) == 1 else ""
            raise DataError(
                f"Which column is the label? Received: columns {', '.join(name[:40] for name in names)}, none called "
                f"{', '.join(LABEL_NAMES)}. Name it with data.label_column, or for a file of texts set "
                f"task=text_classification.{hint}"
            )
    for column in (wanted, *arguments.ignore_columns):
        if column not in names:
            raise DataError(f"The table has no such column. Received: {column!r}.{nearest(column, names)} "
                            f"Accepted: {', '.join(names)}.")  # fmt: skip
    left_out = [names[column] for column in (wanted, *arguments.ignore_columns)]
    return as_table(table).drop(columns=left_out), table[names[wanted]]
