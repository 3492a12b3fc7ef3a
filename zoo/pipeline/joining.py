"""Joins two splits of a source."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import tensorflow as tf

from zoo.errors import DataError
from zoo.inputs.image.files import ImageFiles
from zoo.inputs.text.preprocessor import Texts
from zoo.pipeline.examples import Features
from zoo.sources.source import Arrays, Records


def join_features(first: Features, second: Features) -> Features:
    """Return the rows of two splits, starting with the first.

    Raises:
        DataError: only one of them is in memory.
    """
    if isinstance(first, pd.DataFrame) and isinstance(second, pd.DataFrame):
        return pd.concat([first, second], ignore_index=True)
    if type(first) is not type(second) or isinstance(first, pd.DataFrame) or isinstance(second, pd.DataFrame):
        raise DataError(
            "Train and validation can be joined only if both are in memory, or neither. Received: "
            f"{type(first).__name__} and {type(second).__name__}. Raise data.memory_budget_mb, or set it to 0."
        )
    hashes = np.concatenate([first.hashes, second.hashes])
    if isinstance(first, Texts) and isinstance(second, Texts):
        return Texts(lambda: itertools.chain(first.read(), second.read()), hashes)
    if isinstance(first, ImageFiles) and isinstance(second, ImageFiles):
        return ImageFiles([*first.paths, *second.paths], first.input_shape, hashes)
    if isinstance(first, Records) and isinstance(second, Records):
        return _join_records(first, second, hashes)
    if isinstance(first, Arrays) and isinstance(second, Arrays):
        return Arrays(tf.concat([first.features, second.features], axis=0), hashes)
    raise DataError(f"Splits of this kind cannot be joined. Received: {type(first).__name__}. Pass one split.")


def _join_records(first: Records, second: Records, hashes: np.ndarray) -> Records:
    boundary = len(first.file_lengths)

    def stream(files: Sequence[int]) -> tf.data.Dataset:
        own, others = [file for file in files if file < boundary], [file - boundary for file in files if file >= boundary]
        found = [part.stream(numbers) for part, numbers in ((first, own), (second, others)) if numbers]
        return found[0] if len(found) == 1 else found[0].concatenate(found[1])

    mean_bytes = max(first.mean_bytes, second.mean_bytes)
    return Records(stream, first.decode, hashes, mean_bytes, [*first.file_lengths, *second.file_lengths])
