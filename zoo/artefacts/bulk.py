"""Predicts many files or rows, and streams the predictions to a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artefacts.files import write_atomically
from zoo.artefacts.predictor import Predictor
from zoo.errors import ArtefactError, DataError
from zoo.inputs.kind import Chunk
from zoo.settings import DataArguments
from zoo.tasks.answers import Predictions

Predicted = Iterator[tuple[Sequence[Any], Predictions, list[str]]]  # names, predictions, and a line for each unreadable example


@dataclass
class Done:
    """Result of a bulk prediction: the number of rows written, and a line for each unreadable example."""

    rows: int = 0
    broken: list[str] = field(default_factory=list)


def predict_inputs(predictor: Predictor, inputs: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Predict the inputs of a command line, such as texts or names of image files.

    Returns:
        The name and prediction of each example, as plain data, and a line for each unreadable example.

    Raises:
        DataError: there is nothing to predict.
        UsageError: the model's input cannot be passed on a command line.
    """
    column, chunks = predictor.info.preprocessor.read_inputs(inputs)
    rows, broken = [], []
    for names, predictions, failed in _predicted(predictor, chunks):
        broken += failed
        described = predictor.info.task.described(predictions, predictor.labels)
        rows += [{column: name, **each} for name, each in zip(names, described, strict=True)]
    return rows, broken


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
        DataError: the data cannot be read, or do not fit the model.
    """
    from zoo.readers.reader import stream_examples  # imports pandas

    if out.exists():
        raise ArtefactError(f"The output file exists; zoo does not overwrite files. Received: {out}. Choose another name.")
    if not out.parent.is_dir():
        raise ArtefactError(f"The output folder does not exist. Received: {out}. Create {out.parent} first.")
    if not (data.is_file() or data.is_dir()):
        raise DataError(
            f"There is no such file or folder. Received: {data}. Check the path. If it is a pipe, write its content to a file "
            "first, because data are read more than once."
        )
    chunks = stream_examples(data, predictor.info.preprocessor, arguments or DataArguments())
    done = Done()
    write_atomically(out, lambda partial: _write(partial, predictor, _predicted(predictor, chunks), done))
    return done


def _predicted(predictor: Predictor, chunks: Iterable[Chunk]) -> Predicted:
    for names, raw, broken in chunks:
        try:
            predictions = predictor.predict(raw) if len(raw) or not broken else predictor.no_predictions()
        except DataError as error:
            if not isinstance(raw, np.ndarray):
                raise  # the error names the row itself
            raise DataError(f"{error} The error is in rows {names[0]} to {names[-1]}.") from error
        yield names, predictions, broken


def _write(path: Path, predictor: Predictor, chunks: Predicted, done: Done) -> None:
    task = predictor.info.task
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([predictor.info.kind.row_name, *task.header(predictor.labels, predictor.info.num_outputs)])
        for names, predictions, broken in chunks:
            writer.writerows([name, *cells] for name, cells in zip(names, task.cells(predictions), strict=True))
            done.rows += len(names)
            done.broken += broken
