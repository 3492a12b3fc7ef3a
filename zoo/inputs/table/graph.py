"""Converts columns to features inside a TensorFlow graph, as `TablePreprocessor` does with pandas."""

from __future__ import annotations

import re
from collections.abc import Mapping

import tensorflow as tf

from zoo.inputs.table.preprocessor import Column, TablePreprocessor


def column_inputs(table: TablePreprocessor) -> dict[str, str]:
    """Return the tensor name of each column: its own name, with `_` for characters that tensor names do not allow."""
    names: dict[str, str] = {}
    for number, column in enumerate(table.columns):
        name = re.sub(r"[^A-Za-z0-9]+", "_", column.name).strip("_")
        if not name[:1].isalpha() or name == "self" or name in names.values():
            name = f"column_{number}_{name}".rstrip("_")
        names[column.name] = name
    return names


def encode_columns(columns: Mapping[str, tf.Tensor], table: TablePreprocessor) -> tf.Tensor:
    """Return the features of `TablePreprocessor.transform`.

    Args:
        columns: columns under the names of `column_inputs`, each `(batch,)`: float32 with NaN for a missing number, or
            strings with "" for a missing category.
        table: fitted preprocessor of the columns.

    Returns:
        `(batch, features)`, float32.
    """
    names = column_inputs(table)
    return tf.concat([_features(columns[names[column.name]], column) for column in table.columns if column.features], axis=1)


def _features(values: tf.Tensor, column: Column) -> tf.Tensor:
    values = values[:, tf.newaxis]
    if column.kind == "category":
        return tf.cast(values == tf.constant([column.categories]), tf.float32)
    is_missing = tf.math.is_nan(values)
    numbers = tf.where(is_missing, tf.constant(column.fill, tf.float32), values)
    return tf.concat([numbers, tf.cast(is_missing, tf.float32)], axis=1) if column.has_missing else numbers
