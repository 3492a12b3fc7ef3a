"""Batches of similar length: every row once per pass, a new order in each pass, and little padding."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.errors import DataError
from zoo.inputs.text import sequences
from zoo.inputs.text.preprocessor import TextPreprocessor
from zoo.inputs.text.sequences import POOL, TokenIds, bucketed_order
from zoo.inputs.text.texts import Texts
from zoo.settings import DataArguments

RANDOM = np.random.default_rng(0)
LENGTHS = np.minimum(RANDOM.lognormal(4, 0.9, 6000).astype(int) + 1, 256)  # a long tail, truncated at the default max_length
COUNT = 230
TEXTS = [f"text{number} " + "word " * int(length) for number, length in enumerate(LENGTHS[:COUNT] // 8)]
LABELS = [f"class {number % 3}" for number in range(COUNT)]


def batches(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[start : start + size] for start in range(0, len(order), size)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 50), max_size=400), st.integers(1, 9), st.integers(0, 5), st.integers(0, 5))
def test_every_row_comes_once_and_the_seed_fixes_the_order(lengths: list[int], size: int, seed: int, number: int) -> None:
    if not lengths:
        return
    order = bucketed_order(np.array(lengths), size, (seed, number))
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(len(lengths)))
    np.testing.assert_array_equal(order, bucketed_order(np.array(lengths), size, (seed, number)))


def test_other_passes_and_other_seeds_have_another_order() -> None:
    orders = [tuple(bucketed_order(LENGTHS, 32, key)) for key in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))]
    assert len(set(orders)) == len(orders)


def test_the_batches_of_two_passes_hold_different_rows_together() -> None:
    first, second = ({frozenset(batch.tolist()) for batch in batches(bucketed_order(LENGTHS, 32, (0, n)), 32)} for n in (0, 1))
    assert not first & second


def test_batches_have_similar_lengths_and_a_random_order() -> None:
    chosen = batches(LENGTHS[bucketed_order(LENGTHS, 32, (0, 0))], 32)[:-1]
    spreads = sorted(np.ptp(batch) / batch.max() for batch in chosen)
    assert np.median(spreads) < 0.1
    rising = np.mean(np.diff([batch.max() for batch in chosen]) > 0)
    assert 0.4 < rising < 0.6


def test_only_the_last_batch_is_smaller_and_it_may_be_the_only_one() -> None:
    data = zoo.load_data((TEXTS, LABELS), batch_size=16)
    for _ in range(2):
        sizes = [len(labels) for _, labels in data.train]
        total = data.info.num_examples["train"]
        assert sizes == [16] * (total // 16) + [total % 16]
    assert len(list(data.with_batches(1000, 0).train)) == 1


def test_under_15_percent_of_a_pass_is_padding_on_lengths_with_a_long_tail() -> None:
    def padded_share(order: np.ndarray) -> float:
        filled = sum(len(batch) * LENGTHS[batch].max() for batch in batches(order, 64))
        return float(1 - LENGTHS.sum() / filled)

    assert padded_share(RANDOM.permutation(len(LENGTHS))) > 0.5
    assert max(padded_share(bucketed_order(LENGTHS, 64, (0, number))) for number in range(5)) < 0.15


def test_equal_lengths_give_a_plain_permutation_over_all_rows() -> None:
    order = bucketed_order(np.zeros(POOL * 4 * 3, int), 4, (0, 0))
    assert np.corrcoef(order, np.arange(len(order)))[0, 1] < 0.2
    assert (order[:4] // (POOL * 4)).tolist() != [0, 0, 0, 0]


@pytest.mark.parametrize("buckets", [True, False])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_each_pass_gives_each_text_once_with_its_own_label(part: str, buckets: bool) -> None:
    data = zoo.load_data((TEXTS, LABELS), batch_size=16, buckets=buckets, max_length=40)
    text = data.info.preprocessor
    expected = sorted(
        (tuple(text.encode(each).tolist()), int(number))
        for each, number in zip(data.texts(part), data.targets(part), strict=True)
    )
    for _ in range(3):
        found = [
            (tuple(row[row > 0].tolist()), int(label))
            for ids, labels in getattr(data, part).as_numpy_iterator()
            for row, label in zip(ids, labels, strict=True)
        ]
        assert sorted(found) == expected
    if part == "train":
        assert len(set(expected)) == len(expected)  # the first word identifies the text


def test_every_text_of_the_source_has_the_label_that_was_given() -> None:
    data = zoo.load_data((TEXTS, LABELS))
    given_labels = dict(zip(TEXTS, LABELS, strict=True))
    pairs = [(text, data.info.labels[n]) for part in ("train", "validation", "test")
             for text, n in zip(data.texts(part), data.targets(part), strict=True)]  # fmt: skip
    assert dict(pairs) == given_labels
    assert len(pairs) == COUNT


def as_lists(data: zoo.Splits, passes: int = 2) -> list[tuple[list[list[int]], list[int]]]:
    return [(ids.tolist(), labels.tolist()) for _ in range(passes) for ids, labels in data.train.as_numpy_iterator()]


def test_one_seed_gives_the_same_batches_and_another_seed_others() -> None:
    first, again, other = (zoo.load_data((TEXTS, LABELS), batch_size=16, seed=seed) for seed in (3, 3, 4))
    assert as_lists(first) == as_lists(again)
    assert as_lists(first) != as_lists(other)


def test_two_passes_differ_in_what_their_batches_hold() -> None:
    data = zoo.load_data((TEXTS, LABELS), batch_size=16)
    first, second = as_lists(data, 1), as_lists(data, 1)
    assert not {str(ids) for ids, _ in first} & {str(ids) for ids, _ in second}


def test_a_full_temporary_disk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sequences.tempfile, "TemporaryFile", Full)
    with pytest.raises(DataError, match=r"temporary disk: No space left on device. Received: 0 texts.*TMPDIR"):
        zoo.load_data((TEXTS, LABELS))


def test_ids_are_those_that_were_written_and_stay_after_the_file_is_closed() -> None:
    rows = [np.arange(length, dtype=np.int32) for length in (3, 1, 5)]
    kept = sequences._Sequences(iter(rows))
    assert [kept[row].tolist() for row in (2, 0, 1)] == [[0, 1, 2, 3, 4], [0, 1, 2], [0]]
    assert sequences._Sequences(iter([])).lengths.tolist() == []


def test_statistics_by_hand() -> None:
    text = TextPreprocessor.fit(["a b c d"], DataArguments(max_length=3))
    source = TokenIds(Texts.of(["a", "a b c d", "x", "a b x", "b"]), text)
    found = source.statistics(np.array([0, 1, 2, 3]))  # 1, 3 (cut), 1 and 3 tokens, two of these 8 unknown
    assert found == {"median_tokens": 2.0, "at_max_length": 0.5, "unknown": 0.25}


@pytest.mark.slow
@pytest.mark.shared
def test_real_imdb_needs_under_15_percent_padding_and_each_pass_has_other_batches(shared: Path) -> None:
    data = zoo.load_data("imdb_reviews", data_dir=str(shared / "data" / "tfds"), batch_size=64)
    assert data.info.labels == ("neg", "pos")
    assert data.info.num_examples["test"] == 25_000
    assert np.bincount(data.targets("test")).tolist() == [12_500, 12_500]
    passes = []
    for _ in range(2):
        read = list(data.train.as_numpy_iterator())
        assert sum(len(labels) for _, labels in read) == data.info.num_examples["train"]
        assert sum((ids == 0).sum() for ids, _ in read) / sum(ids.size for ids, _ in read) < 0.15
        passes.append({ids.tobytes() for ids, _ in read})
    assert not passes[0] & passes[1]
