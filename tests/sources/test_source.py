"""A pass is finite, complete, of known length, reshuffled each time, and equal in all processes with one seed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from zoo.sources.hashing import hash_rows
from zoo.sources.source import Arrays, Pass, Source

ROWS = np.delete(np.arange(23), [3, 11])  # a part omits rows


@pytest.fixture(params=["arrays", "image_files", "records"])
def source(request: pytest.FixtureRequest, sources: dict[str, Source]) -> Source:
    return sources[request.param]


def one_pass(source: Source, seed: int | None, batch_size: int = 5) -> tf.data.Dataset:
    return source.one_pass(Pass(ROWS, ROWS * 10, batch_size, seed))


def order(dataset: tf.data.Dataset) -> list[int]:
    return [int(target) // 10 for _, targets in dataset for target in targets]


def test_the_order_does_not_depend_on_tensorflows_global_seed(source: Source) -> None:
    orders = []
    for global_seed in (1, 2):
        tf.random.set_seed(global_seed)
        shuffled = one_pass(source, 7)
        orders.append([order(shuffled), order(shuffled)])
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1]


def test_without_a_seed_the_rows_come_in_order_with_their_own_targets(source: Source, images: np.ndarray) -> None:
    batches = [*one_pass(source, None).as_numpy_iterator()]
    assert [len(targets) for _, targets in batches] == [5, 5, 5, 5, 1]
    np.testing.assert_array_equal(np.concatenate([targets for _, targets in batches]), ROWS * 10)
    np.testing.assert_array_equal(np.concatenate([found for found, _ in batches]), images[ROWS])


def test_a_pass_is_finite_with_known_cardinality_and_static_shape(source: Source) -> None:
    for seed in (None, 0):
        dataset = one_pass(source, seed)
        assert int(dataset.cardinality()) == 5
        assert dataset.element_spec[0] == tf.TensorSpec((None, 4, 4, 1), tf.uint8)


def test_each_shuffled_pass_has_every_row_once_with_its_own_target(source: Source, images: np.ndarray) -> None:
    dataset = one_pass(source, 0)
    for _ in range(3):
        found, targets = (np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True))
        assert sorted(targets // 10) == ROWS.tolist()
        np.testing.assert_array_equal(found, images[targets // 10])


def test_passes_differ_and_a_fresh_dataset_of_one_seed_repeats_them(source: Source) -> None:
    first, again = one_pass(source, 7), one_pass(source, 7)
    passes = [order(first) for _ in range(3)]
    assert len(set(map(tuple, passes))) == 3
    assert [order(again) for _ in range(3)] == passes
    assert order(one_pass(source, 8)) != passes[0]


def test_repeat_gives_the_order_of_repeated_passes(source: Source) -> None:
    dataset = one_pass(source, 7)
    passes = [row for _ in range(3) for row in order(dataset)]
    assert order(one_pass(source, 7).repeat(3)) == passes


def test_autotuning_is_off(source: Source) -> None:
    options = one_pass(source, 0).options()
    assert options.autotune.enabled is False
    assert options.deterministic is True


def test_one_row_and_a_batch_larger_than_all_work(source: Source) -> None:
    assert order(source.one_pass(Pass(ROWS[:1], ROWS[:1] * 10, 5, 0))) == [0]
    assert len(list(one_pass(source, 0, batch_size=1000))) == 1


@pytest.mark.slow
def test_a_fresh_process_sees_the_same_order() -> None:
    program = """
import numpy as np
from zoo.sources.source import Arrays, Pass
dataset = Arrays(np.arange(20.0)[:, None]).one_pass(Pass(np.arange(20), np.arange(20), 6, 5))
print([[int(t) for _, ts in dataset for t in ts] for _ in range(2)])
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    dataset = Arrays(np.arange(20.0)[:, None]).one_pass(Pass(np.arange(20), np.arange(20), 6, 5))
    here = [[int(target) for _, targets in dataset for target in targets] for _ in range(2)]
    assert answer.stdout.strip() == str(here)


def test_hashes_are_equal_for_equal_rows_only() -> None:
    hashes = hash_rows(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    assert hashes.dtype == np.uint64
    assert hashes[0] == hashes[2] != hashes[1]
