"""Converts columns to features inside a TensorFlow graph, as `TablePreprocessor` does with pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from zoo.inputs.kind import Twin

if TYPE_CHECKING:
    from zoo.inputs.table.preprocessor import Column, TablePreprocessor


def twin(table: TablePreprocessor) -> Twin:
    """Return a preprocessor's steps as TensorFlow functions."""
    names = table.tensor_names
    specs = {
        names[column.name]: tf.TensorSpec((None,), tf.as_dtype(column.dtype), names[column.name]) for column in table.columns
    }
    columns = {
        names[column.name]: tf.constant([column.fill if column.kind == "number" else next(iter(column.categories), "")])
        for column in table.columns
    }
    return Twin(
        tf.TensorSpec((None, *table.input_shape), tf.float32, "features"),
        {"serving_default": (specs, lambda columns: encode_columns(columns, table))},
        {"serving_default": columns, "features": {"features": tf.constant(table.example_batch(1))}},
    )


def encode_columns(columns: Mapping[str, tf.Tensor], table: TablePreprocessor) -> tf.Tensor:
    """Return the same features as `TablePreprocessor.transform`.

    Args:
        columns: tensors `(batch,)` by the names in `TablePreprocessor.tensor_names`: float32 with NaN for a missing number,
            or strings with "" for a missing category.
        table: the fitted columns.

    Returns:
        `(batch, features)`, float32.
    """
    names = table.tensor_names
    return tf.concat([_features(columns[names[column.name]], column) for column in table.columns if column.features], axis=1)


def _features(values: tf.Tensor, column: Column) -> tf.Tensor:
    values = values[:, tf.newaxis]
    if column.kind == "category":
        return tf.cast(values == tf.constant([column.categories]), tf.float32)
    is_missing = tf.math.is_nan(values)
    numbers = tf.where(is_missing, tf.constant(column.fill, tf.float32), values)
    return tf.concat([numbers, tf.cast(is_missing, tf.float32)], axis=1) if column.has_missing else numbers
