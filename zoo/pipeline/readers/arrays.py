"""Arrays, DataFrames and `.npz` files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zoo.config import DataArguments
from zoo.errors import DataError
from zoo.pipeline.examples import ALL, Examples, Part
from zoo.pipeline.images import fit_array
from zoo.pipeline.readers.tables import split_columns
from zoo.pipeline.sources import Arrays
from zoo.pipeline.tables import as_table
from zoo.pipeline.targets import as_targets


def read_arrays(data: Any, arguments: DataArguments, name: str = "arrays") -> Examples:
    """Return the examples in `(features, targets)`, in a DataFrame with its label column, or in a mapping of parts to such.

    Features of `(rows, height, width)` or `(rows, height, width, channels)` are images, of `(rows, columns)` a table.

    Raises:
        DataError: features and targets do not fit each other, or are neither images nor a table.
    """
    given = data if isinstance(data, Mapping) else {ALL: data}
    if not given:
        raise DataError("The data are empty. Received: a mapping without parts. Give train, validation and test.")
    parts, kinds, shapes, numbers_are_names = {}, set(), set(), False
    for part_name, part in given.items():
        if isinstance(part, pd.DataFrame):
            features, raw_targets = split_columns(part, arguments)
            numbers_are_names = True
        elif isinstance(part, tuple | list) and len(part) == 2:
            features, raw_targets = part
        else:
            raise DataError(
                f"Data are `(features, targets)` or a DataFrame. Received: {type(part).__name__}. "
                "Give a pair of arrays, or a mapping of train, validation and test to pairs."
            )
        parts[str(part_name)], kind, shape = _read_part(features, as_targets(raw_targets), arguments)
        kinds.add(kind)
        shapes.add(shape)
    if len(kinds) > 1 or len(shapes) > 1:
        raise DataError(f"All parts need examples of one shape. Received: {sorted(map(str, shapes))}. Bring them to one.")
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
            f"A .npz holds x and y, or x_train, y_train, x_test, y_test (x_validation, y_validation). "
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
    if not isinstance(features, pd.DataFrame):
        features = _as_array(features)
    if len(features) != len(targets):
        raise DataError(f"Each row needs one label. Received: {len(features)} rows and {len(targets)} labels.")
    if not len(features):
        raise DataError("The data are empty. Received: 0 rows. Add some.")
    if isinstance(features, pd.DataFrame) or features.ndim == 2:
        table = as_table(features)
        return Part(table.reset_index(drop=True), targets), "table", None
    images = _as_images(features, arguments)
    return Part(Arrays(images), targets), "image", images.shape[1:]


def _as_array(features: Any) -> np.ndarray:
    if np.ma.isMaskedArray(features):
        features = np.ma.filled(features.astype(np.float64), np.nan)  # a masked cell is a missing value
    try:
        array = np.asarray(features)
    except ValueError as error:
        raise DataError(f"The examples have different shapes: {error}. Bring them to one shape, or give a folder.") from error
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in ("buif" if array.ndim > 2 else "buifO"):
        raise DataError(
            "Features are numeric: images `(rows, height, width[, channels])` or a table `(rows, columns)`. "
            f"Received: shape {array.shape}, dtype {array.dtype}. Reshape or convert them."
        )
    return array


def _as_images(array: np.ndarray, arguments: DataArguments) -> np.ndarray:
    images = array[..., np.newaxis] if array.ndim == 3 else array
    if images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise DataError(f"Images have their channels last. Received: shape {images.shape}. Give numpy.moveaxis(x, 1, -1).")
    if images.dtype.kind == "f":
        finite = np.isfinite(images).all(axis=(1, 2, 3))
        if not finite.all():
            raise DataError(f"Images hold finite numbers. Received: NaN or infinity in image {int(np.argmin(finite))}.")
        images = images.astype(np.float32, copy=False)
    elif images.dtype != np.uint8:
        if images.min() < 0 or images.max() > 255:
            raise DataError(
                f"Whole-number images hold 0 to 255. Received: {images.min()} to {images.max()}. Scale them, or give floats."
            )
        images = images.astype(np.uint8)
    if arguments.image_size and tuple(arguments.image_size) != images.shape[1:3]:
        images = np.stack([fit_array(image, (*arguments.image_size, images.shape[-1])) for image in images])
    return images
