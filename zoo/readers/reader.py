"""The interface of a reader of files, and the shelf of readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.inputs import Preprocessor, find_input
from zoo.inputs.kind import Chunk
from zoo.readers.examples import Examples
from zoo.settings import DataArguments
from zoo.shelf import Shelf
from zoo.tasks import find_task


@dataclass(frozen=True)
class Reader:
    """A reader of one file format.

    Args:
        name: name of the format.
        kind: name of the kind of input that it reads.
        suffixes: file suffixes, in lower case and with dots.
        read: function that returns labelled examples, from the path, the arguments for reading data, and the name of the
            task or None.
        stream: function that yields raw examples for prediction, from the path, the model's preprocessor, and the arguments.
    """

    name: str
    kind: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, DataArguments, str | None], Examples]
    stream: Callable[[Path, Any, DataArguments], Iterator[Chunk]]


READERS: Shelf[Reader] = Shelf("zoo.readers", "reader", own=("formats",))


def register_reader(reader: Reader) -> Reader:
    """Register a reader under its name.

    Raises:
        UsageError: the name is taken.
    """
    READERS.add(reader.name, reader)
    return reader


def all_suffixes() -> tuple[str, ...]:
    """Return the suffixes that the readers accept."""
    return tuple(suffix for reader in READERS.values() for suffix in reader.suffixes)


def reader_of(path: Path, task: str | None) -> Reader | None:
    """Return the reader for a file's suffix, or None; for a task on plain text, always the reader of texts."""
    if task is not None and find_input(find_task(task).input).is_plain_text:
        return next(reader for reader in READERS.values() if reader.kind == find_task(task).input)
    return next((reader for reader in READERS.values() if path.suffix.lower() in reader.suffixes), None)


def stream_examples(path: Path, preprocessor: Preprocessor, arguments: DataArguments) -> Iterator[Chunk]:
    """Yield the examples in a file or folder for a model's preprocessor.

    Args:
        path: existing file or folder.
        preprocessor: preprocessor of the model that predicts.
        arguments: arguments for reading data.

    Raises:
        DataError: the file is of another kind, or cannot be read.
        UsageError: there is no reader for this kind of input.
    """
    name = preprocessor.kind.name
    readers = [reader for reader in READERS.values() if reader.kind == name]
    if not readers:
        raise UsageError(f"No reader reads {name}s from files. Received: {path}. Pass the examples to zoo.load(...).predict.")
    reader = next((reader for reader in readers if path.suffix.lower() in reader.suffixes), readers[0])
    return reader.stream(path, preprocessor, arguments)
