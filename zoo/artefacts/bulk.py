"""Predictions for many files or rows, streamed to a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artefacts.batches import CHUNK
from zoo.artefacts.files import write_atomically
from zoo.artefacts.predictor import Predictor
from zoo.errors import ArtefactError, DataError, UsageError
from zoo.progress import track, track_share
from zoo.readers import folder, tables, texts
from zoo.readers.npz_stream import stream_npz
from zoo.readers.table_stream import stream_table
from zoo.settings import DataArguments
from zoo.tasks.answers import Predictions

Chunks = Iterator[tuple[Sequence[Any], Predictions, list[str]]]  # names, predictions, and a line for each unreadable example


@dataclass
class Done:
    """Result of a bulk prediction: the number of rows written, and a line for each unreadable example."""

    rows: int = 0
    broken: list[str] = field(default_factory=list)


def predict_images(predictor: Predictor, paths: Sequence[Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return `file`, `label`, `probability` and `probabilities` of each image, and a line for each unreadable one.

    Raises:
        UsageError: the model is not for images.
    """
    kind = predictor.info.task.input_name
    if kind != "image":
        taken = "texts" if kind == "text" else "tables"
        raise UsageError(f"This model takes {taken}. Received: image files. Use --data rows.csv --out predictions.csv.")
    rows, broken = [], []
    for names, predictions, failed in _in_chunks(predictor, paths):
        broken += failed
        rows += [{"file": name, **told} for name, told in zip(names, _described(predictor, predictions), strict=True)]
    return rows, broken


def predict_texts(predictor: Predictor, raw: Sequence[str]) -> list[dict[str, Any]]:
    """Return `text`, `label`, `probability` and `probabilities` of each text.

    Raises:
        DataError: there are no texts.
    """
    told = _described(predictor, predictor.predict(raw))
    return [{"text": text, **each} for text, each in zip(raw, told, strict=True)]


def _described(predictor: Predictor, predictions: Predictions) -> list[dict[str, Any]]:
    return predictor.info.task.described(predictions, predictor.labels)


def predict_file(predictor: Predictor, data: Path, out: Path, arguments: DataArguments | None = None) -> Done:
    """Write a CSV with the prediction of each row of a table, text file or `.npz`, or of each image in a folder.

    Args:
        predictor: predictor to use.
        data: CSV, TSV or Parquet file; for texts also JSON lines, or any other file with one text per line; a `.npz` with `x`
            (or `x_test`); a folder of images.
        out: CSV file to write. Its columns are `row` for a table or texts, or `example` (a file's path or a position), then
            `label` and one column per probability, or the values.
        arguments: options for reading texts: `text_column` and `encoding`; default None.

    Raises:
        ArtefactError: `out` exists or cannot be written.
        DataError: the data cannot be read, or does not fit the model.
    """
    if out.exists():
        raise ArtefactError(f"The output file exists; zoo does not overwrite it. Received: {out}. Choose another name.")
    if not out.parent.is_dir():
        raise ArtefactError(f"The output folder does not exist. Received: {out}. Create {out.parent} first.")
    chunks = _chunks_of(predictor, data, arguments or DataArguments())
    done = Done()
    write_atomically(out, lambda partial: _write(partial, predictor, chunks, done))
    return done


def _chunks_of(predictor: Predictor, data: Path, arguments: DataArguments) -> Chunks:
    if not data.exists():
        raise DataError(f"There is no such file or folder. Received: {data}. Check the path.")
    if not (data.is_file() or data.is_dir()):
        raise DataError(
            f"Data is read more than once, so it cannot come from a pipe. Received: {data}. Write it to a file first."
        )
    if predictor.info.task.input_name == "text":
        if data.is_dir():
            raise DataError(f"This model takes a file of texts. Received: the folder {data}. Pass a file.")
        return _texts(predictor, track_share(texts.stream_texts(data, arguments, CHUNK * 16), "Predicting"))
    if predictor.info.table is not None:
        if data.suffix.lower() not in tables.SUFFIXES:
            raise DataError(f"This model takes {', '.join(tables.SUFFIXES)}. Received: {data}. Convert it.")
        return _rows(predictor, track_share(stream_table(data, predictor.info.table), "Predicting"))
    if data.is_dir():
        files = folder.image_files(data)
        if not files:
            raise DataError(f"There are no images in this folder. Received: {data}.")
        return _in_chunks(predictor, files)
    if data.suffix.lower() != ".npz":
        raise DataError(f"This model takes a folder of images or a .npz. Received: {data}.")
    return _rows(predictor, _images(track_share(stream_npz(data, ("x", "x_test"), CHUNK), "Predicting")))


def _rows(predictor: Predictor, chunks: Iterable[Any]) -> Chunks:
    start = 0
    for chunk in chunks:
        try:
            predictions = predictor.predict(chunk)
        except DataError as error:
            if not isinstance(chunk, np.ndarray):
                raise  # a table's error names the row
            raise DataError(f"{error} The error is in rows {start} to {start + len(chunk) - 1}.") from error
        yield range(start, start + len(chunk)), predictions, []
        start += len(chunk)


def _texts(predictor: Predictor, chunks: Iterable[Sequence[str | DataError]]) -> Chunks:
    """Predict texts row by row; an unreadable one does not affect the others."""
    start = 0
    for chunk in chunks:
        rows = [start + place for place, text in enumerate(chunk) if isinstance(text, str)]
        found = [text for text in chunk if isinstance(text, str)]
        broken = [str(text) for text in chunk if isinstance(text, DataError)]
        yield rows, predictor.predict(found) if found else predictor.no_predictions(), broken
        start += len(chunk)


def _images(chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield `(rows, height, width, channels)`; without channels, a few rows would look like one image."""
    for chunk in chunks:
        if chunk.ndim not in (3, 4):
            raise DataError(
                "An array of images must be `(rows, height, width[, channels])`. "
                f"Received: rows of shape {chunk.shape[1:]}. Reshape it."
            )
        yield chunk[..., np.newaxis] if chunk.ndim == 3 else chunk


def _in_chunks(predictor: Predictor, paths: Sequence[Path]) -> Chunks:
    """Predict image files; an unreadable one does not affect the others."""
    starts = range(0, len(paths), CHUNK)
    for start in track(starts, "Predicting"):
        names, images, broken = [], [], []
        for path in paths[start : start + CHUNK]:
            try:
                images.append(predictor.read_image(path))
                names.append(str(path))
            except DataError as error:
                broken.append(str(error))
        yield names, predictor.predict(images) if images else predictor.no_predictions(), broken


def _write(path: Path, predictor: Predictor, chunks: Chunks, done: Done) -> None:
    first = "example" if predictor.info.task.input_name == "image" else "row"
    task = predictor.info.task
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([first, *task.header(predictor.labels, predictor.info.num_outputs)])
        for names, predictions, broken in chunks:
            writer.writerows([name, *cells] for name, cells in zip(names, task.cells(predictions), strict=True))
            done.rows += len(names)
            done.broken += broken
