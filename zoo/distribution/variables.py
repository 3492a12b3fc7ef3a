"""Variables with a different value on each replica: moving statistics of batch normalisation, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf

Group = Literal["model", "metrics"]


def differing_variables(model: keras.Model, group: Group) -> list[keras.Variable]:
    """Return the variables that each replica updates by itself: metrics, and variables without gradients."""
    if group == "metrics":
        return list(model.metrics_variables)
    return [variable for variable in model.non_trainable_variables if "float" in str(variable.dtype)]


def values_of_replicas(model: keras.Model, group: Group) -> list[np.ndarray]:
    """Return the values of differing variables, each `(replicas, ...)`; all workers must call this at the same time."""
    variables, strategy = differing_variables(model, group), model.distribute_strategy
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):  # all values are local
        return [np.stack([each.numpy() for each in strategy.experimental_local_results(one.value)]) for one in variables]
    if not variables:
        return []
    traced = _GATHERERS.setdefault(model, {})
    key = f"{group} {list(map(id, variables))}"  # metrics create variables in the first batch, and again after compiling
    if key not in traced:
        traced[key] = _gatherer(strategy, variables)
    return [np.asarray(value) for value in traced[key]()]


def assign_to_replicas(model: keras.Model, group: Group, values: Sequence[np.ndarray]) -> None:
    """Restore the values of each replica."""

    def assign() -> None:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        for variable, stack in zip(differing_variables(model, group), values, strict=True):
            variable.assign(tf.convert_to_tensor(stack)[replica])

    tf.function(lambda: model.distribute_strategy.run(assign))()


_GATHERERS: WeakKeyDictionary[keras.Model, dict[str, Callable[[], list[tf.Tensor]]]] = WeakKeyDictionary()


def _gatherer(strategy: tf.distribute.Strategy, variables: Sequence[keras.Variable]) -> Callable[[], list[tf.Tensor]]:
    def gather() -> list[tf.Tensor]:
        own = strategy.run(lambda: [tf.expand_dims(tf.identity(variable.value), 0) for variable in variables])
        return [strategy.gather(value, axis=0) for value in own]

    traced: Callable[[], list[tf.Tensor]] = tf.function(gather)
    return traced
