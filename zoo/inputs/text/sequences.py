"""Token ids of texts as a source: in a temporary file, batched by similar length."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from zoo.errors import DataError
from zoo.inputs.text.texts import Texts
from zoo.sources.source import Arrays, Pass, constant, finished, passes, plainly

if TYPE_CHECKING:
    from zoo.inputs.text.preprocessor import TextPreprocessor

UNKNOWN = 1  # id of words outside the vocabulary
POOL = 50  # number of batches to sort by length together: more batches need less padding, fewer are shuffled better


class Strings(Arrays):
    """Texts as strings in memory."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(np.array([text.encode("utf-8", "replace") for text in texts.read()], object), texts.hashes)
        self.texts = texts


class TokenIds:
    """Token ids of texts, encoded once; a training batch holds texts of similar length.

    Args:
        texts: texts to encode.
        text: preprocessor that encodes and pads.

    Raises:
        DataError: the temporary file cannot be written.
    """

    def __init__(self, texts: Texts, text: TextPreprocessor) -> None:
        self.texts, self.hashes = texts, texts.hashes
        self._text = text
        self._sequences = _Sequences(map(text.encode, texts.read()))

    def one_pass(self, wanted: Pass) -> tf.data.Dataset:
        """Return batches `(ids, targets)` of the wanted rows; ids are `(batch, tokens of the longest)`, int32."""
        rows, batch_size = wanted.rows, wanted.batch_size
        lengths = self._sequences.lengths[rows] * (not self._text.fixed_length)  # all 0: a plain permutation
        target_tensor = constant(wanted.targets)

        def shuffled_pass(number: tf.Tensor) -> tf.data.Dataset:
            order = tf.numpy_function(
                lambda number: bucketed_order(lengths, batch_size, (wanted.seed, int(number))), [number], tf.int64
            )
            return tf.data.Dataset.from_tensor_slices(tf.ensure_shape(order, (len(rows),)))

        def fetch(positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            ids = tf.numpy_function(lambda chosen: self._padded(rows[chosen]), [positions], tf.int32)
            return tf.ensure_shape(ids, (None, None)), tf.gather(target_tensor, positions)

        is_shuffled = wanted.seed is not None
        positions = passes(wanted.number).flat_map(plainly(shuffled_pass)) if is_shuffled else tf.data.Dataset.range(len(rows))
        return finished(positions.batch(batch_size).map(plainly(wanted.shard.of)).map(plainly(fetch)), wanted.num_batches)

    def statistics(self, rows: np.ndarray) -> dict[str, float]:
        """Return the median number of tokens of the given rows, the share at `max_length` and the share of unknown tokens."""
        lengths = self._sequences.lengths[rows]
        unknown = sum(int((self._sequences[row] == UNKNOWN).sum()) for row in rows)
        return {
            "median_tokens": float(np.median(lengths)),
            "at_max_length": float((lengths == self._text.max_length).mean()),
            "unknown": unknown / max(int(lengths.sum()), 1),
        }

    def _padded(self, rows: np.ndarray) -> np.ndarray:
        return self._text.pad([self._sequences[row] for row in rows])


def bucketed_order(lengths: np.ndarray, batch_size: int, seed: tuple[int | None, int]) -> np.ndarray:
    """Return a shuffled order of rows in which each batch holds rows of similar length.

    Rows are shuffled; every `POOL` batches of them are sorted by length and cut into batches; the batches are shuffled.

    Args:
        lengths: `(rows,)`; with equal lengths, the order is a plain permutation.
        batch_size: rows per batch; only the last batch may be smaller.
        seed: seed of the order.

    Returns:
        `(rows,)`, int64, each position once.
    """
    generator = np.random.default_rng([part or 0 for part in seed])
    order = generator.permutation(len(lengths))
    pools = [order[start : start + POOL * batch_size] for start in range(0, len(order), POOL * batch_size)]
    order = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    whole = len(order) // batch_size * batch_size
    batches = generator.permutation(order[:whole].reshape(-1, batch_size))  # (batches, batch_size)
    return np.concatenate([batches.ravel(), order[whole:]])


class _Sequences:
    """Rows of int32 numbers of different lengths in a temporary file, which the system caches in memory."""

    def __init__(self, rows: Iterable[np.ndarray]) -> None:
        lengths = []
        with tempfile.TemporaryFile() as file:
            try:
                for row in rows:
                    file.write(row.tobytes())
                    lengths.append(len(row))
                file.flush()
            except OSError as error:
                raise DataError(
                    f"The token ids do not fit on the temporary disk: {error.strerror or error}. Received: {len(lengths)} texts"
                    " so far. Free space, or set TMPDIR to another folder."
                ) from error
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if lengths else b""  # an empty file cannot be mapped
        self._ids = np.frombuffer(content, np.int32)
        self.lengths = np.array(lengths, np.int64)
        self._ends = np.cumsum(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        return self._ids[self._ends[row] - self.lengths[row] : self._ends[row]]
