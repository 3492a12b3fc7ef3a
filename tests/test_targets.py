"""Labels in every common form become class numbers; invalid labels are rejected."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zoo import targets
from zoo.errors import DataError
from zoo.tasks import guess_task


def labels_and_numbers(raw: Any, *, are_numbers_names: bool = False) -> tuple[tuple[Any, ...], list[int]]:
    array = targets.as_targets(raw)
    labels = targets.find_labels(array, are_numbers_names=are_numbers_names)
    return labels, targets.encode(array, labels).tolist()


@pytest.mark.parametrize(
    "raw",
    [
        [0, 1, 1],
        np.array([0, 1, 1], np.uint8),
        np.array([0, 1, 1], np.float32),
        np.array([[0], [1], [1]]),
        pd.Series([0, 1, 1], dtype="Int64"),
        pd.Series(pd.Categorical([0, 1, 1])),
        pd.DataFrame({"label": [0, 1, 1]}),
        np.array([0, 1, 1], object),
        np.array([[1, 0], [0, 1], [0, 1]]),
        np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], np.float32),
    ],
    ids=["list", "uint8", "float32", "(n,1)", "Int64", "Categorical", "DataFrame", "object", "one-hot", "one-hot-float"],
)
def test_class_numbers_in_every_form_are_the_same(raw: Any) -> None:
    assert labels_and_numbers(raw) == ((0, 1), [0, 1, 1])


@pytest.mark.parametrize(
    "raw",
    [
        ["猫", "dog", "dog"],
        np.array(["猫", "dog", "dog"]),
        np.array(["猫", "dog", "dog"], object),
        np.array(["猫".encode(), b"dog", b"dog"], object),
        pd.Series(["猫", "dog", "dog"], dtype="string"),
        pd.Categorical(["猫", "dog", "dog"]),
        pd.Series(pd.Categorical(["猫", "dog", "dog"])),
    ],
    ids=["list", "U", "object", "bytes", "string", "Categorical", "Categorical-Series"],
)
def test_text_labels_are_numbered_in_sorted_order(raw: Any) -> None:
    assert labels_and_numbers(raw) == (("dog", "猫"), [1, 0, 0])


@pytest.mark.parametrize("raw", [[True, False], np.array([True, False]), pd.Series([True, False], dtype="boolean")])
def test_booleans_are_two_classes(raw: Any) -> None:
    assert labels_and_numbers(raw) == ((False, True), [1, 0])


def test_times_become_text() -> None:
    assert labels_and_numbers([datetime.date(2024, 1, 2), datetime.date(2024, 1, 1)]) == (("2024-01-01", "2024-01-02"), [1, 0])


def test_a_tables_numbers_are_names_and_an_arrays_are_positions() -> None:
    assert labels_and_numbers([3, 8, 3], are_numbers_names=True) == ((3, 8), [0, 1, 0])
    assert labels_and_numbers([1, 3, 1], are_numbers_names=False) == ((0, 1, 2, 3), [1, 3, 1])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([-1, 0], r"class numbers from 0. Received: -1 to 0, with 2 distinct"),
        ([0.5, 1.0], r"whole numbers or text. Received: \[0.5\]"),
        ([0.0, np.inf], r"Received: \[inf\]"),
        ([0, 10**9], r"Received: 0 to 1000000000, with 2 distinct"),
        ([1, 1], r"at least two classes. Received: only 1"),
        (["x", "x"], r"at least two classes. Received: only 'x'"),
        (np.ones((2, 3)), r"multi-label"),
        ([[0, 0], [1, 0]], r"a row \[0, 0\].*multi-label"),
        (np.array([["a", "b"]] * 2), r"one-hot"),
    ],
)
def test_invalid_labels_are_rejected(raw: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        labels_and_numbers(raw)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([[1, 2], [3]], "different lengths"),
        (None, "NoneType"),
        (3, "int of shape"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (pd.Series([(1, 2), (3, 4)]), r"Received: \(1, 2\)"),
        (np.array([b"\xff", b"a"], object), "UTF-8"),
    ],
)
def test_targets_without_one_value_or_row_per_example_are_rejected(raw: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        targets.as_targets(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pd.Series([None, 1, 2], dtype="Int64"),
        pd.Series([None, True, False], dtype="boolean"),
        pd.Series([None, "a", "b"], dtype="string"),
        pd.Categorical([None, "a", "b"]),
        ["", "a", "b"],
        [np.nan, 1.0, 2.0],
        [[np.nan, 1.0], [1.0, 0.0], [0.0, 1.0]],
        pd.to_datetime([None, "2024-01-01", "2024-01-02"]),
    ],
    ids=["Int64", "boolean", "string", "Categorical", "empty-text", "nan", "one-hot", "time"],
)
def test_missing_labels_are_found_in_every_dtype(raw: Any) -> None:
    assert targets.is_missing(targets.as_targets(raw)).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("raw", "task"),
    [
        (["a", "b"], "tabular_classification"),
        ([True, False], "tabular_classification"),
        ([1, 2, 3], "tabular_classification"),
        ([1.0, 2.0], "tabular_classification"),
        (list(range(20)), "tabular_classification"),
        (list(range(21)), "regression"),
        ([0.5, 1.0], "regression"),
        ([[1, 0], [0, 1]], "tabular_classification"),
        ([[1.5, 0], [0, 1]], "regression"),
        ([[1, 1], [0, 1]], "regression"),
    ],
)
def test_task_is_guessed_from_the_targets(raw: Any, task: str) -> None:
    assert guess_task("table", targets.as_targets(raw)).name == task


def test_unknown_label_gets_its_row_and_the_nearest() -> None:
    with pytest.raises(DataError, match=r"not among the 2 classes. Received: 'setoso' in row 1. Did you mean 'setosa'\?"):
        targets.encode(np.array(["setosa", "setoso"], object), ("setosa", "virginica"))


def test_one_hot_rows_of_another_width_are_refused() -> None:
    with pytest.raises(DataError, match=r"must have 3 columns. Received: 2"):
        targets.encode(np.eye(2), (0, 1, 2))


@pytest.mark.parametrize("wrong", [-1, 2, 0.5, np.nan])
def test_class_numbers_with_names_must_be_positions(wrong: float) -> None:
    with pytest.raises(DataError, match=r"not among the 2 classes. Received: .* in row 1\..* Accepted: 0 \(cat\), 1 \(dog\)"):
        targets.encode(np.array([0, wrong]), ("cat", "dog"), are_numbers=True)


@pytest.mark.parametrize("raw", [[1, 2], np.array([1.0, 2.0]), np.array([[1], [2]]), pd.Series([1, 2], dtype="Int64")])
def test_regression_targets_are_float_columns(raw: Any) -> None:
    values = targets.as_values(targets.as_targets(raw))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [[1], [2]])


def test_text_is_not_a_regression_target() -> None:
    with pytest.raises(DataError, match="Regression targets must be finite numbers"):
        targets.as_values(targets.as_targets(["1", "2"]))


@pytest.mark.parametrize("wrong", [np.inf, np.nan, 1e39])
def test_regression_targets_must_be_finite_in_float32(wrong: float) -> None:
    with pytest.raises(DataError, match="finite"):
        targets.as_values(np.array([1.0, wrong]))
