"""Converts integer and one-hot labels to one form inside a graph, and rejects anything else."""

from __future__ import annotations

import tensorflow as tf

from zoo.errors import DataError


def as_one_hot(labels: tf.Tensor, num_classes: int | None) -> tf.Tensor:
    """Return labels as float32 rows of class probabilities.

    Args:
        labels: `(batch,)` or `(batch, 1)` integers in `[0, num_classes)`, or `(batch, num_classes)` rows that sum to 1.
        num_classes: static number of logits.

    Returns:
        `(batch, num_classes)`, float32. Where assertions are compiled away, a label out of range gives a row of NaN.

    Raises:
        DataError: the static shape has neither form.
        tf.errors.InvalidArgumentError: at run time, if a label is out of range, or a row does not sum to 1 or has a negative
            entry.
    """
    labels = tf.convert_to_tensor(labels)
    rank, width = labels.shape.rank, labels.shape[-1] if labels.shape.rank else None
    if rank is None or (rank == 2 and width is None):
        return _of_relaxed_shape(labels, num_classes)
    if rank == 2 and width == num_classes:
        return _checked_rows(tf.cast(labels, tf.float32))
    if rank == 2 and width == 1:
        return _one_hot(tf.squeeze(labels, axis=-1), num_classes)
    if rank == 1:
        return _one_hot(labels, num_classes)
    raise DataError(
        f"Labels must be `(batch,)` integers or `(batch, {num_classes})` one-hot rows. Received: shape {labels.shape}. "
        f"Build the model with num_classes= for your labels, or pass labels of one of these shapes."
    )


def _of_relaxed_shape(labels: tf.Tensor, num_classes: int | None) -> tf.Tensor:
    """Distinguish the forms at run time: a `tf.function` that has received both has no static shape."""
    shape = tf.shape(labels)
    is_form = (tf.size(shape) == 1) | ((tf.size(shape) == 2) & ((shape[-1] == 1) | (shape[-1] == num_classes)))
    message = f"Labels must be `(batch,)` integers or `(batch, {num_classes})` one-hot rows."
    with tf.control_dependencies([tf.debugging.Assert(is_form, [message, "Received: shape", shape])]):
        table = tf.reshape(labels, tf.stack([shape[0], -1]))  # (batch, 1 or num_classes)
    rows = tf.cond(
        tf.shape(table)[1] == num_classes,
        lambda: _checked_rows(tf.cast(table, tf.float32)),
        lambda: _one_hot(table[:, 0], num_classes),
    )
    return tf.ensure_shape(rows, (None, num_classes))


def _one_hot(labels: tf.Tensor, num_classes: int | None) -> tf.Tensor:
    numbers = tf.cast(labels, tf.float32)
    valid = (numbers >= 0) & (numbers < num_classes) & (numbers == tf.floor(numbers))  # NaN compares false
    last = "num_classes - 1" if num_classes is None else num_classes - 1
    message = f"Labels must be integers from 0 to {last} (num_classes={num_classes})."
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(valid), [message, "Received:", labels], summarize=20)]):
        rows = tf.one_hot(tf.cast(tf.where(valid, numbers, 0.0), tf.int32), num_classes)
    return tf.where(valid[:, tf.newaxis], rows, float("nan"))


def _checked_rows(rows: tf.Tensor) -> tf.Tensor:
    valid = (tf.abs(tf.reduce_sum(rows, axis=-1) - 1.0) < 1e-3) & tf.reduce_all(rows >= 0, axis=-1)
    message = "One-hot labels must sum to 1 in every row; several labels per row (multi-label) are not supported."
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(valid), [message, "Received:", rows], summarize=20)]):
        return tf.where(valid[:, tf.newaxis], rows, float("nan"))
