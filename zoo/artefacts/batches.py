"""Converts raw input of every form to an engine's batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from zoo.errors import DataError
from zoo.inputs.image.pixels import as_uint8, fit_array, read_image
from zoo.inputs.table.preprocessor import TablePreprocessor, as_table
from zoo.inputs.text.preprocessor import TextPreprocessor
from zoo.pipeline.info import DataInfo
from zoo.text.characters import valid_text

CHUNK = 256
TEXT_CHUNK = 64  # number of texts of similar length per batch
MOST_CHANNELS = 4  # maximum of an image; a longer last axis is the width of greyscale images

Batches = tuple[np.ndarray | None, Iterator[np.ndarray]]  # the order of the examples, if it differs from the input's


def batches_of(raw: Any, info: DataInfo, *, takes_strings: bool, dtype: np.dtype | None) -> Batches:
    """Return the batches of raw input, and the order of its examples in them; None for the original order.

    Args:
        raw: raw input; see `Predictor.predict`.
        info: facts about the training data.
        takes_strings: whether texts stay strings instead of becoming token ids.
        dtype: required dtype of images; None leaves it unchanged.

    Raises:
        DataError: the input does not fit the model.
    """
    if info.task.input_name == "text":
        texts = _as_texts(raw)
        return _strings(texts) if takes_strings or info.text is None else _token_ids(texts, info.text)
    if info.table is not None:
        return None, _slices(info.table.transform(_as_rows(raw, info.table)), CHUNK * 16)
    return None, _images(raw, info.image_shape, dtype)


def _strings(texts: list[str]) -> Batches:
    order = np.argsort([len(each) for each in texts], kind="stable")
    strings = np.array([each.encode() for each in texts], object)
    return order, _slices(strings[order], TEXT_CHUNK)


def _token_ids(texts: list[str], preprocessor: TextPreprocessor) -> Batches:
    """Return texts as padded ids, shortest first."""
    ids = [preprocessor.encode(each) for each in texts]
    order = np.argsort([len(each) for each in ids], kind="stable")
    starts = range(0, len(ids), TEXT_CHUNK)
    return order, (preprocessor.pad([ids[row] for row in order[start : start + TEXT_CHUNK]]) for start in starts)


def _images(raw: Any, shape: tuple[int, int, int], dtype: np.dtype | None) -> Iterator[np.ndarray]:
    is_batch = isinstance(raw, np.ndarray) and (
        raw.ndim == 4 or (raw.ndim == 3 and (raw.shape[-1] > MOST_CHANNELS or raw.shape[1:] == shape[:2]))
    )
    many = raw if is_batch or isinstance(raw, list | tuple) else [raw]
    for start in range(0, len(many), CHUNK):
        images = [as_image(image, shape, dtype) for image in many[start : start + CHUNK]]
        kinds = {image.dtype for image in images}
        yield np.stack(images if len(kinds) == 1 else [image.astype(np.float32) for image in images])


def as_image(image: Any, shape: tuple[int, int, int], dtype: np.dtype | None = None) -> np.ndarray:
    """Return one image in the model's shape and dtype.

    Raises:
        DataError: the input is not an image, or cannot be read.
    """
    if isinstance(image, str | Path | bytes | Image.Image):
        array = read_image(image, shape)
    else:
        array = fit_array(np.asarray(image), shape)
    if dtype is None or array.dtype == dtype:
        return array
    return as_uint8(array) if dtype == np.uint8 else array.astype(dtype)


def _as_texts(raw: Any) -> list[str]:
    if isinstance(raw, pd.DataFrame | Mapping):
        raise DataError(f"Texts must be strings. Received: {type(raw).__name__} with {[*raw]}. Pass only the column of texts.")
    raw = raw.item() if isinstance(raw, np.ndarray) and raw.ndim == 0 else raw
    many = [raw] if isinstance(raw, str | bytes) or not isinstance(raw, Iterable) else list(raw)
    texts = [valid_text(each) if isinstance(each, str | bytes) else each for each in many]
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"A text must be a string. Received: {type(text).__name__} {text!r:.40} at {number}. Pass strings.")
    return texts


def _as_rows(raw: Any, table: TablePreprocessor) -> pd.DataFrame:
    if isinstance(raw, Mapping):
        is_one = all(np.ndim(value) == 0 for value in raw.values())
        try:
            return pd.DataFrame([raw] if is_one else raw)
        except ValueError as error:
            raise DataError(
                f"The columns have different lengths: {error}. Received: {[*raw]}. Make them equally long."
            ) from error
    if isinstance(raw, pd.DataFrame):
        return as_table(raw)
    columns = [column.name for column in table.columns]
    if isinstance(raw, Sequence) and raw and all(isinstance(row, Mapping) for row in raw):
        return pd.DataFrame(list(raw))
    try:
        rows = np.asarray(raw)
    except ValueError as error:
        raise DataError(f"Rows have different lengths: {error}. Received: {len(raw)} rows. Make them equally long.") from error
    rows = rows[np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != len(columns):
        raise DataError(
            f"A row must have {len(columns)} columns: {', '.join(columns)}. Received: shape {rows.shape}. "
            "Pass them in this order, or pass a DataFrame with these names."
        )
    return pd.DataFrame(rows, columns=columns)


def _slices(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
