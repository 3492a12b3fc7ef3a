"""Reads text files row by row, any number of times: CSV, TSV, JSON lines, Parquet and plain lines.

Each function returns a function that opens the file again and yields `(place, text, label)` per row. For a row that cannot be
read, an exception with the reason replaces the text.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from zoo.errors import DataError

LARGEST_CELL = 2**31 - 1  # characters; the csv module's default limit is 131,072
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
GUESS_ROWS = 1000  # rows of a file without a header for guessing the label column

Record = tuple[str, Any, Any]
Records = Callable[[], Iterator[Record]]
Columns = Callable[[Sequence[str]], tuple[int, int]]  # names to the positions of text and label


def open_text(path: Path, encoding: str, newline: str | None = None) -> TextIO:
    """Open a text file without its byte order mark. `newline` is an argument of `open`."""
    return path.open(encoding="utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding, newline=newline)


def check_is_text(path: Path, encoding: str) -> None:
    """Reject a binary file, and a file that starts like UTF-16 but is read with another encoding.

    Raises:
        DataError: the file is rejected; the message gives the fix.
    """
    if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        return
    with path.open("rb") as file:
        start = file.read(8192)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"This file starts like UTF-16. Received: {path}. Set its encoding: data.encoding=utf-16.")
    if b"\0" in start:
        raise DataError(f"This is a binary file. Received: {path}, with zero bytes in it. Pass a text file.")


def column_names(path: Path, encoding: str) -> list[str]:
    """Return the first row of a CSV or TSV file, or the columns of a Parquet file; none if they cannot be read."""
    try:
        if path.suffix.lower() == ".parquet":
            from pyarrow import parquet

            names: list[str] = parquet.read_schema(path).names
            return names
        return next((row for _, row, _ in _decoded(partial(_cells, path), path, encoding)), [])
    except (DataError, OSError, ValueError):
        return []  # the reader reports the error


def delimited(
    path: Path, encoding: str, columns: Columns, is_header: Callable[[Sequence[str]], bool], *, may_guess: bool
) -> tuple[Records, list[str]]:
    """Return the rows of a CSV or TSV file, and notes on how they are read.

    Quoted cells may contain newlines and doubled quotes. If the quotes in a TSV do not close, or would join rows, quotes are
    ordinary characters.

    Args:
        path: path of the file; `.tsv` is separated by tabs, everything else by commas.
        encoding: encoding of the file.
        columns: function that finds text and label among the names; without a header, columns are named "1", "2", ...
        is_header: function that returns whether a first row is a header.
        may_guess: whether the values of two columns without a header may determine the label column.

    Raises:
        DataError: the file is empty, or the columns of text and label are not found.
    """
    csv.field_size_limit(LARGEST_CELL)
    notes = []
    quoting = csv.QUOTE_MINIMAL
    if path.suffix.lower() == ".tsv" and not _is_quoted_well(path, encoding):
        quoting = csv.QUOTE_NONE
        notes.append("quotes are ordinary characters: as quotes, they would not close")
    cells = partial(_cells, path, quoting=quoting)
    first = next((row for _, row, _ in _decoded(cells, path, encoding)), None)
    if first is None:
        raise DataError(f"The file has no rows. Received: {path}. Add rows.")
    has_header = is_header(first)
    if has_header:
        text, label = columns(first)
    else:
        text, label = _columns_without_header(first, _decoded(cells, path, encoding), columns, may_guess=may_guess)
        notes.append(f"without a header: column {text + 1} is used as the text, column {label + 1} as the label")

    def records(file: Any) -> Iterator[Record]:
        rows = cells(file)
        if has_header:
            next(rows, None)
        for place, row, _ in rows:
            if len(row) == len(first):
                yield place, row[text], row[label]
            else:
                yield place, ValueError(f"has {len(row)} columns instead of {len(first)}"), None

    return lambda: _decoded(records, path, encoding), notes


def json_lines(path: Path, encoding: str, columns: Columns) -> Records:
    """Return the rows of a file with one JSON object per line.

    Raises:
        DataError: no line is an object.
    """

    def objects(file: Any) -> Iterator[Record]:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield f"Line {number}", json.loads(line), None
                except (ValueError, RecursionError) as error:
                    yield f"Line {number}", ValueError(f"is not JSON ({error})"), None

    first = next((content for _, content, _ in _decoded(objects, path, encoding) if isinstance(content, Mapping)), None)
    if first is None:
        raise DataError(f"A .jsonl file must have one JSON object per line. Received: {path} without any. Fix the file.")
    names = [str(name) for name in first]
    text, label = columns(names)

    def records(file: Any) -> Iterator[Record]:
        for place, content, _ in objects(file):
            if isinstance(content, Mapping):
                yield place, content.get(names[text]), content.get(names[label])
            else:
                yield place, content if isinstance(content, Exception) else ValueError("is not a JSON object"), None

    return lambda: _decoded(records, path, encoding)


def parquet_rows(path: Path, _: str, columns: Columns) -> Records:
    """Return the rows of a Parquet file.

    Raises:
        DataError: it is not a Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        names = parquet.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"The table cannot be read: {error}. Received: {path}. Fix the file.") from error
    text, label = columns(names)

    def records() -> Iterator[Record]:
        row = 0
        try:
            with parquet.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:  # otherwise all of it stays in memory
                for batch in file.iter_batches(1024, columns=[names[text], names[label]]):
                    for value, target in zip(batch[names[text]].to_pylist(), batch[names[label]].to_pylist(), strict=True):
                        row += 1
                        yield f"Row {row}", value, target
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"The table cannot be read: {error}. Received: {path}. Fix the file.") from error

    return records


def label_lines(path: Path, encoding: str) -> Records:
    """Return the rows of a file whose lines are a label, white space and a text.

    Raises:
        DataError: the lines start with too many different words to be labels.
    """

    def records(file: Any) -> Iterator[Record]:
        for number, line in enumerate(file, start=1):
            if line.strip():
                label, *rest = line.split(maxsplit=1)
                yield f"Line {number}", rest[0].rstrip("\r\n") if rest else None, label

    rows, labels = 0, set()
    for _, _, label in _decoded(records, path, encoding):
        rows += 1
        labels.add(label)
    if len(labels) > max(rows // 2, 2):
        raise DataError(
            f"The first word of each line must be its label. Received: {path}, whose {rows} lines start with "
            f"{len(labels)} different words, for example {sorted(labels)[:3]}. Put the labels first, or use a .csv, .tsv, "
            ".jsonl or .parquet file with columns."
        )
    return lambda: _decoded(records, path, encoding)


def plain_lines(path: Path, encoding: str) -> Records:
    """Return the lines of a file, each one text without a label."""

    def records(file: Any) -> Iterator[Record]:
        return ((f"Line {number}", line.rstrip("\r\n"), None) for number, line in enumerate(file, start=1))

    return lambda: _decoded(records, path, encoding)


def _decoded(records: Callable[[Any], Iterator[Record]], path: Path, encoding: str) -> Iterator[Record]:
    """Yield the records of the opened file; Python's errors about encoding and quotes become DataError."""
    try:
        with open_text(path, encoding, newline="") as file:  # as the csv module requires
            yield from records(file)
    except UnicodeError as error:
        raise DataError(
            f"The file is not encoded in {encoding}: {error}. Received: {path}. Set its encoding with "
            "data.encoding=..., for example gb18030, utf-16 or latin-1."
        ) from error
    except csv.Error as error:
        raise DataError(
            f"The file is not valid CSV: {error}. Received: {path}. Double the quotes inside quoted cells, and close them."
        ) from error


def _cells(path: Path, file: Any, *, quoting: Any = csv.QUOTE_MINIMAL) -> Iterator[Record]:
    """Yield the place and the cells of each row that is not empty."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader(file, delimiter=delimiter, quoting=quoting, strict=True)
    return ((f"Line {reader.line_num}", row, None) for row in reader if row)


def _is_quoted_well(path: Path, encoding: str) -> bool:
    """Return whether all rows have the same number of cells if quotes are read as quotes."""
    try:
        return len({len(row) for _, row, _ in _decoded(partial(_cells, path), path, encoding)}) <= 1
    except DataError as error:
        return not isinstance(error.__cause__, csv.Error)


def _columns_without_header(first: list[str], rows: Iterator[Record], columns: Columns, *, may_guess: bool) -> tuple[int, int]:
    """Return the columns of text and label: by position, or with two columns, the label has fewer distinct values."""
    try:
        return columns([str(number + 1) for number in range(len(first))])
    except DataError as error:
        if len(first) != 2 or not may_guess:
            raise DataError(f"{error} The first row is {', '.join(cell[:40] for cell in first)}.") from error
    seen: list[set[str]] = [set(), set()]
    for _, (_, row, _) in zip(range(GUESS_ROWS), rows, strict=False):
        if len(row) == 2:
            seen[0].add(row[0])
            seen[1].add(row[1])
    label = 0 if len(seen[0]) < len(seen[1]) else 1
    if all(NUMBER.fullmatch(cell.strip()) for cell in seen[1 - label]):
        raise DataError(
            f"Which column is the text? Received: two columns without a header, numbers in column {2 - label}. Name both "
            "with data.text_column and data.label_column, by their names or their positions from 1."
        )
    return 1 - label, label
