"""Passes data in memory to other processes through a file; all processes of a machine map its arrays into memory."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from zoo.artefacts.loading import is_splits
from zoo.errors import UsageError, one_line


class SavedDataset:
    """Makes a `tf.data.Dataset` picklable: saves it, and pickles the path of its folder.

    Args:
        dataset: a finite dataset.
        path: the folder.
    """

    def __init__(self, dataset: Any, path: str) -> None:
        dataset.save(path)
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        import tensorflow as tf

        return tf.data.Dataset.load, (self._path,)


def save_shared(data: Any, folder: Path) -> str | None:
    """Save data in memory to a file and return its path; None for a name or a path, which need no file.

    Raises:
        UsageError: the data cannot be saved.
    """
    if data is None or isinstance(data, str | os.PathLike):
        return None
    import joblib
    import tensorflow as tf

    if is_splits(data):
        raise UsageError(
            "Each trial reads the data with its own vocabulary and length. Received: Splits, which are already read. Pass "
            f"their source, for example data={data.info.name!r}."
        )

    def saved(value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {part: saved(inner, f"{name}-{part}") for part, inner in value.items()}
        if not isinstance(value, tf.data.Dataset):
            return value
        if value.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise UsageError("The data must be finite. Received: a tf.data.Dataset with repeat(). Omit repeat().")
        return SavedDataset(value, str(folder / name))

    path = str(folder / "data")
    try:
        joblib.dump(saved(data, "dataset"), path)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise UsageError(
            f"The data cannot be sent to other processes: {one_line(error)}. Received: {type(data).__name__}. Pass a name, "
            "a path, arrays, a DataFrame or a tf.data.Dataset."
        ) from error
    return path


@cache
def load_shared(path: str | None) -> Any:
    """Return the data that `save_shared` saved; None for None."""
    import joblib

    return None if path is None else joblib.load(path, mmap_mode="c")
