"""Columns of any kind become finite float32 features, and the preprocessor round-trips through JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from zoo.errors import DataError
from zoo.inputs.table.preprocessor import TablePreprocessor, as_table


def test_numbers_stay_and_a_missing_one_becomes_the_mean_with_a_flag() -> None:
    table = pd.DataFrame({"width": [1.0, np.nan, 3.0]})
    fitted = TablePreprocessor.fit(table)
    assert fitted.feature_names == ["width", "width is missing"]
    np.testing.assert_array_equal(fitted.transform(table), [[1, 0], [2, 1], [3, 0]])


def test_a_number_missing_only_later_becomes_the_training_mean() -> None:
    fitted = TablePreprocessor.fit(pd.DataFrame({"width": [1.0, 3.0]}))
    np.testing.assert_array_equal(fitted.transform(pd.DataFrame({"width": [None, 5.0]})), [[2], [5]])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, False]),
        pd.Series([1, 0], dtype="Int64"),
        pd.Series([True, False], dtype="boolean"),
        pd.Series([1, 0], dtype="uint8"),
        pd.Series([1.0, 0.0], dtype="float16"),
        pd.Series(pd.arrays.SparseArray([1, 0])),
    ],
    ids=lambda column: str(column.dtype),
)
def test_numeric_dtypes_become_float32(column: pd.Series) -> None:
    table = pd.DataFrame({"x": column})
    features = TablePreprocessor.fit(table).transform(table)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, [[1], [0]])


def test_nullable_integers_with_a_gap_get_the_mean() -> None:
    table = pd.DataFrame({"x": pd.array([2, None, 4], dtype="Int64")})
    np.testing.assert_array_equal(TablePreprocessor.fit(table).transform(table), [[2, 0], [3, 1], [4, 0]])


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_times_become_seconds_since_1970(zone: str | None) -> None:
    table = pd.DataFrame({"when": pd.to_datetime(["1970-01-02", None]).tz_localize("UTC").tz_convert(zone)})
    if zone is None:
        table["when"] = table["when"].dt.tz_localize(None)
    features = TablePreprocessor.fit(table).transform(table)
    assert datetime(1970, 1, 2, tzinfo=UTC).timestamp() == 86_400
    np.testing.assert_allclose(features[:, 0], 86_400, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_text_becomes_one_feature_per_category(dtype: str) -> None:
    table = pd.DataFrame({"colour": pd.Series(["red", "蓝", None, "red"], dtype=dtype)})
    fitted = TablePreprocessor.fit(table)
    assert fitted.feature_names == ["colour=red", "colour=蓝"]
    np.testing.assert_array_equal(fitted.transform(table), [[1, 0], [0, 1], [0, 0], [1, 0]])


def test_unseen_category_gives_zeros() -> None:
    fitted = TablePreprocessor.fit(pd.DataFrame({"colour": ["red", "blue"]}))
    np.testing.assert_array_equal(fitted.transform(pd.DataFrame({"colour": ["green"]})), [[0, 0]])


def test_the_100_most_frequent_categories_are_kept() -> None:
    words = [f"w{number}" for number in range(150)] + [f"w{number}" for number in range(100, 150)]
    names = TablePreprocessor.fit(pd.DataFrame({"word": words})).feature_names
    assert len(names) == 100
    assert {f"word=w{number}" for number in range(100, 150)} <= set(names)


def test_features_match_pandas_get_dummies() -> None:
    table = pd.DataFrame({"a": [3.0, 1.0, 2.0], "b": ["y", "x", "y"], "c": [True, False, True]})
    features = TablePreprocessor.fit(table).transform(table)
    np.testing.assert_array_equal(features, pd.get_dummies(table)[["a", "b_x", "b_y", "c"]].to_numpy(np.float32))


def test_columns_are_found_by_name_in_any_order_and_further_ones_ignored() -> None:
    fitted = TablePreprocessor.fit(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    np.testing.assert_array_equal(fitted.transform(pd.DataFrame({"z": [9.0], "b": [4.0], "a": [3.0]})), [[3, 4]])


def test_integer_column_names_are_taken_as_text() -> None:
    fitted = TablePreprocessor.fit(pd.DataFrame({0: [1.0], 1: [2.0]}))
    np.testing.assert_array_equal(fitted.transform(pd.DataFrame({"1": [5.0], "0": [6.0]})), [[6, 5]])


def test_missing_column_gets_the_nearest() -> None:
    fitted = TablePreprocessor.fit(pd.DataFrame({"petal_length": [1.0]}))
    with pytest.raises(DataError, match=r"lacks column 'petal_length'.*Did you mean 'petal_lenght'\? Add or rename it"):
        fitted.transform(pd.DataFrame({"petal_lenght": [1.0]}))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39, -1e20])
def test_infinite_and_huge_numbers_are_refused_with_their_row(value: float) -> None:
    with pytest.raises(DataError, match=r"'x' must contain real numbers between -1e\+18 and 1e\+18, .*Received: .* in row 1"):
        TablePreprocessor.fit(pd.DataFrame({"x": [0.0, value]}))


def test_text_in_a_number_column_is_refused() -> None:
    fitted = TablePreprocessor.fit(pd.DataFrame({"x": [0.0, 1.0]}))
    with pytest.raises(DataError, match=r"'x' must contain real numbers.*Received: 'three' in row 0\. Fix the cell"):
        fitted.transform(pd.DataFrame({"x": ["three"]}))


def test_numbers_written_as_text_are_read() -> None:
    fitted = TablePreprocessor.fit(pd.DataFrame({"x": [0.0, 1.0]}))
    np.testing.assert_array_equal(fitted.transform(pd.DataFrame({"x": ["2.5"]})), [[2.5]])


def test_round_trip_through_json_gives_the_same_features() -> None:
    table = pd.DataFrame({"a": [1.5, np.nan], "城市": ["北京", 'x,\n"y"'], "c": [True, False]})
    fitted = TablePreprocessor.fit(table)
    again = TablePreprocessor.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    np.testing.assert_array_equal(again.transform(table), fitted.transform(table))


def test_a_table_without_any_value_is_refused() -> None:
    with pytest.raises(DataError, match="needs a column to learn from"):
        TablePreprocessor.fit(pd.DataFrame({"x": [None, None]}, dtype=object))


def test_duplicate_column_names_are_rejected() -> None:
    with pytest.raises(DataError, match=r"Received twice: \['0'\]"):
        as_table(pd.DataFrame([[1, 2]], columns=[0, "0"]))


def test_array_columns_get_names() -> None:
    assert list(as_table(np.zeros((1, 2), np.longdouble)).columns) == ["feature_0", "feature_1"]


@pytest.mark.parametrize(("value", "words"), [(10**400, "Received: 1000"), (1j, "real numbers.*1j")])
def test_invalid_numbers_in_a_table_are_rejected(value, words):
    preprocessor = TablePreprocessor.fit(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(DataError, match=words):
        preprocessor.transform(pd.DataFrame({"a": [value]}))


def test_days_beyond_nanoseconds_are_seconds_too():
    days = pd.DataFrame({"until": pd.Series(["1970-01-02", "9999-12-31", None]).astype("datetime64[s]")})
    features = TablePreprocessor.fit(days).transform(days)
    np.testing.assert_array_equal(features[:2, 0], np.float32([86_400, 253_402_214_400]))  # 2,932,896 days


def test_a_non_numeric_cell_is_reported_with_its_row():
    preprocessor = TablePreprocessor.fit(pd.DataFrame({"width": [1.0]}))
    rows = pd.DataFrame({"width": ["", None, "many", "more"]}, index=pd.RangeIndex(1000, 1004))
    with pytest.raises(DataError, match=r"'width' must contain real numbers .*Received: 'many' in row 1002"):
        preprocessor.transform(rows)
