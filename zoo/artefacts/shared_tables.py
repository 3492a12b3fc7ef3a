"""A LiteRT file without the tables of weights that a Keras file next to it holds already.

A text model is almost all embedding table. A released model stores each table once, in float16, in `model.keras`; its LiteRT
file is stored without them (`scripts/release.py` cuts them out) and completed when it is opened.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

Tables = Sequence[Sequence[int]]  # of each: its place in the LiteRT file, its place in the weights, its bytes


def join_tables(rest: bytes, tables: Tables, keras_file: Path) -> bytes:
    """Return a whole LiteRT file.

    Args:
        rest: what is stored of it.
        tables: where the missing tables belong, in the order of the file.
        keras_file: holds them.
    """
    weights, content = read_weights(keras_file), bytearray()
    done = 0  # bytes of the rest that are in place
    for place, start, size in tables:
        missing = place - len(content)
        content += rest[done : done + missing] + weights[start : start + size]
        done += missing
    return bytes(content + rest[done:])


def read_weights(keras_file: Path) -> bytes:
    """Return the HDF5 file in a Keras file."""
    with zipfile.ZipFile(keras_file) as archive:
        return archive.read("model.weights.h5")
