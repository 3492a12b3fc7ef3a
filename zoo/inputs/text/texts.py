"""Texts in a fixed order of rows, as readers deliver them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.errors import DataError
from zoo.sources.hashing import hash_all


@dataclass(frozen=True)
class Texts:
    """Texts in a fixed order of rows.

    Args:
        read: function that returns all texts in this order, on each call.
        hashes: `(rows,)`, uint64, equal for equal texts.
    """

    read: Callable[[], Iterable[str]]
    hashes: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Return texts that are in memory."""
        return cls(lambda: texts, hash_texts(texts))

    def joined(self, other: Texts) -> Texts:
        """Return these texts, followed by the others."""
        return Texts(lambda: itertools.chain(self.read(), other.read()), np.concatenate([self.hashes, other.hashes]))

    def rows(self, wanted: np.ndarray) -> Iterator[str]:
        """Yield the texts of the given rows, which are ascending positions.

        Raises:
            DataError: the number of texts in a file has changed.
        """
        is_wanted = np.zeros(len(self.hashes), bool)
        is_wanted[wanted] = True
        try:
            yield from (text for text, keep in zip(self.read(), is_wanted, strict=True) if keep)
        except ValueError as error:
            raise DataError(
                f"The texts have changed since they were first read. Received: a different number than {len(self.hashes)}. "
                "Do not change the files during a run."
            ) from error


def hash_texts(texts: Iterable[str]) -> np.ndarray:
    """Return a 64-bit hash of each text, `(n,)`, uint64."""
    return hash_all(text.encode("utf-8", "surrogatepass") for text in texts)
