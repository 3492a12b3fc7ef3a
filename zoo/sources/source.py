"""Sources of features: in memory, in files or in records, which yield passes over selected rows.

A pass is a finite `tf.data.Dataset` of known cardinality. Its order depends on the seed and the pass number, so two
processes with the same seed see the same batches. Autotuning is off everywhere, since its thread delays the end of an epoch
by up to 10 s (see `docs/design/0002-pipeline.md`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from zoo.errors import DataError
from zoo.sources.hashing import hash_rows
from zoo.sources.sharding import WHOLE, Shard

PARALLEL_CALLS = 2
SHUFFLE_BYTES = 32 * 2**20  # size of a streaming shuffle's buffer
plainly = tf.autograph.experimental.do_not_convert  # no function here needs AutoGraph, which takes a second to start
QUEUED_BYTES = 375  # overhead of a queued example, measured on 400,000 of them


@dataclass(frozen=True)
class Pass:
    """The rows of a source to read, and their batches.

    Args:
        rows: `(n,)`, int64, ascending positions in the source.
        targets: `(n, ...)`, target of each row.
        batch_size: rows per batch; the last batch may be smaller.
        seed: seed of the order, which differs between passes; None keeps the original order.
        number: pass number of the first iteration; later iterations increase it. A tensor fixes the pass number for all
            iterations; default 0.
        shard: share of each batch; the passes of all shards have the same number of batches; default `WHOLE`.
    """

    rows: np.ndarray
    targets: np.ndarray
    batch_size: int
    seed: int | None = None
    number: int | tf.Tensor = 0
    shard: Shard = WHOLE

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return -(-len(self.rows) // self.batch_size)

    @property
    def share(self) -> int:
        """The number of examples in the shard of a full batch; shards of the last batch have at most as many."""
        start, end = self.shard.bounds(self.batch_size)
        return int(end - start)


class Source(Protocol):
    """Features in a fixed order of rows."""

    hashes: np.ndarray  # (rows,), uint64: equal for equal content

    def one_pass(self, wanted: Pass) -> tf.data.Dataset:
        """Return batches `(features, targets)` of the wanted rows."""


def joined_hashes(first: Source, second: Source) -> np.ndarray:
    """Return the hashes of two sources of one type.

    Raises:
        DataError: only one of them is in memory.
    """
    if type(first) is not type(second):
        raise DataError(
            "Train and validation can be joined only if both are in memory, or neither. Received: "
            f"{type(first).__name__} and {type(second).__name__}. Raise data.memory_budget_mb, or set it to 0."
        )
    return np.concatenate([first.hashes, second.hashes])


class Arrays:
    """Features in one tensor, from which each batch is gathered."""

    def __init__(self, features: np.ndarray, hashes: np.ndarray | None = None) -> None:
        self.features = tf.convert_to_tensor(features)
        self.hashes = hash_rows(features) if hashes is None else hashes

    def one_pass(self, wanted: Pass) -> tf.data.Dataset:
        """Return batches `(features, targets)` of the wanted rows."""
        row_tensor, target_tensor = constant(wanted.rows), constant(wanted.targets)

        def fetch(positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            features = tf.gather(self.features, tf.gather(row_tensor, positions))
            return features, tf.gather(target_tensor, positions)

        return finished(position_batches(wanted).map(plainly(fetch)), wanted.num_batches)

    def joined(self, other: Any) -> Arrays:
        """Return these rows, followed by the others."""
        hashes = joined_hashes(self, other)
        return Arrays(tf.concat([self.features, other.features], axis=0), hashes)


@dataclass(eq=False)
class Records:
    """A stream of encoded examples in a fixed order, read and decoded again in each pass.

    Args:
        read: function that returns a dataset of the encoded features in some of the files, one scalar string per example,
            always in the same order.
        files: files to pass to `read`.
        file_lengths: number of examples in each file.
        decode: in-graph function that decodes one example to a feature tensor of static shape.
        hashes: hashes of the encoded features.
        mean_bytes: mean size of an encoded example, which determines the size of the shuffle buffer.
    """

    read: Callable[[Sequence[Any]], tf.data.Dataset]
    files: Sequence[Any]
    file_lengths: Sequence[int]
    decode: Callable[[tf.Tensor], tf.Tensor]
    hashes: np.ndarray
    mean_bytes: float

    def one_pass(self, wanted: Pass) -> tf.data.Dataset:
        """Return batches `(features, targets)` of the wanted rows.

        If there are enough files, each shard reads its own files; otherwise, it reads all files and decodes its own examples.
        """
        position_of = np.full(len(self.hashes), -1, np.int64)
        position_of[wanted.rows] = np.arange(len(wanted.rows))
        positions_in = np.split(position_of, np.cumsum(self.file_lengths)[:-1])  # for each file; -1 marks unused examples
        shard, steps = wanted.shard, wanted.num_batches
        files_of = [range(index, len(self.files), shard.count) for index in range(shard.count)]
        counts = [sum(int((positions_in[file] >= 0).sum()) for file in files) for files in files_of]
        has_own_files = shard.count > 1 and min(counts) >= steps
        files, count = (files_of[shard.index], counts[shard.index]) if has_own_files else (range(len(self.files)), sum(counts))
        positions = constant(np.concatenate([positions_in[file] for file in files]))
        target_tensor = constant(wanted.targets)

        examples = self.read([self.files[number] for number in files]).enumerate()
        examples = examples.map(plainly(lambda row, encoded: (positions[row], encoded)))
        examples = examples.filter(plainly(lambda position, _: position >= 0))
        if wanted.seed is not None:
            size = min(max(1024, int(SHUFFLE_BYTES / (self.mean_bytes + QUEUED_BYTES))), count)
            examples = passes(wanted.number).flat_map(plainly(_shuffler(examples, size, wanted.seed)))
        if shard.count > 1 and not has_own_files:
            examples = examples.batch(wanted.batch_size).map(plainly(lambda *batch: tuple(map(shard.of, batch)))).unbatch()
        examples = examples.map(
            plainly(lambda position, encoded: (self.decode(encoded), target_tensor[position])),
            num_parallel_calls=PARALLEL_CALLS,
        )
        batches = _batches_of(examples, count, steps) if has_own_files else examples.batch(wanted.share)
        return finished(batches, steps)

    def joined(self, other: Any) -> Records:
        """Return these examples, followed by the others."""
        files, lengths = [*self.files, *other.files], [*self.file_lengths, *other.file_lengths]
        mean_bytes = max(self.mean_bytes, other.mean_bytes)
        return Records(self.read, files, lengths, self.decode, joined_hashes(self, other), mean_bytes)


def _batches_of(examples: tf.data.Dataset, count: int, steps: int) -> tf.data.Dataset:
    """Divide `count` examples into exactly `steps` batches; the first batches may have one example more."""
    size, larger = divmod(count, steps)
    boundary = larger * (size + 1)  # number of examples in the larger batches

    def batch_of(place: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return tf.where(place < boundary, place // (size + 1), larger + (place - boundary) // size)

    return examples.enumerate().group_by_window(
        plainly(batch_of),
        plainly(lambda _, members: members.map(lambda _, example: example).batch(size + 1)),
        window_size_func=plainly(lambda batch: tf.where(batch < larger, tf.constant(size + 1, tf.int64), size)),
    )


def position_batches(wanted: Pass) -> tf.data.Dataset:
    """Return batches of the positions 0 .. count - 1, in the order of a stateless permutation per pass."""
    count = len(wanted.rows)

    def positions(batch: tf.Tensor) -> tf.Tensor:
        begin = batch * wanted.batch_size
        start, end = wanted.shard.bounds(tf.minimum(count - begin, wanted.batch_size))
        return tf.range(begin + start, begin + end)

    def shuffled_pass(number: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.stack([number, tf.constant(wanted.seed, tf.int64)])
        last = tf.constant(count - 1, tf.int64)
        return batches.map(plainly(lambda batch: tf.random.experimental.index_shuffle(positions(batch), seeds, last)))

    batches = tf.data.Dataset.range(wanted.num_batches)
    if wanted.seed is None:
        return batches.map(plainly(positions))
    return passes(wanted.number).flat_map(plainly(shuffled_pass))


def _shuffler(examples: tf.data.Dataset, size: int, seed: int) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """Return a function that shuffles the examples by seed and pass number."""

    def shuffled_pass(number: tf.Tensor) -> tf.data.Dataset:
        tf.random.set_seed(seed + 1)  # the graph's seed, instead of the global one; 0 has a special meaning
        return examples.shuffle(size, seed=number, reshuffle_each_iteration=False)

    return shuffled_pass


def constant(values: object) -> tf.Tensor:
    """Return a tensor that is created only once, even if the pass that uses it is part of a graph."""
    with tf.init_scope():
        return tf.convert_to_tensor(values)


def passes(first: int | tf.Tensor) -> tf.data.Dataset:
    """Return a dataset with one element: `first` in the first pass, `first + 1` in the second, and so on.

    A tensor stays the same in all passes. `Dataset.random` and a seeded `shuffle` would also depend on TensorFlow's global
    seed.
    """
    if tf.is_tensor(first):
        return tf.data.Dataset.from_tensors(first)
    numbers = itertools.count(first)
    return tf.data.Dataset.from_generator(lambda: iter([next(numbers)]), output_signature=tf.TensorSpec((), tf.int64))


def finished(batches: tf.data.Dataset, cardinality: int) -> tf.data.Dataset:
    """Return batches of known or infinite cardinality, prefetched, in a fixed order and without autotuning."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA  # for plain `fit` on workers
    return batches.apply(tf.data.experimental.assert_cardinality(cardinality)).prefetch(2).with_options(options)
