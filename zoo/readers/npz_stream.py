"""An array in a `.npz`, read in chunks of rows."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from zoo.errors import DataError


def stream_npz(path: Path, names: Sequence[str], rows: int) -> Iterator[tuple[np.ndarray, float]]:
    """Yield an array in chunks of rows, each with the fraction read so far; no pickles.

    An array in Fortran order is read as a whole.

    Args:
        path: path of the file.
        names: accepted names of the array.
        rows: rows per chunk.

    Raises:
        DataError: the file is broken, is not a `.npz`, or has no such array.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            present = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            name = next((name for name in names if name in present), None)
            if name is None:
                listed = sorted(present)
                raise DataError(f"A .npz for prediction must hold {names[0]}. Received: {listed} in {path}. Rename the array.")
            with archive.open(f"{name}.npy") as file:
                yield from _chunks(file, rows)
    except (OSError, ValueError, EOFError, tokenize.TokenError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"This cannot be read as .npz: {error}. Received: {path}. Save it with numpy.savez.") from error


def _chunks(file: IO[bytes], rows: int) -> Iterator[tuple[np.ndarray, float]]:
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if not shape:
        raise ValueError("it holds a single number")
    if min(shape) < 1:
        raise ValueError(f"its shape is {shape}")
    if is_fortran:
        whole = np.frombuffer(file.read(), dtype).reshape(shape, order="F")
    size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    for start in range(0, shape[0], rows):
        count = min(rows, shape[0] - start)
        if is_fortran:
            chunk = whole[start : start + count]
        else:
            content = file.read(count * size)
            if len(content) < count * size:
                raise ValueError("the array is cut off")
            chunk = np.frombuffer(content, dtype).reshape(count, *shape[1:])
        yield chunk, (start + count) / shape[0]
