"""Real examples, as raw as a user's input, to verify an export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pandas as pd

from zoo.errors import UsageError
from zoo.inputs.table.preprocessor import TablePreprocessor
from zoo.pipeline.splits import Splits

NUMBER = 1000
PARTS = ("validation", "test", "train")
UNUSUAL_TEXTS = ("", " \n", "\0", "???", "😀 é 好", "İΣß ﬁ", "x" * 10_000)

Raw: TypeAlias = list[str] | np.ndarray | pd.DataFrame


def choose_examples(data: Splits, count: int = NUMBER) -> Raw:
    """Return real examples of a model's data, along with some unusual texts.

    Args:
        data: training data of the model, or other data read in the same way.
        count: number of examples; fewer if the data has fewer; default `NUMBER`.

    Returns:
        Texts, evenly spaced by length rank, including the shortest and the longest; images
        `(examples, height, width, channels)` in their own dtype; or a table of the raw columns.

    Raises:
        UsageError: the model takes other features.
    """
    parts = [part for part in PARTS if part in data.parts]
    if data.info.task.input_name == "text":
        return [*_texts(data, parts, count), *UNUSUAL_TEXTS]
    features = np.concatenate([batch for batch, _ in zip(_features(data, parts, count), range(count), strict=False)])[:count]
    if data.info.table is not None:
        return as_columns(features, data.info.table)
    if data.info.task.input_name != "image":
        raise UsageError(f"Only models of texts, images and tables can be exported. Received: {data.info.task_name}.")
    return features


def _texts(data: Splits, parts: list[str], count: int) -> list[str]:
    texts: list[str] = []
    for part in parts:
        if len(texts) < count:
            texts += data.texts(part)
    texts.sort(key=len)
    return [texts[place] for place in np.linspace(0, len(texts) - 1, min(count, len(texts))).astype(int)]


def _features(data: Splits, parts: list[str], count: int) -> Iterator[np.ndarray]:
    for part in parts:
        for features, _ in getattr(data, part).as_numpy_iterator():
            yield features
            count -= len(features)
            if count <= 0:
                return


def as_columns(features: np.ndarray, table: TablePreprocessor) -> pd.DataFrame:
    """Return the columns from which `TablePreprocessor.transform` made features, with NaN or "" for missing values.

    Args:
        features: feature matrix, `(rows, features)`.
        table: preprocessor that made the features.
    """
    columns: dict[str, np.ndarray] = {}
    start = 0
    for column in table.columns:
        block = features[:, start : start + len(column.features)]
        start += len(column.features)
        if column.kind == "number":
            is_missing = block[:, 1] == 1 if column.has_missing else np.zeros(len(block), bool)
            columns[column.name] = np.where(is_missing, np.nan, block[:, 0])
        else:
            names = np.array(["", *column.categories], object)
            columns[column.name] = names[(block * np.arange(1, block.shape[1] + 1)).sum(axis=1).astype(int)]
    return pd.DataFrame(columns)
