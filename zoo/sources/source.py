"""Features held in memory, in files or in records, each able to give one pass over chosen rows.

A pass is a finite `tf.data.Dataset` of known cardinality. Its order depends on the seed and on the number of the pass, so two
processes with the same seed see the same batches. Autotuning is off everywhere: its sleeper stalls the end of an epoch by
up to 10 s (see `docs/design/0002-pipeline.md`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

from zoo.sources.hashing import hash_rows
from zoo.sources.sharding import WHOLE, Shard

PARALLEL_CALLS = 2
SHUFFLE_BYTES = 32 * 2**20  # that a streaming shuffle holds
plainly = tf.autograph.experimental.do_not_convert  # no function here has Python's `if` on tensors: a second less to begin
QUEUED_BYTES = 375  # that a queued example costs besides its content, as measured on 400,000 of them


@dataclass(frozen=True)
class Pass:
    """Which rows of a source are wanted, and in which batches.

    Args:
        rows: `(n,)`, int64, ascending positions in the source.
        targets: `(n, ...)`, what belongs to each of them.
        batch_size: rows a batch; the last one may be smaller.
        seed: of the order, which differs from pass to pass; None keeps the order.
        number: of the pass that the first iteration gives; each later one gives the next. A tensor is the number of this pass,
            however often it is iterated.
        shard: of each batch; the passes of all shards have the same number of batches.
    """

    rows: np.ndarray
    targets: np.ndarray
    batch_size: int
    seed: int | None = None
    number: int | tf.Tensor = 0
    shard: Shard = WHOLE

    @property
    def num_batches(self) -> int:
        """How many batches it has."""
        return -(-len(self.rows) // self.batch_size)

    @property
    def share(self) -> int:
        """How many examples of a full batch are in the shard; shards of the last batch have at most as many."""
        start, end = self.shard.bounds(self.batch_size)
        return int(end - start)


class Source(Protocol):
    """Features in a fixed order of rows."""

    hashes: np.ndarray  # (rows,), uint64: equal for equal content

    def one_pass(self, wanted: Pass) -> tf.data.Dataset:
        """Return batches `(features, targets)` of the wanted rows."""


class Arrays:
    """Features in one tensor; a batch is one gather."""

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


class Records:
    """A stream of encoded examples in a fixed order, read and decoded anew in each pass.

    Args:
        stream: returns a dataset of the encoded features in files of these numbers, one scalar string an example, in the same
            order each time.
        decode: turns one into a feature tensor of static shape, in graph.
        hashes: of the encoded features.
        mean_bytes: mean size of an encoded example, which sets how many the shuffle holds.
        file_lengths: number of examples in each file; without them all examples are in one.
    """

    def __init__(
        self,
        stream: Callable[[Sequence[int]], tf.data.Dataset],
        decode: Callable[[tf.Tensor], tf.Tensor],
        hashes: np.ndarray,
        mean_bytes: float,
        file_lengths: Sequence[int] = (),
    ) -> None:
        self.stream = stream
        self.decode = decode
        self.hashes = hashes
        self.mean_bytes = mean_bytes
        self.shuffle_size = max(1024, int(SHUFFLE_BYTES / (mean_bytes + QUEUED_BYTES)))
        self.file_lengths = tuple(file_lengths) or (len(hashes),)

    def one_pass(self, wanted: Pass) -> tf.data.Dataset:
        """Return batches `(features, targets)` of the wanted rows.

        A shard reads its own files where there are enough for all; else it reads everything and decodes its own examples.
        """
        position_of = np.full(len(self.hashes), -1, np.int64)
        position_of[wanted.rows] = np.arange(len(wanted.rows))
        shard, steps = wanted.shard, wanted.num_batches
        files_of = [range(index, len(self.file_lengths), shard.count) for index in range(shard.count)]
        counts = [int((self._positions(position_of, files) >= 0).sum()) for files in files_of]
        has_own_files = shard.count > 1 and min(counts) >= steps
        files = files_of[shard.index] if has_own_files else range(len(self.file_lengths))
        own, count = self._positions(position_of, files), counts[shard.index] if has_own_files else len(wanted.rows)
        positions, target_tensor = constant(own), constant(wanted.targets)

        examples = self.stream(files).enumerate()
        examples = examples.map(plainly(lambda row, encoded: (positions[row], encoded)))
        examples = examples.filter(plainly(lambda position, _: position >= 0))
        if wanted.seed is not None:
            examples = passes(wanted.number).flat_map(plainly(_shuffler(examples, min(self.shuffle_size, count), wanted.seed)))
        if shard.count > 1 and not has_own_files:
            examples = examples.batch(wanted.batch_size).map(plainly(lambda *batch: tuple(map(shard.of, batch)))).unbatch()
        examples = examples.map(
            plainly(lambda position, encoded: (self.decode(encoded), target_tensor[position])),
            num_parallel_calls=PARALLEL_CALLS,
        )
        batches = _batches_of(examples, count, steps) if has_own_files else examples.batch(wanted.share)
        return finished(batches, steps)

    def _positions(self, position_of: np.ndarray, files: Sequence[int]) -> np.ndarray:
        """Return the positions of the examples in these files, -1 for those that are not used, in the order of the stream."""
        ends = np.cumsum(self.file_lengths)
        parts = [position_of[ends[file] - self.file_lengths[file] : ends[file]] for file in files]
        return np.concatenate(parts) if parts else position_of[:0]


def _batches_of(examples: tf.data.Dataset, count: int, steps: int) -> tf.data.Dataset:
    """Return `count` examples in exactly `steps` batches, of which the first ones may have one more than the others."""
    size, larger = divmod(count, steps)
    boundary = larger * (size + 1)  # the examples in the larger batches

    def batch_of(place: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return tf.where(place < boundary, place // (size + 1), larger + (place - boundary) // size)

    return examples.enumerate().group_by_window(
        plainly(batch_of),
        plainly(lambda _, members: members.map(lambda _, example: example).batch(size + 1)),
        window_size_func=plainly(lambda batch: tf.where(batch < larger, tf.constant(size + 1, tf.int64), size)),
    )


def position_batches(wanted: Pass) -> tf.data.Dataset:
    """Return batches of the positions 0 .. count - 1, in an order that a stateless permutation gives for each pass."""
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
    """Return what shuffles the examples in an order of the seed and the number of the pass."""

    def shuffled_pass(number: tf.Tensor) -> tf.data.Dataset:
        tf.random.set_seed(seed + 1)  # of the graph that this function becomes, in place of the global seed; 0 is special
        return examples.shuffle(size, seed=number, reshuffle_each_iteration=False)

    return shuffled_pass


def constant(values: object) -> tf.Tensor:
    """Return a tensor that a pass may use, and that is made once, also where the pass is part of a graph."""
    with tf.init_scope():
        return tf.convert_to_tensor(values)


def passes(first: int | tf.Tensor) -> tf.data.Dataset:
    """Return a dataset whose one element is `first` in the first pass over it, one more in the second, and so on.

    A tensor stays as it is. `Dataset.random` and a seeded `shuffle` would mix TensorFlow's global seed in, and so depend on
    what ran before.
    """
    if tf.is_tensor(first):
        return tf.data.Dataset.from_tensors(first)
    numbers = itertools.count(first)
    return tf.data.Dataset.from_generator(lambda: iter([next(numbers)]), output_signature=tf.TensorSpec((), tf.int64))


def finished(batches: tf.data.Dataset, cardinality: int) -> tf.data.Dataset:
    """Return batches of known or infinite cardinality, prepared ahead, in a fixed order and without autotuning."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA  # for plain `fit` on workers
    return batches.apply(tf.data.experimental.assert_cardinality(cardinality)).prefetch(2).with_options(options)
