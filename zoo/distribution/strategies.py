"""Chooses the `tf.distribute` strategy for building and training a model."""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from zoo.distribution.cluster import workers_in_environment
from zoo.distribution.keras_workers import patch_keras
from zoo.errors import UsageError, one_line
from zoo.processes.signals import signal_handler


def choose_strategy(given: str | tf.distribute.Strategy) -> tf.distribute.Strategy | None:
    """Return the strategy for building a model; None for one device.

    Args:
        given: "auto" for the open scope's strategy, else `MultiWorkerMirroredStrategy` if `TF_CONFIG` names several workers,
            else `MirroredStrategy` with two or more GPUs, else one device; "mirrored" for all GPUs, or all logical CPUs if
            there is no GPU; "none" for one device; or a strategy.

    Raises:
        UsageError: the value is not accepted, or names missing devices; "mirrored" has only one device, or is combined with a
            `TF_CONFIG` for several workers; another scope is open; or the workers cannot connect.
    """
    if isinstance(given, tf.distribute.Strategy):
        _check_devices(given)
        patch_keras()
        return given
    if given not in ("auto", "mirrored", "none"):
        raise UsageError(
            f"`strategy` must be 'auto', 'mirrored', 'none' or a tf.distribute.Strategy. Received: {given!r}. Pass one of "
            "these."
        )
    if tf.distribute.has_strategy():
        if given != "auto":
            raise UsageError(
                f"A strategy's scope is open. Received: strategy={given!r} inside it. Leave the scope, or omit `strategy`."
            )
        patch_keras()
        return tf.distribute.get_strategy()
    if given == "none":
        return None
    if workers_in_environment() > 1:
        if given == "auto":
            return _all_workers()
        raise UsageError(
            "'mirrored' is for the devices of one process. Received: strategy='mirrored' with a TF_CONFIG for several "
            "workers. Omit it, and each worker uses all of its devices; or unset TF_CONFIG."
        )
    gpus, cpus = (tf.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
    devices = gpus or cpus
    if given == "auto" and len(gpus) < 2:
        return None
    if len(devices) < 2:
        raise UsageError(
            f"MirroredStrategy needs two or more devices. Received: 'mirrored' with {len(gpus)} GPUs and {len(cpus)} logical "
            "CPUs. Use strategy='auto'."
        )
    return _mirrored(tuple(device.name for device in devices))


def _check_devices(strategy: tf.distribute.Strategy) -> None:
    """Reject missing devices: TensorFlow would create the strategy, and wait forever in the first step.

    Raises:
        UsageError: devices are missing; the message names them.
    """
    if not isinstance(strategy, tf.distribute.MirroredStrategy):
        return
    specs = [tf.DeviceSpec.from_string(name) for name in strategy.extended.worker_devices]
    present = [tf.DeviceSpec.from_string(device.name) for device in tf.config.list_logical_devices()]
    names = sorted(f"{spec.device_type}:{spec.device_index}" for spec in present)
    missing = sorted({f"{spec.device_type}:{spec.device_index}" for spec in specs}.difference(names))
    if missing:
        raise UsageError(
            f"This machine has no {', '.join(missing)}. Received: a {type(strategy).__name__} with these devices. Use devices "
            f"from {', '.join(names)}."
        )


def scope_of(strategy: tf.distribute.Strategy | None) -> AbstractContextManager[Any]:
    """Return the scope for building models."""
    return nullcontext() if strategy is None else strategy.scope()


def strategy_of(model: keras.Model) -> tf.distribute.Strategy | None:
    """Return the model's strategy if it has more than one device."""
    strategy = model.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return None
    patch_keras()
    return strategy


def build_optimizer(model: keras.Model) -> None:
    """Create the optimizer's variables on the model's devices now, before the first step."""
    if not model.optimizer.built:
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)


def learning_rate_of(model: keras.Model) -> float:
    """Return the current learning rate; `float` does not accept a strategy's variable."""
    return float(model.optimizer.learning_rate.numpy())


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    patch_keras()
    return tf.distribute.MirroredStrategy(devices)


@cache
def _all_workers() -> tf.distribute.Strategy:
    patch_keras()
    try:
        # TensorFlow waits without returning to Python, so that Python cannot handle signals; TensorFlow handles SIGTERM.
        with signal_handler(signal.SIG_DFL, signal.SIGINT, signal.SIGTERM):
            return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, tf.errors.OpError) as error:  # no task, a wrong index, an address in use
        raise UsageError(
            f"The workers in TF_CONFIG cannot connect: {one_line(error).rstrip('. ')}. Received: "
            f"{os.environ['TF_CONFIG'][:200]}. Fix it, and check that the port of this worker is free."
        ) from error
    except RuntimeError as error:  # "Collective ops must be configured at program startup"
        raise UsageError(
            "The workers in TF_CONFIG must connect before any TensorFlow operation. Received: a process that has "
            "already run operations. Call zoo.train or zoo.build first, or create "
            "tf.distribute.MultiWorkerMirroredStrategy() at the start and pass it as strategy=."
        ) from error
