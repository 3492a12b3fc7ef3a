"""Patches for three bugs of Keras on TensorFlow under `tf.distribute`.

The first two are Keras issue 20585, open since 2024-12. Each patch checks for its bug in Keras' source, and changes nothing
if the bug is fixed:

1. `_maybe_symbolic_build` averages all replicas' shares of a batch. This fails for shares of different sizes, and always under
   `MultiWorkerMirroredStrategy`. Only shapes matter, so the patch passes those of the data, or one replica's share.
2. `reduce_per_replica` reduces metrics, which are scalars, over their first axis under `MultiWorkerMirroredStrategy`. Scalars
   have no axis.
3. `add` mistakes a second tensor of shape `(0, units)` for a bias, and so fails in the `LSTM` of a device without examples.

`tests/distribution/test_keras_workers.py` fails when the installed Keras has fixed a bug; then delete the patch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

REDUCED_BATCH = "self.distribute_strategy.reduce("
REDUCED_AXIS = 'strategy.reduce("MEAN", v, axis=0)'
EMPTY_AS_BIAS = "[d for d in x2.shape.as_list() if d is None or d > 1]"


def faults_of_keras() -> list[str]:
    """Return the names of the functions with bugs in the installed Keras."""
    return [name for _, name, _ in _faulty()]


def patch_keras() -> None:
    """Patch the functions with bugs; a second call does nothing."""
    for owner, name, patched in _faulty():
        setattr(owner, name, patched(getattr(owner, name)))


def _faulty() -> list[tuple[Any, str, Callable[[Any], Any]]]:
    """Return the owner, the name and the patch of each function with a bug."""
    from keras.src.backend.tensorflow import numpy, trainer

    known = [
        (trainer.TensorFlowTrainer, "_maybe_symbolic_build", REDUCED_BATCH, _patched_build),
        (trainer, "reduce_per_replica", REDUCED_AXIS, _patched_reduce),
        (numpy, "add", EMPTY_AS_BIAS, _patched_add),
    ]
    return [(owner, name, patched) for owner, name, fault, patched in known if fault in inspect.getsource(getattr(owner, name))]


def _patched_build(original: Any) -> Any:
    def build_from_one_part(model: keras.Model, iterator: Any = None, data_batch: Any = None) -> None:
        if iterator is not None and model._distribute_strategy is not None:
            iterator, data_batch = None, _example(iterator, model.distribute_strategy)
        original(model, iterator=iterator, data_batch=data_batch)

    return build_from_one_part


def _example(epoch: Any, strategy: tf.distribute.Strategy) -> Any:
    """Return the spec of a batch or, for distributed data, the share of this worker's first replica."""
    spec = epoch.data_adapter.get_tf_dataset().element_spec
    if all(isinstance(each, tf.TensorSpec) for each in tf.nest.flatten(spec)):
        return spec  # reads no data, so it does not advance the shuffled passes
    epoch.reset()  # the iterator of a finished evaluation is exhausted
    _, _, batches = next(iter(epoch))
    return tf.nest.map_structure(lambda value: strategy.experimental_local_results(value)[0], next(batches))


def _patched_reduce(original: Any) -> Any:
    def reduce_as_one(values: Any, strategy: tf.distribute.Strategy, reduction: str) -> Any:
        if reduction not in ("auto", "mean") or not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return original(values, strategy, reduction)
        flat = tf.nest.flatten(values)
        shapes = [tf.shape(strategy.experimental_local_results(each)[0]) for each in flat]
        joined = strategy.run(
            lambda parts: tf.concat([tf.reshape(tf.cast(one, tf.float32), [-1]) for one in parts], 0), (flat,)
        )
        means = strategy.reduce("MEAN", joined, axis=None)  # in one message, since each takes 1 to 2 ms
        parts = tf.split(means, [tf.reduce_prod(shape) for shape in shapes])
        return tf.nest.pack_sequence_as(values, [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)])

    return reduce_as_one


def _patched_add(original: Any) -> Any:
    def add_unless_empty(x1: Any, x2: Any) -> Any:
        if 0 in tuple(getattr(x2, "shape", ())) and getattr(x1, "dtype", None) == x2.dtype:
            return tf.add(x1, x2)
        return original(x1, x2)

    return add_unless_empty
