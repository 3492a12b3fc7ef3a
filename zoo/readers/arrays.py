"""Arrays, DataFrames and `.npz` files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zoo.errors import DataError
from zoo.inputs.image.pixels import SUFFIXES as IMAGE_SUFFIXES
from zoo.inputs.image.pixels import fit_array
from zoo.inputs.table.preprocessor import as_table
from zoo.readers.examples import ALL, Examples, Part
from zoo.readers.tables import split_columns
from zoo.readers.texts import are_for_texts, are_meant, as_part, find_columns
from zoo.settings import DataArguments
from zoo.sources.source import Arrays
from zoo.targets import as_targets


def read_arrays(data: Any, arguments: DataArguments, name: str = "arrays", task: str | None = None) -> Examples:
    """Return the examples in `(features, targets)`, in a DataFrame with a label column, or in a mapping from splits to these.

    Features `(rows, height, width)` or `(rows, height, width, channels)` are images, `(rows, columns)` are a table, and strings
    `(rows,)` are texts. A DataFrame holds texts for a task for texts, or if it has a column of a usual name.

    Raises:
        DataError: features and targets do not match, or the features are of no known kind.
    """
    given = data if isinstance(data, Mapping) else {ALL: data}
    if not given:
        raise DataError("The data is empty. Received: a mapping without splits. Pass train, validation and test.")
    parts, kinds, shapes, numbers_are_names = {}, set(), set(), False
    for part_name, part in given.items():
        if isinstance(part, pd.DataFrame):
            is_text = are_meant(task) or (task is None and _has_text_column(part, arguments))
            features, raw_targets = (_text_columns if is_text else split_columns)(part, arguments)
            numbers_are_names = True
        elif isinstance(part, tuple | list) and len(part) == 2:
            features, raw_targets = part
        else:
            raise DataError(
                f"Data must be `(features, targets)` or a DataFrame. Received: {type(part).__name__}. "
                "Pass a pair of arrays, or a mapping from train, validation and test to pairs."
            )
        parts[str(part_name)], kind, shape = _read_part(features, as_targets(raw_targets), arguments)
        kinds.add(kind)
        shapes.add(shape)
    if len(kinds) > 1 or len(shapes) > 1:
        raise DataError(
            f"All splits need examples of one shape. Received: {sorted(map(str, shapes))}. Convert them to one shape."
        )
    return Examples(name, parts, kinds.pop(), shapes.pop(), are_numbers_names=numbers_are_names)


def read_npz(path: Path, arguments: DataArguments) -> Examples:
    """Return the examples in a `.npz` with `x_train`, `y_train`, `x_test`, `y_test`, or with `x`, `y`; no pickles.

    Raises:
        DataError: the file is broken or its arrays have other names.
    """
    arrays = load_npz(path)
    pairs = {part: (f"x_{part}", f"y_{part}") for part in ("train", "validation", "test")} | {ALL: ("x", "y")}
    data = {part: (arrays[x], arrays[y]) for part, (x, y) in pairs.items() if x in arrays and y in arrays}
    if not data or (ALL in data and len(data) > 1):
        raise DataError(
            f"A .npz must hold x and y, or x_train, y_train, x_test, y_test (x_validation, y_validation). "
            f"Received: {sorted(arrays)} in {path}. Rename the arrays."
        )
    examples = read_arrays(data, arguments, str(path))
    if "labels" in arrays:
        examples.labels = tuple(arrays["labels"].tolist())
    return examples


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays in a `.npz`; no pickles.

    Raises:
        DataError: the file is broken, or is not a `.npz`.
    """
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                raise ValueError("it holds a single array, as numpy.save writes")
            return {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"This cannot be read as .npz: {error}. Received: {path}. Save it with numpy.savez.") from error


def _read_part(features: Any, targets: np.ndarray, arguments: DataArguments) -> tuple[Part, Any, Any]:
    texts = _as_texts(features)
    if texts is not None:
        features = texts
    elif not isinstance(features, pd.DataFrame):
        features = _as_array(features)
    if len(features) != len(targets):
        raise DataError(f"Each row needs one label. Received: {len(features)} rows and {len(targets)} labels.")
    if not len(features):
        raise DataError("The data is empty. Received: 0 rows. Add rows.")
    if texts is not None:
        part = as_part(lambda: ((f"Row {row}", text, row) for row, text in enumerate(texts)), "the texts", has_numbers=True)
        return Part(part.features, targets[part.targets], part.broken), "text", None
    if isinstance(features, pd.DataFrame) or features.ndim == 2:
        table = as_table(features)
        return Part(table.reset_index(drop=True), targets), "table", None
    images = _as_images(features, arguments)
    return Part(Arrays(images), targets), "image", images.shape[1:]


def _has_text_column(table: pd.DataFrame, arguments: DataArguments) -> bool:
    return arguments.text_column is not None or are_for_texts([str(name) for name in table.columns])


def _text_columns(table: pd.DataFrame, arguments: DataArguments) -> tuple[pd.Series, pd.Series]:
    text, label = find_columns([str(name) for name in table.columns], arguments)
    return table.iloc[:, text], table.iloc[:, label]


def _as_texts(features: Any) -> list[Any] | None:
    """Return the texts in a list, an array or a Series of strings; None for anything else."""
    if isinstance(features, str | bytes):
        raise DataError(
            f"Texts must be in a list. Received: one text, {features!r:.60}. Put it in a list, with a list of labels."
        )
    if isinstance(features, pd.Series):
        features = features.astype(object).where(features.notna(), None).tolist()
    if isinstance(features, np.ndarray) and features.ndim == 1 and features.dtype.kind in "SUOT":
        features = features.tolist()
    if not (isinstance(features, list | tuple) and any(isinstance(text, str | bytes) for text in features)):
        return None
    if all(str(text).lower().endswith(tuple(IMAGE_SUFFIXES)) for text in features):
        raise DataError(
            f"Features must be images, texts or a table. Received: {len(features)} names of image files, first "
            f"{features[0]!r}. "
            "Pass the folder that contains one folder of images per class."
        )
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
            "Features must be numeric: images `(rows, height, width[, channels])` or a table `(rows, columns)`. "
            f"Received: shape {array.shape}, dtype {array.dtype}. Reshape or convert them."
        )
    return array


def _as_images(array: np.ndarray, arguments: DataArguments) -> np.ndarray:
    images = array[..., np.newaxis] if array.ndim == 3 else array
    if images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise DataError(f"Images must have their channels last. Received: shape {images.shape}. Pass numpy.moveaxis(x, 1, -1).")
    if images.dtype.kind == "f":
        finite = np.isfinite(images).all(axis=(1, 2, 3))
        if not finite.all():
            raise DataError(f"Images must hold finite numbers. Received: NaN or infinity in image {int(np.argmin(finite))}.")
        images = images.astype(np.float32, copy=False)
    elif images.dtype != np.uint8:
        if images.min() < 0 or images.max() > 255:
            raise DataError(
                f"Integer images must hold 0 to 255. Received: {images.min()} to {images.max()}. Scale them, or pass floats."
            )
        images = images.astype(np.uint8)
    if arguments.image_size and tuple(arguments.image_size) != images.shape[1:3]:
        images = np.stack([fit_array(image, (*arguments.image_size, images.shape[-1])) for image in images])
    return images
