"""Passes data in memory to other processes: one file, whose arrays all processes of a machine map into memory."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, one_line


class SavedDataset:
    """A `tf.data.Dataset` that was saved to a folder."""

    def __init__(self, path: str) -> None:
        self.path = path


def save_shared(data: Any, folder: Path) -> str | None:
    """Save data in memory to a file and return its path; None for a name or a path, which need no file.

    Raises:
        UsageError: the data cannot be saved.
    """
    if data is None or isinstance(data, str | os.PathLike):
        return None
    import joblib

    tensorflow, splits = sys.modules.get("tensorflow"), sys.modules.get("zoo.pipeline.splits")
    if splits is not None and isinstance(data, splits.Splits):
        raise UsageError(
            "Each trial reads the data with its own vocabulary and length. Received: Splits, which are read already. Give "
            f"what they were read from, for example data={data.info.name!r}."
        )

    def saved(value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {part: saved(inner, f"{name}-{part}") for part, inner in value.items()}
        if tensorflow is not None and isinstance(value, tensorflow.data.Dataset):
            if int(value.cardinality()) == tensorflow.data.INFINITE_CARDINALITY:
                raise UsageError("These data never end. Received: a tf.data.Dataset with repeat(). Leave repeat() out.")
            value.save(str(folder / name))
            return SavedDataset(str(folder / name))
        return value

    path = str(folder / "data")
    try:
        joblib.dump(saved(data, "dataset"), path)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise UsageError(
            f"These data cannot be sent to other processes: {one_line(error)}. Received: {type(data).__name__}. Give a name, "
            "a path, arrays, a DataFrame or a tf.data.Dataset."
        ) from error
    return path


@cache
def load_shared(path: str | None) -> Any:
    """Return the data that `save_shared` saved; None for None."""
    if path is None:
        return None
    import joblib

    return _loaded(joblib.load(path, mmap_mode="c"))


def _loaded(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {part: _loaded(value) for part, value in data.items()}
    if isinstance(data, SavedDataset):
        import tensorflow as tf

        return tf.data.Dataset.load(data.path)
    return data
