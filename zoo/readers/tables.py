"""CSV, TSV and Parquet files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from zoo.errors import DataError, nearest
from zoo.inputs.table.preprocessor import as_table
from zoo.readers.examples import ALL, Examples, Part
from zoo.readers.opening import check_is_text, delimiter_of, read_errors
from zoo.settings import DataArguments

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
                raise ValueError("invalid UTF8 data")  # which pyarrow does not report if a column has other bytes throughout
            check_quotes_close(path, table.column(table.num_columns - 1))
    if not table.num_rows:
        raise DataError(f"The table is empty. Received: {path} without rows. Add rows below the header.")
    return as_table(plain(table).to_pandas(date_as_object=False))


def parse_options(path: Path) -> csv.ParseOptions:
    """Return the parse options: tabs in .tsv, otherwise commas; quoted cells may contain newlines."""
    return csv.ParseOptions(delimiter=delimiter_of(path), newlines_in_values=True)


def plain(table: pa.Table) -> pa.Table:
    """Return a table with decimal numbers as float64."""
    numbers = [pa.field(column.name, pa.float64()) if pa.types.is_decimal(column.type) else column for column in table.schema]
    return table.cast(pa.schema(numbers))


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
    part = Part(features.reset_index(drop=True), raw_targets)
    return Examples(str(path), {ALL: part}, "table", are_numbers_names=True, notes=notes)


def split_columns(table: pd.DataFrame, arguments: DataArguments) -> tuple[pd.DataFrame, Any]:
    """Return the feature columns and the label column of a table.

    Raises:
        DataError: the given column is missing, or none is given and no column is called label, target or class.
    """
    names = {str(name): name for name in table.columns}
    usual = next((name for name in names if name.lower() in LABEL_NAMES), None)
    label = usual if arguments.label_column is None else arguments.label_column
    if label is None:
        raise unknown_column("label", [*names], LABEL_NAMES)
    left_out = [label, *arguments.ignore_columns]
    check_columns(left_out, names)
    return as_table(table).drop(columns=[names[column] for column in left_out]), table[names[label]]


def check_columns(wanted: Iterable[str], names: Collection[str]) -> None:
    """Reject columns that the data does not have.

    Raises:
        DataError: a column is missing; the message gives the nearest name.
    """
    for column in wanted:
        if column not in names:
            accepted = f"{nearest(column, names)} Accepted: {', '.join(names)}."
            raise DataError(f"The data has no such column. Received: {column!r}.{accepted}")


def unknown_column(role: str, names: Sequence[str], usual: Sequence[str]) -> DataError:
    """Return the error for data without a column of a usual name.

    Args:
        role: "text" or "label".
        names: columns of the data.
        usual: usual names of the column.
    """
    return DataError(
        f"Which column is the {role}? Received: columns {', '.join(name[:40] for name in names)}, none called "
        f"{', '.join(usual)}. Name it with data.{role}_column=... (texts without a header have columns 1, 2, ...). In .csv, "
        "commas separate the columns, in .tsv tabs. For texts, set task=text_classification."
    )
