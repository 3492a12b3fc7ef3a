"""Training input: batches with augmentation and class weights, distributed over devices and workers."""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf

from zoo.distribution.workers import Worker
from zoo.errors import UsageError
from zoo.pipeline.splits import Splits, shard_of_part, training_batch_size, training_stream
from zoo.settings import Settings
from zoo.sources.sharding import Shard, spread
from zoo.sources.source import finished, plainly

Batches = Any  # a tf.data.Dataset, or a tf.distribute.DistributedDataset


def check_batches(data: Splits, settings: Settings, strategy: tf.distribute.Strategy | None) -> None:
    """Check the batches before anything is written.

    Raises:
        UsageError: augmentation is set for other data than images, a device would get no example, or a setting
            needs a validation score but there is no validation part.
        UnknownNameError: a class weight names an unknown label.
    """
    if settings.follows_score and not data.has_validation:
        raise UsageError(
            "These settings need a validation part. Received: early_stopping, keep=best or schedule=plateau with "
            "data.validation=0, which trains on it. Omit one of them."
        )
    training_batches(data, settings, strategy=strategy)
    validation_batches(data, strategy)


def training_batches(
    data: Splits, settings: Settings, first_batch: int = 0, strategy: tf.distribute.Strategy | None = None
) -> Batches:
    """Return the training part, repeated endlessly: features, targets, and class weights if there are any.

    Args:
        data: data in batches for all devices together.
        settings: augmentation and class weights.
        first_batch: number of the first batch, counted over all passes; default 0.
        strategy: strategy with several devices, each of which gets its share of each batch; default None.

    Raises:
        UsageError: augmentation is set for other data than images, or a device would get no example of an epoch's last batch.
        UnknownNameError: a class weight names an unknown label.
    """
    info, given = data.info, settings.class_weight
    augmentation = info.kind.augmentation(settings)
    weights = None if given is None else info.task.class_weights(given, data.targets("train"), info.labels)
    worker = Worker.of(strategy)
    shard = Shard(worker.index, worker.count)
    size, devices = data.batch_size, strategy.num_replicas_in_sync if strategy else 1
    if strategy is not None and (fitting := fitting_batch_size(data, size, devices)) != size:
        rows = len(data.targets("train"))
        raise UsageError(
            f"Each device needs an example of each batch. Received: batch_size={size} for {rows} examples on {devices} "
            f"devices; the last batch of an epoch has {rows % size or size}. "
            f"{f'Use for example batch_size={fitting}' if fitting else 'Use fewer devices'}."
        )
    batches = training_stream(data, first_batch, shard)
    if augmentation is not None:
        batches = augmentation.apply(
            batches, seed=data.seed, first_batch=first_batch, shard=shard, size_of=partial(training_batch_size, data)
        )
    if weights is not None:
        table = tf.constant([weights.get(number, 1.0) for number in range(len(info.labels))], tf.float32)
        batches = batches.map(plainly(lambda features, targets: (features, targets, tf.gather(table, targets))))
    return batches if strategy is None else _on_devices(batches, strategy, tf.data.INFINITE_CARDINALITY)


def validation_batches(data: Splits, strategy: tf.distribute.Strategy | None = None) -> tuple[Batches | None, int | None]:
    """Return the validation part, distributed over devices, and its number of batches if Keras cannot count them.

    Both are None without a validation part.
    """
    if not data.has_validation:
        return None, None
    if strategy is None:
        return data.validation, None
    worker, devices = Worker.of(strategy), strategy.num_replicas_in_sync
    rows = len(data.targets("validation"))
    sizes = range(max(data.batch_size, devices), max(rows, devices) + devices)
    size = next((size for size in sizes if rows % size == 0 or rows % size >= devices), devices)
    if data.info.kind.fails_on_empty_batch and (rows % size or size) < devices:
        name = data.info.kind.name
        raise UsageError(f"Each device needs an {name}. Received: {rows} validation {name}s for {devices} devices. Use fewer.")
    batches = shard_of_part(data, "validation", Shard(worker.index, worker.count), size)
    steps = -(-rows // size)
    return _on_devices(batches, strategy, steps), steps


def _on_devices(batches: tf.data.Dataset, strategy: tf.distribute.Strategy, cardinality: int) -> Batches:
    """Return a worker's batches, each distributed over its devices."""
    devices = len(strategy.extended.worker_devices)
    if devices > 1:
        cardinality *= devices if cardinality > 0 else 1
        batches = finished(spread(batches, devices), cardinality)
    return strategy.distribute_datasets_from_function(lambda _: batches)


def fitting_batch_size(data: Splits, size: int, devices: int) -> int | None:
    """Return the batch size nearest to `size` that gives every device an example; None if there is none.

    Only models that fail on an empty batch need an example for each device in an epoch's last batch.
    """
    rows, is_last_checked = len(data.targets("train")), data.info.kind.fails_on_empty_batch
    sizes = range(devices, max(size, devices) + 50)
    fitting = [each for each in sizes if not is_last_checked or (rows % each or each) >= devices]
    return min(fitting, key=lambda each: abs(each - size), default=None)
