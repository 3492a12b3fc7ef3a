"""Texts with labels, from files or from memory."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError, UsageError, nearest
from zoo.inputs import find_input
from zoo.inputs.text.texts import Texts, hash_texts
from zoo.progress import track
from zoo.readers import text_files
from zoo.readers.examples import ALL, Examples, Part
from zoo.readers.text_files import Records
from zoo.settings import DataArguments
from zoo.targets import as_targets
from zoo.tasks import find_task

logger = logging.getLogger(__name__)
SUFFIXES = (".jsonl", ".ndjson", ".txt")  # in addition to those of tables, which may also hold texts
SURE_NAMES = ("text", "sentence", "review")  # a table with such a column is read as texts for any model
TEXT_NAMES = (*SURE_NAMES, "content", "comment", "message", "document")
WHOLE_NUMBER = re.compile("-?[0-9]+")
LABEL_NAMES = ("label", "labels", "target", "class", "category", "sentiment")
WITH_COLUMNS = {
    ".jsonl": text_files.json_lines,
    ".ndjson": text_files.json_lines,
    ".parquet": text_files.parquet_rows,
}


def read_text_file(path: Path, arguments: DataArguments) -> Examples:
    """Return the texts and labels in a file; without the suffix of a table or JSON, it holds `label text` lines.

    Raises:
        DataError: the file is binary, has another encoding or is empty, or the columns of text and label are not found.
        UsageError: a column is named, but the file has no columns.
    """
    is_named = arguments.text_column is not None or arguments.label_column is not None

    def lines(path: Path, encoding: str) -> Records:
        if is_named:
            raise UsageError(
                f"A file of `label text` lines has no columns. Received: {path} with a column named. Omit the column, or "
                "rename "
                "the file to .csv, .tsv, .jsonl or .parquet if it is a table."
            )
        return text_files.label_lines(path, encoding)

    columns = partial(find_columns, arguments=arguments)
    records, notes = _open_records(path, arguments, columns, lines, may_guess=not is_named)
    return Examples(str(path), {ALL: as_part(records, str(path))}, "text", are_numbers_names=True, notes=notes)


def stream_texts(path: Path, arguments: DataArguments, rows: int) -> Iterator[tuple[list[str | DataError], float]]:
    """Yield the texts of a file for prediction in chunks, each with the fraction of rows read so far.

    Without the suffix of a table or JSON, each line is one text. An empty cell or line is an empty text; an error replaces a
    row that holds no text or cannot be read. The file is first read once completely, which takes a hundredth of the time of a
    small model's predictions, and detects a wrong encoding before the first prediction.

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
            raise DataError(_which_column("text", names, TEXT_NAMES))
        return text, text

    records, notes = _open_records(path, arguments, columns, text_files.plain_lines, may_guess=arguments.text_column is None)
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
    """Return whether a task, where one is named, is for texts: any file is then read as texts."""
    return task is not None and find_input(find_task(task).input).is_plain_text


def has_text_column(path: Path, arguments: DataArguments) -> bool:
    """Return whether to read a table file as texts: the text column or encoding is given, or a column has a usual name."""
    if arguments.text_column is not None or "encoding" in arguments.model_fields_set:
        return True
    return are_for_texts(text_files.column_names(path, arguments.encoding))


def are_for_texts(names: Sequence[str]) -> bool:
    """Return whether the column names alone show that a table holds texts."""
    return any(name.lower() in SURE_NAMES for name in names)


def find_columns(names: Sequence[str], arguments: DataArguments) -> tuple[int, int]:
    """Return the positions of the text and of the label among column names.

    Raises:
        DataError: a given column is missing, or none is given and none has a usual name.
    """
    text = _find(names, arguments.text_column, TEXT_NAMES)
    label = _find(names, arguments.label_column, LABEL_NAMES)
    if len(names) == 2 and text is None and label is not None:
        text = 1 - label
    if len(names) == 2 and label is None and text is not None:
        label = 1 - text
    if text is None:
        raise DataError(_which_column("text", names, TEXT_NAMES))
    if label is None:
        raise DataError(_which_column("label", names, LABEL_NAMES))
    if text == label:
        raise DataError(f"Text and label must be different columns. Received: {names[text]!r} for both. Name two.")
    return text, label


def as_part(records: Records, name: str, *, has_numbers: bool = False) -> Part:
    """Scan all rows once for labels and hashes; rows without text are broken and left out.

    Args:
        records: function that reads the rows again.
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
    if not labels and broken:
        raise DataError(f"All {len(broken)} texts are empty or unreadable. Received: {broken[0]} Add texts.")
    if not labels:
        raise DataError(f"There are no rows. Received: {name}. Add rows.")
    texts = Texts(lambda: (text for _, text, _ in records() if not _problem(text)), hashes)
    targets = np.array(labels, np.int64) if has_numbers else as_targets(np.array(_as_numbers(labels), object))
    return Part(texts, targets, broken)


def _open_records(
    path: Path,
    arguments: DataArguments,
    columns: text_files.Columns,
    lines: Callable[[Path, str], Records],
    *,
    may_guess: bool,
) -> tuple[Records, list[str]]:
    """Return the rows of a file by its suffix, with `lines` for files without columns, and notes on how they are read."""
    suffix, encoding = path.suffix.lower(), arguments.encoding
    if suffix != ".parquet":
        text_files.check_is_text(path, encoding)
    if suffix in (".csv", ".tsv"):
        is_header = partial(_is_header, arguments=arguments)
        return text_files.delimited(path, encoding, columns, is_header, may_guess=may_guess)
    if suffix in WITH_COLUMNS:
        return WITH_COLUMNS[suffix](path, encoding, columns), []
    return lines(path, encoding), []


def _is_header(names: Sequence[str], arguments: DataArguments) -> bool:
    given = {name for name in (arguments.text_column, arguments.label_column) if name is not None}
    if given:
        return bool(given & set(names)) or not all(name.isdigit() for name in given)
    return any(name.strip().lower() in (*TEXT_NAMES, *LABEL_NAMES) for name in names)


def _which_column(kind: str, names: Sequence[str], usual: Sequence[str]) -> str:
    listed = ", ".join(name[:40] for name in names)
    return (
        f"Which column is the {kind}? Received: columns {listed}, none called {', '.join(usual)}. "
        f"Name it with --{kind}-column or data.{kind}_column=... (without a header, columns are called 1, 2, ...)."
    )


def _find(names: Sequence[str], wanted: str | None, usual: Sequence[str]) -> int | None:
    if wanted is None:
        return next((position for word in usual for position, name in enumerate(names) if name.strip().lower() == word), None)
    if wanted not in names:
        raise DataError(
            f"The data has no such column. Received: {wanted!r}.{nearest(wanted, names)} Accepted: {', '.join(names)}."
        )
    return names.index(wanted)


def _problem(text: Any) -> str | None:
    if isinstance(text, Exception):
        return str(text)
    if text is None:
        return "has no text"
    if not isinstance(text, str):
        return f"has no text but {type(text).__name__} {text!r:.40}"
    return None if text.strip() else "has an empty text"


def _as_numbers(labels: list[Any]) -> list[Any]:
    """Return labels as integers if all of them are written as integers."""
    distinct = {label for label in labels if isinstance(label, str) and label}
    if len(distinct) and all(WHOLE_NUMBER.fullmatch(label) for label in distinct):
        return [int(label) if isinstance(label, str) and label else label for label in labels]
    return labels
