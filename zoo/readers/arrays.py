"""Reads arrays, DataFrames, `tf.data` and `.npz` files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from zoo.errors import DataError
from zoo.inputs.image.pixels import SUFFIXES as IMAGE_SUFFIXES
from zoo.inputs.image.pixels import fit_array
from zoo.inputs.table.preprocessor import as_table
from zoo.readers.examples import ALL, PARTS, Examples, Part
from zoo.readers.npz import load_npz
from zoo.readers.tables import split_columns
from zoo.readers.texts import are_meant, as_part, find_columns, has_text_column
from zoo.readers.tf_data import read_tf_data
from zoo.settings import DataArguments
from zoo.sources.source import Arrays
from zoo.targets import as_targets


def read_arrays(data: Any, arguments: DataArguments, name: str = "arrays", task: str | None = None) -> Examples:
    """Return the examples in `(features, targets)`, a DataFrame, a `tf.data.Dataset`, or a mapping from parts to these.

    Features `(rows, height, width)` or `(rows, height, width, channels)` are images, `(rows, columns)` are a table, and strings
    `(rows,)` are texts. A DataFrame has a label column; it contains texts if the task is for texts, or if a column has a usual
    name such as "text".

    Raises:
        DataError: features and targets do not match, or the kind of the features is unknown.
    """
    given = data if isinstance(data, Mapping) else {ALL: data}
    if not given:
        raise DataError("The data are empty. Received: a mapping without parts. Pass train, validation and test.")
    parts, forms, numbers_are_names = {}, set(), False
    for part_name, part in given.items():
        if isinstance(part, pd.DataFrame):
            features, raw_targets = _columns_of(part, arguments, task)
            numbers_are_names = True
        elif isinstance(part, tf.data.Dataset):
            features, raw_targets = read_tf_data(part, arguments)
            name = "tf.data"
        elif isinstance(part, tuple | list) and len(part) == 2:
            features, raw_targets = part
        else:
            accepted = "`(features, targets)`, a DataFrame or a tf.data.Dataset, or a mapping from train, validation and test"
            raise DataError(f"Data must be {accepted} to these. Received: {type(part).__name__}. Convert it.")
        parts[str(part_name)], form = _read_part(features, as_targets(raw_targets), arguments)
        forms.add(form)
    if len(forms) > 1:
        raise DataError(f"All parts need one kind and one shape. Received: {sorted(map(str, forms))}. Convert them.")
    kind, shape = forms.pop()
    return Examples(name, parts, kind, shape, are_numbers_names=numbers_are_names)


def read_npz(path: Path, arguments: DataArguments) -> Examples:
    """Return the examples in a `.npz` with `x_train`, `y_train`, `x_test`, `y_test`, or with `x`, `y`; pickles are rejected.

    Raises:
        DataError: the file is broken or its arrays have other names.
    """
    arrays = load_npz(path)
    pairs = {part: (f"x_{part}", f"y_{part}") for part in PARTS} | {ALL: ("x", "y")}
    data = {part: (arrays[x], arrays[y]) for part, (x, y) in pairs.items() if x in arrays and y in arrays}
    if not data or (ALL in data and len(data) > 1):
        accepted = "x and y, or x_train, y_train, x_test, y_test (x_validation, y_validation)"
        raise DataError(f"A .npz must contain {accepted}. Received: {sorted(arrays)} in {path}. Rename the arrays.")
    examples = read_arrays(data, arguments, str(path))
    if "labels" in arrays:
        examples.labels = tuple(arrays["labels"].tolist())
    return examples


def _read_part(features: Any, targets: np.ndarray, arguments: DataArguments) -> tuple[Part, tuple[str, Any]]:
    texts = _as_texts(features)
    rows: Any = texts or (features if isinstance(features, pd.DataFrame) else _as_array(features))
    if not 0 < len(rows) == len(targets):
        raise DataError(f"Each row needs one label. Received: {len(rows)} rows and {len(targets)} labels. Add rows or labels.")
    if texts:
        part = as_part(lambda: ((f"Row {row}", text, row) for row, text in enumerate(texts)), "the texts", has_numbers=True)
        return Part(part.features, targets[part.targets], part.broken), ("text", None)
    if rows.ndim == 2:
        return Part(as_table(rows).reset_index(drop=True), targets), ("table", None)
    images = _as_images(rows, arguments)
    return Part(Arrays(images), targets), ("image", images.shape[1:])


def _columns_of(table: pd.DataFrame, arguments: DataArguments, task: str | None) -> tuple[Any, Any]:
    """Return the features and the targets of a table, or the texts and the labels of a table of texts."""
    names = [str(name) for name in table.columns]
    if are_meant(task) or (task is None and has_text_column(names, arguments)):
        text, label = find_columns(names, arguments)
        return table.iloc[:, text], table.iloc[:, label]
    return split_columns(table, arguments)


def _as_texts(features: Any) -> list[Any] | None:
    """Return the texts in a list, an array or a Series of strings; None for anything else."""
    if isinstance(features, pd.Series):
        features = features.astype(object).where(features.notna(), None).tolist()
    if isinstance(features, np.ndarray) and features.ndim == 1 and features.dtype.kind in "SUOT":
        features = features.tolist()
    if not (isinstance(features, list | tuple) and any(isinstance(text, str | bytes) for text in features)):
        return None
    if all(str(text).lower().endswith(tuple(IMAGE_SUFFIXES)) for text in features):
        received = f"{len(features)} names of image files, first {features[0]!r}"
        raise DataError(f"Image files must be in class folders. Received: {received}. Pass their parent folder.")
    return [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in features]


def _as_array(features: Any) -> np.ndarray:
    if np.ma.isMaskedArray(features):
        features = np.ma.filled(features.astype(np.float64), np.nan)  # a masked cell is a missing value
    try:
        array = np.asarray(features)
    except ValueError as error:
        raise DataError(f"The examples have different shapes: {error}. Convert them to one shape, or pass a folder.") from error
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in ("buif" if array.ndim > 2 else "buifO"):
        raise DataError(
            "Features must be images `(rows, height, width[, channels])`, a table `(rows, columns)` or a list of texts. "
            f"Received: {type(features).__name__} of shape {array.shape}, dtype {array.dtype}. Reshape or convert them."
        )
    return array


def _as_images(array: np.ndarray, arguments: DataArguments) -> np.ndarray:
    images = array[..., np.newaxis] if array.ndim == 3 else array
    if images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise DataError(f"Images must have their channels last. Received: shape {images.shape}. Pass numpy.moveaxis(x, 1, -1).")
    if images.dtype.kind == "f":
        if not np.isfinite(images).all():
            row = int(np.argmin(np.isfinite(images).all(axis=(1, 2, 3))))
            raise DataError(f"Images must contain finite numbers. Received: NaN or infinity in image {row}.")
        images = images.astype(np.float32, copy=False)
    elif images.dtype != np.uint8:
        if images.min() < 0 or images.max() > 255:
            raise DataError(f"Integer images must be in 0..255. Received: {images.min()} to {images.max()}. Pass floats.")
        images = images.astype(np.uint8)
    if arguments.image_size and tuple(arguments.image_size) != images.shape[1:3]:
        images = np.stack([fit_array(image, (*arguments.image_size, images.shape[-1])) for image in images])
    return images
