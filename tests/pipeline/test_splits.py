"""Parts: the source's own, or split 70 / 15 / 15; stratified, seeded and disjoint even with duplicates."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.errors import DataError
from zoo.pipeline.splits import cut
from zoo.targets import column_statistics
from zoo.tasks import find_task

PARTS = ("train", "validation", "test")


def cut_all(hashes: np.ndarray, classes: np.ndarray | None, seed: int = 0) -> dict[str, np.ndarray]:
    places = cut(
        {"all": np.arange(len(hashes))},
        {"all": hashes},
        None if classes is None else {"all": classes},
        labels=("a", "b", "c"),
        validation=0.1,
        seed=seed,
    )
    assert {own for own, _ in places.values()} == {"all"}
    return {part: rows for part, (_, rows) in places.items()}


def test_data_without_parts_are_split_70_15_15_by_class() -> None:
    classes = np.repeat([0, 1], [800, 200])
    parts = cut_all(np.arange(1000, dtype=np.uint64), classes)
    assert {part: np.bincount(classes[rows]).tolist() for part, rows in parts.items()} == {
        "train": [560, 140],
        "validation": [120, 30],
        "test": [120, 30],
    }
    assert sorted(np.concatenate([*parts.values()])) == list(range(1000))


def test_rows_of_equal_content_stay_together() -> None:
    hashes = np.random.default_rng(0).integers(0, 40, 200).astype(np.uint64)
    parts = cut_all(hashes, (hashes % 2).astype(int))
    contents = [set(hashes[rows]) for rows in parts.values()]
    assert len(set.union(*contents)) == sum(map(len, contents))
    assert sum(map(len, parts.values())) == 200


def test_the_same_seed_gives_the_same_split_and_another_seed_differs() -> None:
    hashes, classes = np.arange(100, dtype=np.uint64), np.arange(100) % 2
    first, again, other = (cut_all(hashes, classes, seed)["test"].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_only_a_missing_validation_part_is_taken_from_train() -> None:
    kept = {"train": np.arange(100), "test": np.arange(30)}
    hashes = {name: np.arange(len(rows), dtype=np.uint64) for name, rows in kept.items()}
    places = cut(
        kept, hashes, {"train": np.arange(100) % 2, "test": np.arange(30) % 2}, labels=("a", "b"), validation=0.1, seed=0
    )
    assert {part: (own, len(rows)) for part, (own, rows) in places.items()} == {
        "train": ("train", 90),
        "validation": ("train", 10),
        "test": ("test", 30),
    }


def test_the_sources_own_parts_are_unchanged() -> None:
    kept = {part: np.arange(7) for part in PARTS}
    places = cut(kept, {part: np.arange(7, dtype=np.uint64) for part in PARTS}, None, labels=("a", "b"), validation=0.1, seed=0)
    assert {part: (own, rows.tolist()) for part, (own, rows) in places.items()} == {
        part: (part, list(range(7))) for part in PARTS
    }


def test_a_class_with_one_row_is_refused() -> None:
    with pytest.raises(DataError, match=r"too few distinct rows for 3 parts.*Received: 1 of class 'b'.*Add rows"):
        cut_all(np.arange(11, dtype=np.uint64), np.repeat([0, 1], [10, 1]))


def test_three_rows_of_a_class_that_are_equal_count_as_one() -> None:
    hashes = np.array([*range(10), 50, 50, 50], np.uint64)
    with pytest.raises(DataError, match="1 of class 'b'"):
        cut_all(hashes, np.repeat([0, 1], [10, 3]))


@pytest.mark.parametrize("rows_a_class", [3, 4, 7])
def test_tiny_data_have_all_classes_in_all_parts(rows_a_class: int) -> None:
    classes = np.repeat([0, 1, 2], rows_a_class)
    parts = cut_all(np.arange(len(classes), dtype=np.uint64), classes)
    assert all(set(classes[rows]) == {0, 1, 2} for rows in parts.values())


def test_three_rows_are_enough_for_regression_and_two_are_not() -> None:
    assert [len(rows) for rows in cut_all(np.arange(3, dtype=np.uint64), None).values()] == [1, 1, 1]
    with pytest.raises(DataError, match="too few distinct rows"):
        cut_all(np.arange(2, dtype=np.uint64), None)


def test_parts_without_train_are_refused() -> None:
    with pytest.raises(DataError, match=r"a part named 'train'. Received: \['test'\]"):
        cut({"test": np.arange(3)}, {"test": np.arange(3, dtype=np.uint64)}, None, labels=("a", "b"), validation=0.1, seed=0)


def test_statistics_are_numpys_and_a_constant_column_gets_variance_one() -> None:
    values = np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)
    assert column_statistics(values) == ((2.0, 5.0), (1.0, 1.0))


def test_classes_are_counted_by_label() -> None:
    assert find_task("tabular_classification").counts(np.array([0, 2, 2]), ("a", "b", "c")) == {"a": 1, "b": 0, "c": 2}


def test_statistics_come_from_the_training_rows_alone() -> None:
    features = np.arange(60, dtype=np.float32).reshape(-1, 1)
    data = zoo.load_data((features, np.arange(60) % 2))
    rows = np.concatenate([batch.numpy() for batch, _ in data.train])
    np.testing.assert_allclose(data.info.statistics["mean"], rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(data.info.statistics["variance"], rows.var(axis=0), rtol=1e-5)


def test_fingerprint_changes_with_a_feature_a_label_and_a_part_but_not_with_the_batch_size() -> None:
    features = np.arange(60, dtype=np.float32).reshape(-1, 1)
    labels = np.arange(60) % 2
    other_features, other_labels = features.copy(), labels.copy()
    other_features[0] += 0.5
    other_labels[0] = 1
    fingerprint = zoo.load_data((features, labels)).info.fingerprint
    assert zoo.load_data((features, labels), batch_size=3, seed=9).info.fingerprint == fingerprint
    changed = [
        zoo.load_data((other_features, labels)),
        zoo.load_data((features, other_labels)),
        zoo.load_data((features, labels), split_seed=1),
    ]
    assert len({fingerprint, *(data.info.fingerprint for data in changed)}) == 4
