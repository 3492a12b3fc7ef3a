"""Reads arrays in a `.npz`, completely or in chunks of rows; pickles are rejected."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from zoo.errors import DataError
from zoo.readers.opening import read_errors


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays in a `.npz`.

    Raises:
        DataError: the file is broken, or is not a `.npz`.
    """
    with read_errors(path), path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError("it contains a single array, as written by numpy.save")
        return {key: loaded[key] for key in loaded.files}


def stream_npz(path: Path, names: Sequence[str], rows: int) -> Iterator[tuple[np.ndarray, float]]:
    """Yield an array in chunks of rows, each with the fraction read so far.

    An array in Fortran order is read completely.

    Args:
        path: path of the file.
        names: accepted names of the array.
        rows: rows per chunk.

    Raises:
        DataError: the file is broken, is not a `.npz`, or has no such array.
    """
    with read_errors(path), zipfile.ZipFile(path) as archive:
        present = sorted(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
        name = next((name for name in names if name in present), None)
        if name is None:
            raise DataError(f"A .npz for prediction must contain {names[0]}. Received: {present} in {path}. Rename the array.")
        with archive.open(f"{name}.npy") as file:
            read_header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
            shape, is_fortran, dtype = read_header(file)
            if dtype.hasobject or not shape or min(shape) < 1:
                raise ValueError(f"{name} has shape {shape} and dtype {dtype}")
            whole = load_npz(path)[name] if is_fortran else None
            size = math.prod(shape[1:]) * dtype.itemsize
            for start in range(0, shape[0], rows):
                end = min(start + rows, shape[0])
                if whole is None:
                    chunk = np.frombuffer(file.read((end - start) * size), dtype).reshape(end - start, *shape[1:])
                else:
                    chunk = whole[start:end]
                yield chunk, end / shape[0]
