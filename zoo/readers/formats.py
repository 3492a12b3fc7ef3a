"""The formats of files that zoo reads itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.inputs.kind import CHUNK, Chunk
from zoo.progress import track_share
from zoo.readers import folder, tables, texts
from zoo.readers.examples import Examples
from zoo.readers.npz_stream import stream_npz
from zoo.readers.reader import Reader, register_reader
from zoo.readers.table_stream import stream_table
from zoo.settings import DataArguments


def _images(path: Path, preprocessor: Any, arguments: DataArguments) -> Iterator[Chunk]:  # noqa: ARG001
    if path.is_dir():
        files = folder.image_files(path)
        if not files:
            raise DataError(f"There are no images in this folder. Received: {path}.")
        chunks: Iterator[Chunk] = preprocessor.read_files(files)
        return chunks
    if path.suffix.lower() != ".npz":
        raise DataError(f"This model takes a folder of images or a .npz. Received: {path}.")
    return _numbered(map(_with_channels, track_share(stream_npz(path, ("x", "x_test"), CHUNK), "Predicting")))


def _with_channels(images: np.ndarray) -> np.ndarray:
    """Return `(rows, height, width, channels)`; without channels a few rows would look like one image."""
    if images.ndim not in (3, 4):
        raise DataError(
            "An array of images must be `(rows, height, width[, channels])`. "
            f"Received: rows of shape {images.shape[1:]}. Reshape it."
        )
    return images[..., np.newaxis] if images.ndim == 3 else images


def _texts(path: Path, _: Any, arguments: DataArguments) -> Iterator[Chunk]:
    """Yield texts by their rows; one that cannot be read costs only itself."""
    if path.is_dir():
        raise DataError(f"This model takes a file of texts. Received: the folder {path}. Give a file.")
    for rows, chunk, _ in _numbered(track_share(texts.stream_texts(path, arguments, CHUNK * 16), "Predicting")):
        found = [row for row, text in zip(rows, chunk, strict=True) if isinstance(text, str)]
        yield (
            found,
            [text for text in chunk if isinstance(text, str)],
            [str(text) for text in chunk if not isinstance(text, str)],
        )


def _tables(path: Path, preprocessor: Any, arguments: DataArguments) -> Iterator[Chunk]:  # noqa: ARG001
    if path.suffix.lower() not in tables.SUFFIXES:
        raise DataError(f"This model takes {', '.join(tables.SUFFIXES)}. Received: {path}. Convert it.")
    return _numbered(track_share(stream_table(path, preprocessor), "Predicting"))


def _numbered(chunks: Any) -> Iterator[Chunk]:
    start = 0
    for chunk in chunks:
        yield range(start, start + len(chunk)), chunk, []
        start += len(chunk)


def _read_npz(path: Path, arguments: DataArguments, _: str | None) -> Examples:
    from zoo.readers.arrays import read_npz  # imports TensorFlow, which bulk predictions may not need

    return read_npz(path, arguments)


def _read_texts(path: Path, arguments: DataArguments, _: str | None) -> Examples:
    return texts.read_text_file(path, arguments)


def _read_table(path: Path, arguments: DataArguments, task: str | None) -> Examples:
    """Return the rows of a table: texts where it has a column of a usual name and no task is named."""
    is_text = task is None and texts.has_text_column(path, arguments)
    return texts.read_text_file(path, arguments) if is_text else tables.read_table_examples(path, arguments)


register_reader(Reader("tables", "table", tables.SUFFIXES, _read_table, _tables))
register_reader(Reader("texts", "text", texts.SUFFIXES, _read_texts, _texts))
register_reader(Reader("npz", "image", (".npz",), _read_npz, _images))
