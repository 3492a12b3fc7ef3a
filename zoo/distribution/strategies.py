"""Which `tf.distribute` strategy a model is built and trained under."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from zoo.distribution.cluster import workers_in_environment
from zoo.distribution.keras_workers import mend_keras
from zoo.errors import UsageError, one_line


def choose_strategy(given: str | tf.distribute.Strategy) -> tf.distribute.Strategy | None:
    """Return the strategy to build under; None is one device.

    Args:
        given: "auto" is that of the scope that is open, else `MultiWorkerMirroredStrategy` where `TF_CONFIG` names several
            workers, else `MirroredStrategy` with two or more GPUs, else none; "mirrored" is all GPUs, or all logical CPUs where
            there is no GPU; "none"; or a strategy.

    Raises:
        UsageError: it is none of these, or of devices that are not there; "mirrored" has one device only, or stands beside a
            `TF_CONFIG` of several workers; another scope is open; or the workers cannot meet.
    """
    if isinstance(given, tf.distribute.Strategy):
        _check_devices(given)
        mend_keras()
        return given
    if given not in ("auto", "mirrored", "none"):
        raise UsageError(
            f"`strategy` is 'auto', 'mirrored', 'none' or a tf.distribute.Strategy. Received: {given!r}. Give one of them."
        )
    if tf.distribute.has_strategy():
        if given != "auto":
            raise UsageError(f"A strategy's scope is open. Received: strategy={given!r} in it. Leave the scope, or this out.")
        mend_keras()
        return tf.distribute.get_strategy()
    if given == "none":
        return None
    if workers_in_environment() > 1:
        if given == "auto":
            return _all_workers()
        raise UsageError(
            "'mirrored' is for the devices of one process. Received: strategy='mirrored' beside a TF_CONFIG of several "
            "workers. Leave it out, and each worker takes all of its devices; or unset TF_CONFIG."
        )
    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or tf.config.list_logical_devices("CPU")
    if given == "auto":
        return _mirrored(tuple(device.name for device in gpus)) if len(gpus) > 1 else None
    if len(devices) < 2:
        raise UsageError(
            f"MirroredStrategy is for two or more devices; with one it only costs. Received: 'mirrored' with "
            f"{len(gpus)} GPUs and {len(tf.config.list_logical_devices('CPU'))} logical CPUs. Take strategy='auto'."
        )
    return _mirrored(tuple(device.name for device in devices))


def _check_devices(strategy: tf.distribute.Strategy) -> None:
    """Refuse devices that are not there: TensorFlow makes such a strategy, and waits for them for ever in its first step.

    Raises:
        UsageError: the message names them.
    """
    if not isinstance(strategy, tf.distribute.MirroredStrategy):
        return
    asked = [tf.DeviceSpec.from_string(name) for name in strategy.extended.worker_devices]
    there = {(each.device_type, tf.DeviceSpec.from_string(each.name).device_index) for each in tf.config.list_logical_devices()}
    missing = [
        f"{each.device_type}:{each.device_index}" for each in asked if (each.device_type, each.device_index) not in there
    ]
    if missing:
        names = ", ".join(f"{kind}:{index}" for kind, index in sorted(there))
        raise UsageError(
            f"This machine has no {', '.join(missing)}. Received: a {type(strategy).__name__} over them. It has {names}: take "
            "of these."
        )


def scope_of(strategy: tf.distribute.Strategy | None) -> AbstractContextManager[Any]:
    """Return the scope in which models are built."""
    return nullcontext() if strategy is None else strategy.scope()


def strategy_of(model: keras.Model) -> tf.distribute.Strategy | None:
    """Return the strategy of more than one device that a model was built under."""
    strategy = model.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return None
    mend_keras()
    return strategy


def build_optimizer(model: keras.Model) -> None:
    """Make the optimizer's variables now, where its model's are; Keras would leave that to the first step."""
    if not model.optimizer.built:
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)


def learning_rate_of(model: keras.Model) -> float:
    """Return the learning rate now; Python's `float` does not take the variable of a strategy."""
    return float(model.optimizer.learning_rate.numpy())


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    mend_keras()
    return tf.distribute.MirroredStrategy(devices)


@cache
def _all_workers() -> tf.distribute.Strategy:
    mend_keras()
    try:
        with _ended_by_ctrl_c():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, tf.errors.OpError) as error:  # no task, a wrong number, an address that is taken
        raise UsageError(
            f"The workers of TF_CONFIG cannot meet: {one_line(error).rstrip('. ')}. Received: {os.environ['TF_CONFIG'][:200]}. "
            "Mend it; is the port of this worker free?"
        ) from error
    except RuntimeError as error:  # "Collective ops must be configured at program startup"
        raise UsageError(
            "The workers of TF_CONFIG meet before TensorFlow computes anything. Received: a process that has computed already. "
            "Call zoo.train or zoo.build first of all, or give strategy=tf.distribute.MultiWorkerMirroredStrategy() made at "
            "the beginning."
        ) from error


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the process at once while it waits for other workers, and put back what signals did.

    TensorFlow waits without giving Python a turn, which so never hears of a signal, and takes SIGTERM for itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
