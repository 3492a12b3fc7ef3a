"""Duplicates, conflicts, overlaps and missing labels are counted and optionally dropped, but never from the test part."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.errors import DataError
from zoo.pipeline.cleaning import as_problems, clean
from zoo.settings import DataArguments

#                  row: 0  1  2  3  4
TRAIN = np.array([10, 10, 20, 20, 30], np.uint64)  # 1 repeats 0; 3 repeats 2
LABELS = np.array([0, 0, 1, 0, 1])  # 2 and 3 differ in the label
TEST = np.array([30, 40, 40], np.uint64)  # 30 also occurs in train


def cleaned(**choices: str) -> tuple[dict[str, list[int]], dict[str, dict[str, int]]]:
    hashes = {"train": TRAIN, "test": TEST}
    targets = {"train": LABELS, "test": np.array([1, 0, 0])}
    missing = {name: np.zeros(len(rows), bool) for name, rows in hashes.items()}
    kept, report = clean(hashes, targets, missing, DataArguments(**choices))
    return {name: rows.tolist() for name, rows in kept.items()}, report


@pytest.mark.parametrize(
    ("choices", "train"),
    [
        ({}, [0, 1, 2, 3]),
        ({"overlap": "keep"}, [0, 1, 2, 3, 4]),
        ({"overlap": "keep", "duplicates": "drop"}, [0, 2, 4]),
        ({"overlap": "keep", "conflicts": "drop"}, [0, 1, 4]),
        ({"duplicates": "drop", "conflicts": "drop"}, [0]),
    ],
)
def test_options_decide_which_training_rows_stay(choices: dict[str, str], train: list[int]) -> None:
    kept, report = cleaned(**choices)
    assert kept == {"train": train, "test": [0, 1, 2]}
    assert report["train"]["dropped"] == 5 - len(train)
    assert report["test"]["dropped"] == 0


def test_counts_do_not_depend_on_the_choices() -> None:
    for choices in ({}, {"overlap": "keep", "duplicates": "drop", "conflicts": "drop"}):
        report = cleaned(**choices)[1]
        counts = {part: {key: value for key, value in row.items() if key != "dropped"} for part, row in report.items()}
        assert counts == {
            "train": {"rows": 5, "missing_labels": 0, "duplicates": 2, "conflicts": 2, "overlap": 1},
            "test": {"rows": 3, "missing_labels": 0, "duplicates": 1, "conflicts": 0, "overlap": 0},
        }


def test_rows_with_missing_labels_are_rejected_or_dropped_without_other_rows() -> None:
    hashes = {"all": np.array([1, 1, 2], np.uint64)}
    targets, missing = {"all": np.array([0, 1, 1])}, {"all": np.array([True, False, False])}
    with pytest.raises(DataError, match=r"1 of 3 rows in part 'all' have no label.*row 0.*data.broken=drop"):
        clean(hashes, targets, missing, DataArguments())
    kept, report = clean(hashes, targets, missing, DataArguments(broken="drop", duplicates="drop", conflicts="drop"))
    assert kept["all"].tolist() == [1, 2]  # row 1 equals the dropped row 0, which had no label to conflict with
    assert (report["all"]["missing_labels"], report["all"]["duplicates"], report["all"]["conflicts"]) == (1, 0, 0)


def test_a_training_row_that_equals_a_dropped_test_row_stays() -> None:
    hashes = {"train": np.array([1, 2], np.uint64), "test": np.array([1, 3], np.uint64)}
    missing = {"train": np.zeros(2, bool), "test": np.array([True, False])}
    kept, _ = clean(hashes, {name: np.zeros(2, int) for name in hashes}, missing, DataArguments(broken="drop"))
    assert kept["train"].tolist() == [0, 1]


def test_conflicts_of_regression_targets_are_found_in_any_column() -> None:
    targets = {"all": np.array([[1.0, 2.0], [1.0, 3.0], [5.0, 5.0]])}
    missing = {"all": np.zeros(3, bool)}
    report = clean({"all": np.array([7, 7, 8], np.uint64)}, targets, missing, DataArguments())[1]
    assert report["all"]["conflicts"] == 2


def test_a_part_without_rows_left_is_an_error() -> None:
    hashes = {"train": np.array([1], np.uint64), "test": np.array([1], np.uint64)}
    missing = {name: np.zeros(1, bool) for name in hashes}
    with pytest.raises(DataError, match=r"'train' has no rows left.*'overlap': 1"):
        clean(hashes, {name: np.zeros(1, int) for name in hashes}, missing, DataArguments())


def test_problems_are_sentences() -> None:
    assert as_problems(cleaned()[1]) == [
        "1 of 3 rows in 'test' repeat an earlier row",
        "2 of 5 rows in 'train' repeat an earlier row",
        "2 of 5 rows in 'train' also occur with another label",
        "1 of 5 rows in 'train' also occur in a later part",
    ]
