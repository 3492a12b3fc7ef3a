"""Counts of words and texts, compared with plain Python."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from zoo.text import counting
from zoo.text.counting import count_words


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_counts_equal_two_counters(batch, monkeypatch):
    monkeypatch.setattr(counting, "BATCH", batch)
    chance = random.Random(0)
    texts = [[f"w{int(chance.expovariate(0.1))}" for _ in range(chance.randrange(30))] for _ in range(100)]
    counts, docs, num_texts = count_words(iter(texts))
    expected = Counter(word for text in texts for word in text)
    assert list(counts.items()) == list(expected.items())  # in order of first appearance
    assert docs == Counter(word for text in texts for word in set(text))
    assert num_texts == 100


@pytest.mark.parametrize("texts", [[], [[]], [[], []]], ids=str)
def test_no_words_give_no_counts(texts):
    assert count_words(texts) == ({}, {}, len(texts))
