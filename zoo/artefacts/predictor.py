"""The Predictor: raw input in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from zoo.artefacts.outputs import Outputs
from zoo.errors import DataError
from zoo.pipeline.images import fit_array, read_image
from zoo.pipeline.info import DataInfo
from zoo.pipeline.tables import as_table
from zoo.pipeline.targets import Label

if TYPE_CHECKING:
    import keras

CHUNK = 256
TEXT_CHUNK = 64  # texts of about one length


@dataclass(frozen=True)
class Predictions:
    """What a model says of each example.

    Args:
        labels: the most probable class of each example; empty for regression.
        probabilities: `(examples, num_classes)`, float32, rows sum to 1; `(examples, 0)` for regression.
        values: `(examples, num_outputs)`, float32; `(examples, 0)` for classification.
    """

    labels: list[Label]
    probabilities: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.probabilities)


class Predictor:
    """A trained model with all that it needs to take raw input.

    Args:
        model: the trained `keras.Model`.
        info: of the data that it learned from.
    """

    def __init__(self, model: keras.Model, info: DataInfo) -> None:
        self.model = model
        self.info = info
        self._outputs = Outputs(model, info)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The class names, in the order of the probabilities; empty for regression."""
        return self.info.labels

    def predict(self, raw: Any) -> Predictions:
        """Return predictions for one example or many.

        Args:
            raw: for texts a string, or a list, array or Series of strings; for images a path, an array
                `(height, width[, channels])` of any size, a Pillow image, or a list or batch of such; for tables a
                DataFrame, a mapping of column to value or list, or an array `(rows, columns)`.

        Raises:
            DataError: a text is no text, an image cannot be read, a column is missing, or there is nothing to predict.

        Example:
            >>> import numpy as np, zoo
            >>> run = zoo.train("linear", data="iris", epochs=1, out=directory, verbose=0)
            >>> zoo.load(directory).predict(np.array([[5.1, 3.5, 1.4, 0.2]])).probabilities.shape
            (1, 3)
        """
        batches: Iterable[np.ndarray]
        order = None
        if self.info.task.input_name == "text":
            texts = _as_texts(raw)
            order, batches = self._text_batches(texts)
        elif self.info.table is not None:
            batches = _chunks(self.info.table.transform(_as_rows(raw, self)))
        else:
            batches = self._image_batches(raw)
        outputs = [self._outputs.of(batch) for batch in batches]
        if not outputs:
            raise DataError("There is nothing to predict. Received: no examples. Give at least one.")
        answers = np.concatenate(outputs)
        return self._predictions(answers if order is None else answers[np.argsort(order)])

    def read_image(self, path: Path) -> np.ndarray:
        """Return an image file in the shape that the model takes.

        Raises:
            DataError: it cannot be read as an image.
        """
        return _as_image(path, self.info.image_shape)

    def no_predictions(self) -> Predictions:
        """Return predictions of no examples."""
        return self._predictions(np.zeros((0, self.info.num_outputs), np.float32))

    def _predictions(self, outputs: np.ndarray) -> Predictions:
        if not self.labels:
            return Predictions([], np.zeros((len(outputs), 0), np.float32), outputs)
        labels = [self.labels[number] for number in outputs.argmax(axis=1)]
        return Predictions(labels, outputs, np.zeros((len(outputs), 0), np.float32))

    def _text_batches(self, texts: list[str]) -> tuple[np.ndarray, Iterator[np.ndarray]]:
        """Return the order in which texts are predicted, shortest first, and their batches."""
        text = self.info.text
        if text is None:
            strings = np.array([each.encode("utf-8", "replace") for each in texts], object)
            return np.arange(len(texts)), (strings[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
        ids = [text.encode(each) for each in texts]
        order = np.argsort([len(each) for each in ids], kind="stable")
        starts = range(0, len(ids), TEXT_CHUNK)
        return order, (text.pad([ids[row] for row in order[start : start + TEXT_CHUNK]]) for start in starts)

    def _image_batches(self, raw: Any) -> Iterator[np.ndarray]:
        shape = self.info.image_shape
        is_batch = isinstance(raw, np.ndarray) and (
            raw.ndim == 4 or (raw.ndim == 3 and (raw.shape[-1] not in (1, 3, 4) or raw.shape[1:] == shape[:2]))
        )
        many = raw if is_batch or isinstance(raw, list | tuple) else [raw]
        for start in range(0, len(many), CHUNK):
            images = [_as_image(image, shape) for image in many[start : start + CHUNK]]
            kinds = {image.dtype for image in images}
            yield np.stack(images if len(kinds) == 1 else [image.astype(np.float32) for image in images])


def _as_texts(raw: Any) -> list[str]:
    if isinstance(raw, pd.DataFrame | Mapping):
        raise DataError(f"Texts are strings. Received: {type(raw).__name__} with {[*raw]}. Give the column of texts alone.")
    many = [raw] if isinstance(raw, str | bytes) or not isinstance(raw, Iterable) else list(raw)
    texts = [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in many]
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"A text is a string. Received: {type(text).__name__} {text!r:.40} at {number}. Give strings.")
    return texts


def _as_image(image: Any, shape: tuple[int, int, int]) -> np.ndarray:
    if isinstance(image, str | Path | bytes | Image.Image):
        return read_image(image, shape)
    return fit_array(np.asarray(image), shape)


def _as_rows(raw: Any, predictor: Predictor) -> pd.DataFrame:
    if isinstance(raw, Mapping):
        is_one = all(np.ndim(value) == 0 for value in raw.values())
        try:
            return pd.DataFrame([raw] if is_one else raw)
        except ValueError as error:
            raise DataError(f"The columns do not make rows: {error}. Received: {[*raw]}. Make them equally long.") from error
    if isinstance(raw, pd.DataFrame):
        return as_table(raw)
    table = predictor.info.table
    columns = [column.name for column in table.columns] if table else []
    if isinstance(raw, Sequence) and raw and all(isinstance(row, Mapping) for row in raw):
        return pd.DataFrame(list(raw))
    try:
        rows = np.asarray(raw)
    except ValueError as error:
        raise DataError(f"Rows have different lengths: {error}. Received: {len(raw)} rows. Fill them up.") from error
    rows = rows[np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != len(columns):
        raise DataError(
            f"A row has {len(columns)} columns: {', '.join(columns)}. Received: shape {rows.shape}. "
            "Give them in this order, or a DataFrame with these names."
        )
    return pd.DataFrame(rows, columns=columns)


def _chunks(features: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(features), CHUNK * 16):
        yield features[start : start + CHUNK * 16]
