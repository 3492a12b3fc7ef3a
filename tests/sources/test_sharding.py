"""Workers divide an epoch by files or by elements, without duplicating or losing examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.inputs.image.augmentation import Augmentation
from zoo.pipeline.splits import training_batch_size, training_stream
from zoo.sources.sharding import Shard, spread
from zoo.sources.source import Pass, Source

ROWS, BATCH = np.delete(np.arange(23), [3, 11]), 6
RecordsIn = Callable[..., Source]


def passes(source: Source, shard: Shard, seed: int | None) -> list[list[list[int]]]:
    """Return the rows of each batch in two passes."""
    dataset = source.one_pass(Pass(ROWS, ROWS * 10, BATCH, seed, 0, shard))
    found = [[[int(target) // 10 for target in targets] for _, targets in dataset] for _ in range(2)]
    assert all(len(each) == int(dataset.cardinality()) for each in found)
    return found


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("name", ["arrays", "image_files", "texts", "records"])
def test_the_shards_of_a_batch_are_the_batch(sources: dict[str, Source], name: str, seed: int | None) -> None:
    source = sources[name]
    whole = passes(source, Shard(), seed)
    for count in (2, 3):
        shards = [passes(source, Shard(index, count), seed) for index in range(count)]
        for number in range(2):
            assert sorted(row for shard in shards for batch in shard[number] for row in batch) == ROWS.tolist()
            for place, batch in enumerate(whole[number]):
                parts = [shard[number][place] for shard in shards]
                assert [row for part in parts for row in part] == batch
                assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_with_enough_files_each_shard_opens_its_own(records_in: RecordsIn) -> None:
    opened: list[Sequence[int]] = []
    source = records_in([6, 6, 6, 5], opened)
    found = [passes(source, Shard(index, 2), 7) for index in range(2)]
    assert opened == [[0, 2], [1, 3]]
    for number in range(2):
        assert sorted(row for shard in found for batch in shard[number] for row in batch) == ROWS.tolist()
        assert {len(shard[number]) for shard in found} == {-(-len(ROWS) // BATCH)}
        assert all(batch for shard in found for batch in shard[number])
    assert found[0][0] != found[0][1]


@pytest.mark.parametrize("lengths", [[21, 1, 1], [23]])
def test_with_too_few_or_uneven_files_elements_are_shared(records_in: RecordsIn, lengths: list[int]) -> None:
    opened: list[Sequence[int]] = []
    source = records_in(lengths, opened)
    found = [passes(source, Shard(index, 2), 7) for index in range(2)]
    assert opened == [list(range(len(lengths)))] * 2
    for number in range(2):
        assert sorted(row for shard in found for batch in shard[number] for row in batch) == ROWS.tolist()


@pytest.mark.parametrize("size", range(9))
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_bounds_cover_any_batch_in_graph_and_out(size: int, count: int) -> None:
    bounds = [Shard(index, count).bounds(size) for index in range(count)]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == size
    assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]
    in_graph = [Shard(index, count).bounds(tf.constant(size, tf.int64)) for index in range(count)]
    assert [(int(start), int(end)) for start, end in in_graph] == bounds


def test_a_batch_is_spread_over_devices_in_its_order() -> None:
    batches = tf.data.Dataset.range(11).map(lambda row: (row, row * 2)).batch(4)
    found = [(rows.tolist(), doubled.tolist()) for rows, doubled in spread(batches, 3).as_numpy_iterator()]
    rows = [[0, 1], [2], [3], [4, 5], [6], [7], [8], [9], [10]]
    assert found == [(each, [2 * row for row in each]) for each in rows]


def test_shards_of_the_training_stream_equal_the_whole_from_any_batch() -> None:
    data = zoo.load_data("digits", batch_size=100)  # 13 batches a pass, the last of 57
    whole = [labels.tolist() for _, labels in training_stream(data, 5).take(20).as_numpy_iterator()]
    streams = [training_stream(data, 5, Shard(index, 2)).take(20) for index in range(2)]
    for _ in range(2):  # Keras reads the first batch of a strategy's data twice
        parts = [[labels.tolist() for _, labels in stream.as_numpy_iterator()] for stream in streams]
        assert [first + second for first, second in zip(*parts, strict=True)] == whole


def test_an_image_is_changed_in_its_shard_as_in_the_whole_batch() -> None:
    data = zoo.load_data("digits", batch_size=100)
    augmentation = Augmentation(shift=0.2, rotate=20, cutout=0.3)

    def images(shard: Shard) -> list[np.ndarray]:
        batches = training_stream(data, 10, shard)
        changed = augmentation.apply(batches, seed=7, first_batch=10, shard=shard, size_of=partial(training_batch_size, data))
        return [each for each, _ in changed.take(6).as_numpy_iterator()]

    whole = list(augmentation.apply(training_stream(data, 10), seed=7, first_batch=10).take(6).as_numpy_iterator())
    for (expected, _), first, second in zip(whole, images(Shard(0, 2)), images(Shard(1, 2)), strict=True):
        np.testing.assert_array_equal(np.concatenate([first, second]), expected)
