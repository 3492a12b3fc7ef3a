"""Reads the user's own `tf.data` into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo.progress import track
from zoo.readers.arrays import read_arrays
from zoo.readers.examples import ALL, Examples
from zoo.settings import DataArguments

if TYPE_CHECKING:
    import tensorflow as tf


def read_tf_data(data: tf.data.Dataset | Mapping[str, tf.data.Dataset], arguments: DataArguments) -> Examples:
    """Return the examples in a finite dataset of `(features, targets)`, batched or not, or in one dataset per split.

    Raises:
        DataError: a dataset is endless, has other elements, or exceeds `memory_budget_mb`.
    """
    import tensorflow as tf

    given = data if isinstance(data, Mapping) else {ALL: data}
    for part, dataset in given.items():
        if not isinstance(dataset, tf.data.Dataset):
            raise DataError(
                f"Either all splits or none must be a tf.data.Dataset. Received: {type(dataset).__name__} as {part!r}. "
                "Convert it."
            )
    return read_arrays({part: _read(dataset, arguments) for part, dataset in given.items()}, arguments, "tf.data")


def _read(dataset: tf.data.Dataset, arguments: DataArguments) -> tuple[np.ndarray, np.ndarray]:
    import tensorflow as tf

    spec = dataset.element_spec
    if not (isinstance(spec, tuple) and len(spec) == 2 and all(isinstance(part, tf.TensorSpec) for part in spec)):
        raise DataError(f"A tf.data.Dataset must yield pairs `(features, targets)`. Received: {spec}. Map it to pairs.")
    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise DataError(
            "A tf.data.Dataset must be finite. Received: an endless one. Remove `.repeat()`; zoo repeats the data itself."
        )
    features, targets = spec
    is_batched = bool(targets.shape.rank and features.shape.rank and features.shape[0] == targets.shape[0])
    if is_batched and targets.shape.rank == 1 and features.shape.rank == 3 and features.shape[-1] in (1, 3):
        is_batched = features.shape[0] is None  # otherwise one image whose height equals the number of classes
    batches = dataset if is_batched else dataset.batch(256)
    images, labels, size = [], [], 0
    for image_batch, label_batch in track(_checked(batches), "Reading tf.data"):
        images.append(image_batch)
        labels.append(label_batch)
        size += sum(map(len, image_batch)) if image_batch.dtype == object else image_batch.nbytes
        if size > arguments.memory_budget_mb * 2**20:
            raise DataError(
                f"A tf.data.Dataset must fit in {arguments.memory_budget_mb} MB of memory. Received: more. Raise "
                "data.memory_budget_mb, use a prepared TFDS folder or an image folder, which stream, or call `model.fit` "
                "with the dataset itself."
            )
    if not images:
        raise DataError("The tf.data.Dataset is empty. Received: no elements. Add elements.")
    return np.concatenate(images), np.concatenate(labels)


def _checked(batches: tf.data.Dataset) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    import tensorflow as tf

    try:
        yield from batches.as_numpy_iterator()
    except tf.errors.OpError as error:
        raise DataError(
            f"The tf.data.Dataset failed during reading. Received: {str(error.message)[:300]}. All elements need the same "
            "shape."
        ) from error
