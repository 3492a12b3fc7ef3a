"""Reads text files row by row, repeatedly: CSV, TSV, JSON lines, Parquet and plain lines.

Each function returns a function that opens the file and yields `(place, text, label)` for each row. In an unreadable row, an
exception with the reason replaces the text.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pyarrow import parquet

from zoo.errors import DataError
from zoo.readers.opening import delimiter_of, open_text, read_errors

LARGEST_CELL = 2**31 - 1  # characters; the csv module's default limit is 131,072
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
GUESS_ROWS = 1000  # rows of a file without a header for guessing the label column

Record = tuple[str, Any, Any]
Records = Callable[[], Iterator[Record]]
Columns = Callable[[Sequence[str]], tuple[int, int]]  # from names to the positions of text and label
Cells = Callable[[], Iterator[tuple[str, list[str]]]]


def column_names(path: Path, encoding: str) -> list[str]:
    """Return the first row of a CSV or TSV file, or the columns of a Parquet file; an empty list if it cannot be read."""
    try:
        if path.suffix.lower() == ".parquet":
            return _parquet_names(path)
        return next((row for _, row in _cells(path, encoding)), [])
    except DataError:
        return []  # the reader reports the error


def delimited(
    path: Path, encoding: str, columns: Columns, is_header: Callable[[Sequence[str]], bool], *, may_guess: bool
) -> tuple[Records, list[str]]:
    """Return the rows of a CSV or TSV file, and notes on how they are read.

    Quoted cells may contain newlines and doubled quotes. If quotes in a TSV are not closed, or would join rows, they are
    ordinary characters.

    Args:
        path: path of the file; tabs separate the columns of `.tsv`, and commas those of other files.
        encoding: encoding of the file.
        columns: function that finds text and label by name; without a header, columns are named "1", "2", ...
        is_header: function that returns whether the first row is a header.
        may_guess: whether to guess the label column from the values of two columns without a header.

    Raises:
        DataError: the file is empty, or the columns of text and label are not found.
    """
    csv.field_size_limit(LARGEST_CELL)
    notes = []
    cells = partial(_cells, path, encoding)
    if path.suffix.lower() == ".tsv" and not _is_quoted_well(cells):
        cells = partial(cells, quoting=csv.QUOTE_NONE)
        notes.append("quotes are ordinary characters, since they are not closed")
    first = next((row for _, row in cells()), None)
    if first is None:
        raise DataError(f"The file has no rows. Received: {path}. Add rows.")
    has_header = is_header(first)
    if has_header:
        text, label = columns(first)
    else:
        text, label = _columns_without_header(first, cells, columns, may_guess=may_guess)
        notes.append(f"without a header: column {text + 1} is used as the text, column {label + 1} as the label")

    def records() -> Iterator[Record]:
        for place, row in islice(cells(), int(has_header), None):
            if len(row) == len(first):
                yield place, row[text], row[label]
            else:
                yield place, ValueError(f"has {len(row)} columns instead of {len(first)}"), None

    return records, notes


def json_lines(path: Path, encoding: str, columns: Columns) -> Records:
    """Return the rows of a file with one JSON object per line.

    Raises:
        DataError: no line is an object.
    """

    def objects() -> Iterator[tuple[str, dict[str, Any] | ValueError]]:
        return ((place, _parsed(line)) for place, line, _ in plain_lines(path, encoding) if line.strip())

    first = next((content for _, content in objects() if isinstance(content, dict)), None)
    if first is None:
        raise DataError(f"A .jsonl file must have one JSON object per line. Received: {path} without objects. Fix the file.")
    names = list(first)
    text, label = (names[position] for position in columns(names))

    def records() -> Iterator[Record]:
        for place, content in objects():
            if isinstance(content, dict):
                yield place, content.get(text), content.get(label)
            else:
                yield place, content, None

    return records


def _parsed(line: str) -> dict[str, Any] | ValueError:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        return ValueError(f"is not JSON ({error})")
    return content if isinstance(content, dict) else ValueError("is not a JSON object")


def parquet_rows(path: Path, columns: Columns) -> Records:
    """Return the rows of a Parquet file.

    Raises:
        DataError: the file is not a Parquet file.
    """
    names = _parquet_names(path)
    text, label = (names[position] for position in columns(names))

    def pairs() -> Iterator[tuple[Any, Any]]:
        options = {"buffer_size": 2**20, "pre_buffer": False}  # otherwise, the whole file stays in memory
        with read_errors(path), parquet.ParquetFile(path, **options) as file:
            for batch in file.iter_batches(1024, columns=[text, label]):
                yield from zip(batch[text].to_pylist(), batch[label].to_pylist(), strict=True)

    return lambda: ((f"Row {row}", value, target) for row, (value, target) in enumerate(pairs(), start=1))


def _parquet_names(path: Path) -> list[str]:
    with read_errors(path):
        return list(parquet.read_schema(path).names)


def label_lines(path: Path, encoding: str) -> Records:
    """Return the rows of a file in which each line is a label, white space and a text.

    Raises:
        DataError: the lines start with too many different words to be labels.
    """

    def records() -> Iterator[Record]:
        for place, line, _ in plain_lines(path, encoding):
            if line.strip():
                label, *rest = line.split(maxsplit=1)
                yield place, rest[0] if rest else None, label

    labels = [label for _, _, label in records()]
    distinct = sorted(set(labels))
    if len(distinct) > max(len(labels) // 2, 2):
        raise DataError(
            f"The first word of each line must be its label. Received: {len(distinct)} different words for {len(labels)} lines "
            f"in {path}, such as {distinct[:3]}. Put the labels first, or use .csv, .tsv, .jsonl or .parquet with columns."
        )
    return records


def plain_lines(path: Path, encoding: str) -> Iterator[Record]:
    """Yield the lines of a file; each is a text without a label."""
    with read_errors(path, encoding), open_text(path, encoding, newline="") as file:
        for number, line in enumerate(file, start=1):
            yield f"Line {number}", line.rstrip("\r\n"), None


def _cells(path: Path, encoding: str, *, quoting: Any = csv.QUOTE_MINIMAL) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the cells of each row that is not empty."""
    with read_errors(path, encoding), open_text(path, encoding, newline="") as file:  # as the csv module requires
        reader = csv.reader(file, delimiter=delimiter_of(path), quoting=quoting, strict=True)
        yield from ((f"Line {reader.line_num}", row) for row in reader if row)


def _is_quoted_well(cells: Cells) -> bool:
    """Return whether all rows have the same number of cells when quotes are parsed."""
    try:
        return len({len(row) for _, row in cells()}) <= 1
    except DataError as error:
        return not isinstance(error.__cause__, csv.Error)


def _columns_without_header(first: list[str], cells: Cells, columns: Columns, *, may_guess: bool) -> tuple[int, int]:
    """Return the columns of text and label: by name, or, of two columns, the label has fewer distinct values."""
    try:
        return columns([str(number) for number in range(1, len(first) + 1)])
    except DataError as error:
        if len(first) != 2 or not may_guess:
            raise DataError(f"{error} The first row is {', '.join(cell[:40] for cell in first)}.") from error
    rows = [row for _, row in islice(cells(), GUESS_ROWS) if len(row) == 2]
    text, label = sorted((0, 1), key=lambda column: len({row[column] for row in rows}), reverse=True)
    if all(NUMBER.fullmatch(row[text].strip()) for row in rows):
        fix = f"Name them with data.text_column={text + 1} and data.label_column={label + 1}, or vice versa."
        raise DataError(f"The text column is not known. Received: no header, and numbers in column {text + 1}. {fix}")
    return text, label
