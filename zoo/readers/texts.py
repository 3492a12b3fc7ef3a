"""Reads texts with labels from files or from memory."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.inputs import find_input
from zoo.inputs.text.texts import Texts, hash_texts
from zoo.progress import track
from zoo.readers import text_files
from zoo.readers.examples import ALL, Examples, Part
from zoo.readers.opening import check_is_text
from zoo.readers.tables import check_columns, unknown_column
from zoo.readers.text_files import Records
from zoo.settings import DataArguments
from zoo.tasks import find_task

logger = logging.getLogger(__name__)
SUFFIXES = (".jsonl", ".ndjson", ".txt")  # in addition to those of tables, which may also contain texts
SURE_NAMES = ("text", "sentence", "review")  # a table with such a column is read as texts for any model
TEXT_NAMES = (*SURE_NAMES, "content", "comment", "message", "document")
WHOLE_NUMBER = re.compile("-?[0-9]+")
LABEL_NAMES = ("label", "labels", "target", "class", "category", "sentiment")


def read_text_file(path: Path, arguments: DataArguments) -> Examples:
    """Return the texts and labels in a file; without the suffix of a table or JSON, it contains `label text` lines.

    Raises:
        DataError: the file is binary, has another encoding or is empty, or the columns of text and label are not found.
        UsageError: the user names a column, but the file has no columns.
    """
    found = _rows_with_columns(path, arguments, partial(find_columns, arguments=arguments))
    if found is None and (arguments.text_column is not None or arguments.label_column is not None):
        fix = "Omit the column, or rename the file to .csv, .tsv, .jsonl or .parquet if it is a table."
        raise UsageError(f"`label text` lines have no columns. Received: {path}, and the name of a column. {fix}")
    records, notes = found or (text_files.label_lines(path, arguments.encoding), [])
    return Examples(str(path), {ALL: as_part(records, str(path))}, "text", are_numbers_names=True, notes=notes)


def stream_texts(path: Path, arguments: DataArguments, rows: int) -> Iterator[tuple[list[str | DataError], float]]:
    """Yield the texts of a file for prediction in chunks, each with the fraction of rows read so far.

    Without the suffix of a table or JSON, each line is one text. An empty cell or line is an empty text; an error replaces a
    row without a text or an unreadable one. The file is first read completely, to detect a wrong encoding before the first
    prediction; this takes about 1 % of a small model's prediction time.

    Args:
        path: path of the file.
        arguments: reading options; `text_column` and `encoding` are used.
        rows: rows per chunk.

    Raises:
        DataError: as in `read_text_file`, but no label column is needed.
    """

    def columns(names: Sequence[str]) -> tuple[int, int]:
        text = 0 if len(names) == 1 else _find(names, arguments.text_column, TEXT_NAMES)
        if text is None:
            raise unknown_column("text", names, TEXT_NAMES)
        return text, text

    found = _rows_with_columns(path, arguments, columns)
    records, notes = found or (partial(text_files.plain_lines, path, arguments.encoding), [])
    for note in notes:
        logger.info("%s: %s", path, note)
    total = sum(1 for _ in track(records(), f"Reading {path.name}"))
    if not total:
        raise DataError(f"There are no texts. Received: {path} without rows. Pass one text per line, or a table of texts.")
    texts = (
        text if isinstance(text, str) else DataError(f"{place} of {path} {_problem(text)}.") for place, text, _ in records()
    )
    for start in range(0, total, rows):
        yield list(itertools.islice(texts, rows)), min(start + rows, total) / total


def are_meant(task: str | None) -> bool:
    """Return whether a named task is for texts; any file is then read as texts."""
    return task is not None and find_input(find_task(task).input).is_plain_text


def has_text_column(names: Iterable[str], arguments: DataArguments) -> bool:
    """Return whether to read a table as texts if no task is named: the text column is named, or a column has a usual name."""
    return arguments.text_column is not None or any(name.lower() in SURE_NAMES for name in names)


def find_columns(names: Sequence[str], arguments: DataArguments) -> tuple[int, int]:
    """Return the positions of the text and of the label among column names.

    Raises:
        DataError: a named column is missing, or none is named and none has a usual name.
    """
    text = _find(names, arguments.text_column, TEXT_NAMES)
    label = _find(names, arguments.label_column, LABEL_NAMES)
    if len(names) == 2 and text is None and label is not None:
        text = 1 - label
    elif len(names) == 2 and label is None and text is not None:
        label = 1 - text
    if text is None:
        raise unknown_column("text", names, TEXT_NAMES)
    if label is None:
        raise unknown_column("label", names, LABEL_NAMES)
    if text == label:
        raise DataError(f"Text and label must be different columns. Received: {names[text]!r} for both. Name two columns.")
    return text, label


def as_part(records: Records, name: str, *, has_numbers: bool = False) -> Part:
    """Scan all rows once for labels and hashes; rows without text are broken and omitted.

    Args:
        records: function that reads the rows.
        name: name of the source, for errors.
        has_numbers: whether labels are class indices from 0 instead of names; default False.

    Raises:
        DataError: there are no rows, or none has text.
    """
    labels: list[Any] = []
    broken: list[str] = []

    def usable() -> Iterator[str]:
        for place, text, label in track(records(), f"Reading {Path(name).name}"):
            if problem := _problem(text):
                broken.append(f"{place} of {name} {problem}.")
            else:
                labels.append(label)
                yield text

    hashes = hash_texts(usable())
    if not labels:
        nothing = f"All {len(broken)} texts are empty or unreadable: {broken[0]}" if broken else "There are no rows."
        raise DataError(f"{nothing} Received: {name}. Add texts.")
    texts = Texts(lambda: (text for _, text, _ in records() if not _problem(text)), hashes)
    targets = np.array(labels, np.int64) if has_numbers else np.array(_as_numbers(labels), object)
    return Part(texts, targets, broken)


def _rows_with_columns(path: Path, arguments: DataArguments, columns: text_files.Columns) -> tuple[Records, list[str]] | None:
    """Return the rows of a file and notes on how they are read; None for a file without columns."""
    suffix, encoding = path.suffix.lower(), arguments.encoding
    if suffix == ".parquet":
        return text_files.parquet_rows(path, columns), []
    check_is_text(path, encoding)
    if suffix in (".csv", ".tsv"):
        named = {name for name in (arguments.text_column, arguments.label_column) if name is not None}
        return text_files.delimited(path, encoding, columns, partial(_is_header, named=named), may_guess=not named)
    return (text_files.json_lines(path, encoding, columns), []) if suffix in (".jsonl", ".ndjson") else None


def _is_header(names: Sequence[str], named: set[str]) -> bool:
    """Return whether the first row of a file is a header, from its cells and the columns that the user names."""
    if named:
        return bool(named & set(names)) or not all(name.isdigit() for name in named)
    return any(name.strip().lower() in (*TEXT_NAMES, *LABEL_NAMES) for name in names)


def _find(names: Sequence[str], wanted: str | None, usual: Sequence[str]) -> int | None:
    if wanted is None:
        return next((position for word in usual for position, name in enumerate(names) if name.strip().lower() == word), None)
    check_columns([wanted], names)
    return names.index(wanted)


def _problem(text: Any) -> str | None:
    if isinstance(text, Exception):
        return str(text)
    if text is None:
        return "has no text"
    if not isinstance(text, str):
        return f"has {type(text).__name__} {text!r:.40} instead of a text"
    return None if text.strip() else "has an empty text"


def _as_numbers(labels: list[Any]) -> list[Any]:
    """Convert labels to integers if all of them are written as integers."""
    distinct = {label for label in labels if isinstance(label, str) and label}
    if len(distinct) and all(WHOLE_NUMBER.fullmatch(label) for label in distinct):
        return [int(label) if isinstance(label, str) and label else label for label in labels]
    return labels
