"""LiteRT files without the weight tables that a Keras file next to them already contains.

A text model consists almost entirely of its embedding table. A released model stores each table once, in float16, in
`model.keras`. Its LiteRT file is stored without them (`scripts/release.py` removes them) and completed on opening.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

Tables = Sequence[Sequence[int]]  # for each table: position in the LiteRT file, position in the weights, size in bytes


def join_tables(rest: bytes, tables: Tables, keras_file: Path) -> bytes:
    """Return a complete LiteRT file.

    Args:
        rest: content of the file without the tables.
        tables: positions and sizes of the missing tables, in the order of the file.
        keras_file: file that contains the tables.
    """
    weights, content = read_weights(keras_file), bytearray()
    done = 0  # number of bytes of `rest` that are copied
    for place, start, size in tables:
        missing = place - len(content)
        content += rest[done : done + missing] + weights[start : start + size]
        done += missing
    return bytes(content + rest[done:])


def read_weights(keras_file: Path) -> bytes:
    """Return the content of the HDF5 file in a Keras file."""
    with zipfile.ZipFile(keras_file) as archive:
        return archive.read("model.weights.h5")
