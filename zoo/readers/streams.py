"""Raw examples in a file or folder, in chunks, to predict them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.inputs import Preprocessor
from zoo.inputs.kind import CHUNK, Chunk
from zoo.progress import track_share
from zoo.settings import DataArguments

Stream = Callable[[Path, Any, DataArguments], Iterator[Chunk]]


def stream_examples(path: Path, preprocessor: Preprocessor, arguments: DataArguments) -> Iterator[Chunk]:
    """Return the examples in a file or folder, as the preprocessor takes them.

    Args:
        path: an existing file or folder.
        preprocessor: of the model that predicts them.
        arguments: how to read the file.

    Raises:
        DataError: the file is of another kind, or cannot be read.
        UsageError: no reader has this kind of input.
    """
    name = preprocessor.kind.name
    if name not in STREAMS:
        raise UsageError(
            f"No reader predicts {name}s from files. Received: {path}. Give the examples to zoo.load(...).predict."
        )
    return STREAMS[name](path, preprocessor, arguments)


def _images(path: Path, preprocessor: Any, arguments: DataArguments) -> Iterator[Chunk]:  # noqa: ARG001
    if path.is_dir():
        from zoo.readers.folder import image_files

        files = image_files(path)
        if not files:
            raise DataError(f"There are no images in this folder. Received: {path}.")
        chunks: Iterator[Chunk] = preprocessor.read_files(files)
        return chunks
    if path.suffix.lower() != ".npz":
        raise DataError(f"This model takes a folder of images or a .npz. Received: {path}.")
    from zoo.readers.npz_stream import stream_npz

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
    from zoo.readers.texts import stream_texts

    if path.is_dir():
        raise DataError(f"This model takes a file of texts. Received: the folder {path}. Give a file.")
    for rows, chunk, _ in _numbered(track_share(stream_texts(path, arguments, CHUNK * 16), "Predicting")):
        found = [row for row, text in zip(rows, chunk, strict=True) if isinstance(text, str)]
        yield (
            found,
            [text for text in chunk if isinstance(text, str)],
            [str(text) for text in chunk if not isinstance(text, str)],
        )


def _tables(path: Path, preprocessor: Any, arguments: DataArguments) -> Iterator[Chunk]:  # noqa: ARG001
    from zoo.readers.table_stream import stream_table
    from zoo.readers.tables import SUFFIXES

    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"This model takes {', '.join(SUFFIXES)}. Received: {path}. Convert it.")
    return _numbered(track_share(stream_table(path, preprocessor), "Predicting"))


def _numbered(chunks: Any) -> Iterator[Chunk]:
    start = 0
    for chunk in chunks:
        yield range(start, start + len(chunk)), chunk, []
        start += len(chunk)


STREAMS: Mapping[str, Stream] = {"image": _images, "text": _texts, "table": _tables}
