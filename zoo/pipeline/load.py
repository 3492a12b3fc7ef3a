"""Converts data in any form (a path, arrays, a DataFrame or `tf.data`) to `Examples`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.errors import DataError
from zoo.readers import arrays, folder, tfds
from zoo.readers.examples import ALL, Examples
from zoo.readers.reader import all_suffixes, reader_of
from zoo.settings import DataArguments


def looks_like_path(name: str) -> bool:
    """Return whether a string looks like a path: it exists, starts or ends like one, or has the suffix of a data file."""
    return name.startswith((".", "/", "~")) or name.lower().endswith(("/", *all_suffixes())) or os.path.exists(name)


def read_path(path: str | Path, arguments: DataArguments, task: str | None = None) -> Examples:
    """Return the examples in a file or folder.

    Args:
        path: path of the file or folder.
        arguments: reading options.
        task: name of the task, if known; a task for texts reads any table or file as texts; default None.

    Raises:
        DataError: the path does not exist, has an unsupported format, or is broken.
    """
    path = Path(path).expanduser()
    if not os.path.exists(path):  # also False for strings that are too long for a path
        raise DataError(f"There is no such file or folder. Received: {path}. Check the path.")
    try:
        examples = _read_folder(path, arguments, task) if path.is_dir() else _read_file(path, arguments, task)
    except OSError as error:
        raise DataError(f"The data cannot be read: {error.strerror or error}. Received: {path}. Check the path.") from error
    examples.location = str(path.resolve())
    return examples


def _read_file(path: Path, arguments: DataArguments, task: str | None) -> Examples:
    reader = reader_of(path, task)
    if reader is None:
        raise DataError(
            f"A data file must end in {', '.join(all_suffixes())}. Received: {path}. Rename it, pass a folder of class "
            "folders, or set task='text_classification' if its lines are `label text`."
        )
    return reader.read(path, arguments, task)


def _read_folder(path: Path, arguments: DataArguments, task: str | None) -> Examples:
    if arguments.parts is not None:
        return read_parts({part: path / name for part, name in arguments.parts.items()}, arguments, task)
    if tfds.is_prepared_folder(path):
        return tfds.read_prepared(path, arguments)
    files, notes = _part_files(path)
    if "train" in files:
        examples = read_parts(files, arguments, task)
        examples.notes[:0] = notes
        return examples
    return folder.read_folder(path, arguments, task)


def _part_files(path: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the files of a folder that are named after a part (`train.csv`, `reviews.dev.tsv`), and notes on the others."""
    files: dict[str, Path] = {}
    notes = []
    for file in sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")):
        parts = {folder.PART_FOLDERS[word] for word in re.split(r"[._-]", file.name.lower()) if word in folder.PART_FOLDERS}
        if len(parts) != 1:
            notes.append(f"{file.name} is not used")
            continue
        (part,) = parts
        if part in files:
            received = f"{files[part].name} and {file.name} for {part!r}"
            raise DataError(f"Each part must have one file. Received: {received}. Set data.parts={{train: ..., test: ...}}.")
        files[part] = file
    return files, notes


def read_parts(paths: Mapping[str, str | Path], arguments: DataArguments, task: str | None) -> Examples:
    """Return the examples in one file or folder per part.

    Raises:
        DataError: a part is missing, is broken, or has parts itself, or the parts are of different kinds.
    """
    alone = arguments.model_copy(update={"parts": None})
    found = {part: read_path(path, alone, task) for part, path in paths.items()}
    first = next(iter(found.values()))
    for part, examples in found.items():
        if set(examples.parts) != {ALL}:
            received = f"{paths[part]} with {[*examples.parts]} for {part!r}"
            raise DataError(f"A part must be one file or folder. Received: {received}. Name the files with data.parts.")
        if (examples.kind, examples.input_shape) != (first.kind, first.input_shape):
            raise DataError(
                f"All parts must be of one kind and shape. Received: {examples.kind}s of shape {examples.input_shape} in "
                f"{paths[part]}, {first.kind}s of shape {first.input_shape} in the first part. Set data.image_size for images."
            )
        if examples.labels != first.labels:
            raise DataError(f"All parts need the same class folders. Received: {examples.labels} and {first.labels}.")
    name = ", ".join(map(str, paths.values()))
    parts = {part: examples.parts[ALL] for part, examples in found.items()}
    notes = [f"{part}: {note}" for part, examples in found.items() for note in examples.notes]
    return replace(first, name=name, parts=parts, notes=notes, location=None)


def read_object(data: Any, arguments: DataArguments, name: str, task: str | None = None) -> Examples:
    """Return the examples in a file, a folder, arrays, a DataFrame, `tf.data`, or a mapping from parts to these.

    Raises:
        DataError: the data are none of these, or are broken.
    """
    if isinstance(data, str | Path):
        return read_path(data, arguments, task)
    first = next(iter(data.values()), None) if isinstance(data, Mapping) else data
    if isinstance(data, Mapping) and isinstance(first, str | Path):
        return read_parts(data, arguments, task)
    return arrays.read_arrays(data, arguments, name, task)
