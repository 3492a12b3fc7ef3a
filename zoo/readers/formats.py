"""The file formats that zoo reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.inputs.image.pixels import SUFFIXES as IMAGE_SUFFIXES
from zoo.inputs.kind import CHUNK, Chunk
from zoo.progress import track_share
from zoo.readers import tables, text_files, texts
from zoo.readers.examples import Examples
from zoo.readers.folder import files_below
from zoo.readers.npz import stream_npz
from zoo.readers.reader import Reader, register_reader
from zoo.settings import DataArguments


def _images(path: Path, preprocessor: Any, _: DataArguments) -> Iterator[Chunk]:
    if path.is_dir():
        files = files_below(path, IMAGE_SUFFIXES)
        if not files:
            raise DataError(f"There are no images in this folder. Received: {path}. Pass another folder.")
        return preprocessor.read_files(files)  # type: ignore[no-any-return]
    if path.suffix.lower() != ".npz":
        raise DataError(f"This model takes a folder of images or a .npz. Received: {path}. Convert it.")
    return _numbered(map(_with_channels, track_share(stream_npz(path, ("x", "x_test"), CHUNK), "Predicting")))


def _with_channels(images: np.ndarray) -> np.ndarray:
    """Return `(rows, height, width, channels)`; without channels, a few rows would look like one image."""
    if images.ndim not in (3, 4):
        raise DataError(f"Images must be `(height, width[, channels])`. Received: rows of shape {images.shape[1:]}. Reshape.")
    return images[..., np.newaxis] if images.ndim == 3 else images


def _texts(path: Path, _: Any, arguments: DataArguments) -> Iterator[Chunk]:
    """Yield the texts and their row numbers; an unreadable text does not affect the others."""
    if path.is_dir():
        raise DataError(f"This model takes a file of texts. Received: the folder {path}. Pass a file.")
    for rows, chunk, _ in _numbered(track_share(texts.stream_texts(path, arguments, CHUNK * 16), "Predicting")):
        found = {row: text for row, text in zip(rows, chunk, strict=True) if isinstance(text, str)}
        yield [*found], [*found.values()], [str(text) for text in chunk if not isinstance(text, str)]


def _tables(path: Path, preprocessor: Any, _: DataArguments) -> Iterator[Chunk]:
    if path.suffix.lower() not in tables.SUFFIXES:
        raise DataError(f"This model takes {', '.join(tables.SUFFIXES)}. Received: {path}. Convert it.")
    return _numbered(track_share(tables.stream_table(path, preprocessor), "Predicting"))


def _numbered(chunks: Iterable[Any]) -> Iterator[Chunk]:
    start = 0
    for chunk in chunks:
        yield range(start, start + len(chunk)), chunk, []
        start += len(chunk)


def _read_npz(path: Path, arguments: DataArguments, _: str | None) -> Examples:
    from zoo.readers.arrays import read_npz  # imports TensorFlow, which bulk prediction may not need

    return read_npz(path, arguments)


def _read_table(path: Path, arguments: DataArguments, task: str | None) -> Examples:
    """Return the rows of a table, as texts if a column has a usual name and no task is named."""
    names = text_files.column_names(path, arguments.encoding)
    is_text = "encoding" in arguments.model_fields_set or texts.has_text_column(names, arguments)
    return texts.read_text_file(path, arguments) if is_text and task is None else tables.read_table_examples(path, arguments)


register_reader(Reader("tables", "table", tables.SUFFIXES, _read_table, _tables))
register_reader(Reader("texts", "text", texts.SUFFIXES, lambda path, given, _: texts.read_text_file(path, given), _texts))
register_reader(Reader("npz", "image", (".npz",), _read_npz, _images))
