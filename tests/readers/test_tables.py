"""CSV, TSV and Parquet files as commonly saved."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.errors import DataError
from zoo.readers.tables import read_table

ROWS = 24
TABLE = pd.DataFrame(
    {"width": np.arange(ROWS) / 2, "colour": ["red", "蓝"] * (ROWS // 2), "label": ["猫", "dog"] * (ROWS // 2)}
)


def saved(path: Path, table: pd.DataFrame = TABLE) -> Path:
    if path.suffix.lower() == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix.lower() == ".tsv" else ",")
    return path


@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.parquet", "DATA.CSV", "DATA.TSV", "Data.Parquet"])
@pytest.mark.parametrize("as_path", [Path, str])
def test_every_kind_of_file_gives_the_same_data(tmp_path: Path, name: str, as_path: type) -> None:
    data = zoo.load_data(as_path(saved(tmp_path / name)))
    frame = zoo.load_data(TABLE)
    assert data.info.labels == ("dog", "猫")
    assert data.info.preprocessor == frame.info.preprocessor
    assert data.info.fingerprint == frame.info.fingerprint
    assert data.info.preprocessor.feature_names == ["width", "colour=red", "colour=蓝"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\n\n").encode(),
        lambda text: text.rstrip("\n").encode(),
    ],
    ids=["byte-order-mark", "windows-line-ends", "blank-lines", "no-last-newline"],
)
def test_common_forms_of_csv_are_read(tmp_path: Path, change) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(change(TABLE.to_csv(index=False)))
    pd.testing.assert_frame_equal(read_table(path), TABLE, check_dtype=False)


def test_quotes_commas_and_newlines_inside_fields_are_kept(tmp_path: Path) -> None:
    text = ['say "no"', "a,b", "two\nlines", "tab\there"]
    table = pd.DataFrame({"text": text, "label": [0, 1, 0, 1]})
    for name in ("q.csv", "q.tsv"):
        assert read_table(saved(tmp_path / name, table))["text"].tolist() == text


def test_empty_cells_and_na_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b,label\n1,x,0\n,NA,1\n")
    assert read_table(path)[["a", "b"]].isna().to_numpy().tolist() == [[False, False], [True, True]]


def test_dates_and_times_become_one_number(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=ROWS)
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"):
        path = saved(tmp_path / f"{len(form)}.csv", pd.DataFrame({"day": days.strftime(form), "label": [0, 1] * (ROWS // 2)}))
        assert zoo.load_data(path).info.preprocessor.feature_names == ["day"]


def test_parquet_categories_are_categories(tmp_path: Path) -> None:
    table = TABLE.assign(colour=TABLE.colour.astype("category"), label=TABLE.label.astype("category"))
    data = zoo.load_data(saved(tmp_path / "c.parquet", table))
    assert data.info.fingerprint == zoo.load_data(TABLE).info.fingerprint


def test_boolean_labels_of_a_csv_are_two_classes(tmp_path: Path) -> None:
    data = zoo.load_data(saved(tmp_path / "b.csv", TABLE.assign(label=[True, False] * (ROWS // 2))))
    assert data.info.labels == (False, True)


def test_label_column_is_chosen_and_others_are_ignored(tmp_path: Path) -> None:
    path = saved(tmp_path / "data.csv")
    data = zoo.load_data(path, label_column="colour", ignore_columns=["label"])
    assert (data.info.labels, data.info.preprocessor.feature_names) == (("red", "蓝"), ["width"])


@pytest.mark.parametrize("name", ["Label", "TARGET", "class"])
def test_label_column_is_found_in_any_case(name: str) -> None:
    assert zoo.load_data(TABLE.rename(columns={"label": name})).info.labels == ("dog", "猫")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"cannot be read as \.csv: Empty CSV"),
        (b"a,b,label\n", "is empty.*without rows"),
        (b"a,label\n1,x\n2\n", "Expected 2 columns, got 1"),
        (b"a,a,label\n1,2,x\n", r"Received twice: \['a'\]"),
        (b"a;b;label\n1;2;x\n", "columns a;b;label.*separated by commas in .csv"),
        ("a,label\n1,猫\n".encode("utf-16"), "Save the file as UTF-8"),
        ("a,label\n1,猫\n2,狗\n".encode("gbk"), "Save the file as UTF-8"),
        ("长度,label\n1,x\n".encode("gbk"), "Save the file as UTF-8"),
        (b"a,b\n1,2\n", "The label column is not known.*columns a, b.*data.label_column"),
        (b"a,label\n1,x\n2,x\n3,x\n", "at least two classes. Received: only 'x'"),
        (b"label\nx\ny\n", "A table needs a column to learn from"),
    ],
    ids=[
        "empty",
        "header-only",
        "ragged",
        "twice",
        "semicolons",
        "utf-16",
        "gbk",
        "gbk-header",
        "no-label",
        "one-class",
        "label-only",
    ],
)
def test_csv_that_cannot_be_learned_from_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        zoo.load_data(path)


def test_wrong_label_column_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'lable'. Did you mean 'label'\? Accepted: width, colour, label"):
        zoo.load_data(saved(tmp_path / "data.csv"), label_column="lable")


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, np.zeros(2)], ids=["list", "dict", "array"])
def test_cells_with_several_values_are_refused(cell: object) -> None:
    with pytest.raises(DataError, match=r"one number or text. Received: column 'more'.*data.ignore_columns"):
        zoo.load_data(TABLE.assign(more=[cell] * ROWS))


def test_lists_in_parquet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'more'"):
        zoo.load_data(saved(tmp_path / "l.parquet", TABLE.assign(more=[[1, 2]] * ROWS)))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("a,label\n1,x\n")
    with pytest.raises(DataError, match="not a parquet file"):
        zoo.load_data(tmp_path / "x.parquet")
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    with pytest.raises(
        DataError, match=r"end in \.csv, \.parquet, \.tsv, \.jsonl, \.ndjson, \.txt, \.npz. Received: .*x\.xlsx"
    ):
        zoo.load_data(tmp_path / "x.xlsx")


def test_a_saved_index_is_ignored_and_reported(tmp_path):
    path = tmp_path / "saved.csv"
    pd.DataFrame({"size": range(40), "label": ["a", "b"] * 20}).to_csv(path)
    info = zoo.load_data(path).info
    assert info.preprocessor.feature_names == ["size"]
    assert info.report["notes"] == ["a column without a name is ignored"]


def test_decimals_and_durations_are_numbers(tmp_path):
    path = tmp_path / "exact.parquet"
    prices, spans = [Decimal(row) / 4 for row in range(40)], pd.to_timedelta(range(40), unit="min")
    pd.DataFrame({"price": prices, "span": spans, "label": ["a", "b"] * 20}).to_parquet(path)
    features, _ = next(zoo.load_data(path, batch_size=40).train.as_numpy_iterator())
    rows = features[:, 0] * 4  # (28,)
    assert set(rows) < set(range(40))
    np.testing.assert_array_equal(features[:, 1], rows * 60)
