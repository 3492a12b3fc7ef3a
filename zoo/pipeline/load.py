"""One door for all data: a name's content, a path, arrays, a DataFrame or `tf.data` to `Examples`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.config import DataArguments
from zoo.errors import DataError
from zoo.pipeline.examples import Examples
from zoo.pipeline.readers import arrays, folder, tables, tf_data, tfds


def looks_like_path(data: Any) -> bool:
    """Return whether a string is meant as a path: it exists, starts like one or has a table's or array's suffix."""
    if isinstance(data, Path):
        return True
    return data.startswith((".", "/", "~")) or data.lower().endswith((*tables.SUFFIXES, ".npz")) or Path(data).exists()


def read_path(path: str | Path, arguments: DataArguments) -> Examples:
    """Return the examples in a file or folder.

    Raises:
        DataError: it does not exist, is of no kind that is read, or is broken.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(f"There is no such file or folder. Received: {path}. Check the path.")
    examples = _read_existing(path, arguments)
    examples.location = str(path.resolve())
    return examples


def _read_existing(path: Path, arguments: DataArguments) -> Examples:
    if path.is_dir():
        if tfds.is_prepared_folder(path):
            return tfds.read_prepared(path, arguments)
        return folder.read_folder(path, arguments)
    if path.suffix.lower() == ".npz":
        return arrays.read_npz(path, arguments)
    if path.suffix.lower() in tables.SUFFIXES:
        return tables.read_table_examples(path, arguments)
    raise DataError(
        f"A file of data ends in {', '.join((*tables.SUFFIXES, '.npz'))}. Received: {path}. "
        "Rename it, or give a folder of class folders of images."
    )


def read_object(data: Any, arguments: DataArguments, name: str) -> Examples:
    """Return the examples in a path, arrays, a DataFrame, `tf.data`, or a mapping of parts to such.

    Raises:
        DataError: it is none of these, or is broken.
    """
    if isinstance(data, str | Path):
        return read_path(data, arguments)
    first = next(iter(data.values()), None) if isinstance(data, Mapping) else data
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and isinstance(first, tensorflow.data.Dataset):
        return tf_data.read_tf_data(data, arguments)
    return arrays.read_arrays(data, arguments, name)
