"""Reads the user's `tf.data` datasets into memory."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo.errors import DataError
from zoo.progress import track
from zoo.settings import DataArguments


def read_tf_data(dataset: tf.data.Dataset, arguments: DataArguments) -> tuple[np.ndarray, np.ndarray]:
    """Return the features and targets of a finite dataset of `(features, targets)`, batched or not.

    Raises:
        DataError: the dataset is endless, has other elements, fails, or exceeds `memory_budget_mb`.
    """
    spec = dataset.element_spec
    if not (isinstance(spec, tuple) and len(spec) == 2 and all(isinstance(part, tf.TensorSpec) for part in spec)):
        raise DataError(f"A tf.data.Dataset must yield pairs `(features, targets)`. Received: {spec}. Map it to pairs.")
    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise DataError("A tf.data.Dataset must be finite. Received: an endless one. Remove `.repeat()`.")
    features, targets = spec
    is_batched = bool(targets.shape.rank and features.shape.rank and features.shape[0] == targets.shape[0])
    if is_batched and targets.shape.rank == 1 and features.shape.rank == 3 and features.shape[-1] in (1, 3):
        is_batched = features.shape[0] is None  # otherwise, it is one image whose height equals the number of classes
    batches = dataset if is_batched else dataset.batch(256)
    images, labels, size = [], [], 0
    try:
        for image_batch, label_batch in track(batches.as_numpy_iterator(), "Reading tf.data"):
            images.append(image_batch)
            labels.append(label_batch)
            size += sum(map(len, image_batch)) if image_batch.dtype == object else image_batch.nbytes
            if size > arguments.memory_budget_mb * 2**20:
                raise DataError(
                    f"A tf.data.Dataset must fit in {arguments.memory_budget_mb} MB of memory. Received: a larger one. Raise "
                    "data.memory_budget_mb, use a folder that streams (prepared by TFDS, or of images), or call `model.fit`."
                )
    except tf.errors.OpError as error:
        fix = "All elements need the same shape."
        raise DataError(f"The tf.data.Dataset failed. Received: {str(error.message)[:300]}. {fix}") from error
    if not images:
        raise DataError("The tf.data.Dataset is empty. Received: no elements. Add elements.")
    return np.concatenate(images), np.concatenate(labels)
