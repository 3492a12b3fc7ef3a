"""Divides the examples of a batch among workers or devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Shard:
    """One of several equal shares of each batch; all shares together are the batch.

    Args:
        index: index of this share, from 0.
        count: number of shares.

    Example:
        >>> [Shard(index, 3).bounds(8) for index in range(3)]
        [(0, 3), (3, 6), (6, 8)]
    """

    index: int | tf.Tensor = 0
    count: int = 1

    def bounds(self, size: Any) -> tuple[Any, Any]:
        """Return the start and end of the share in a batch of `size` examples; a share may be empty."""
        whole, rest = size // self.count, size % self.count
        if isinstance(size, int):
            start = self.index * whole + min(self.index, rest)
            return start, start + whole + (self.index < rest)
        index = tf.cast(self.index, size.dtype)
        start = index * whole + tf.minimum(index, rest)
        return start, start + whole + tf.cast(index < rest, size.dtype)

    def of(self, rows: tf.Tensor) -> tf.Tensor:
        """Return this share of a batch's rows."""
        start, end = self.bounds(tf.shape(rows, tf.int64)[0])
        return rows[start:end]


WHOLE = Shard()


def spread(batches: tf.data.Dataset, count: int) -> tf.data.Dataset:
    """Divide each batch into `count` smaller batches, one after the other."""

    def parts(*batch: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.range(count).map(lambda index: tuple(Shard(index, count).of(rows) for rows in batch))

    return batches.flat_map(parts)
