"""Reading files in chunks gives the same result as reading them completely."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zoo.errors import DataError
from zoo.inputs.table.preprocessor import TablePreprocessor
from zoo.readers import tables
from zoo.readers.npz import stream_npz
from zoo.readers.tables import read_table

ROWS = 5000


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    number = np.arange(ROWS)
    return pd.DataFrame(
        {
            "whole": number,
            "late": np.where(number > 4500, number / 7, np.nan),  # only missing values in the first chunks
            "then a fraction": [*range(ROWS - 1), 0.25],
            "flag": pd.array([True, None, False, True] * (ROWS // 4), "boolean"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(number, "h"),
            "far away": ["9999-12-31", "2020-01-01"] * (ROWS // 2),
            "code": [*([7] * (ROWS - 1)), "A7"],  # a category that looks like a number at first
            "word, quoted": ["a\nb", 'say "x"', "红", None] * (ROWS // 4),
            "other": "never seen by the model",
        }
    )


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(tables, "CHUNK", 700)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_chunks_have_the_features_of_the_whole_table(table, tmp_path, name):
    path = tmp_path / name
    if name == "a.parquet":
        table.astype({"code": str}).to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if name == "a.tsv" else ",")
    whole = read_table(path)
    preprocessor = TablePreprocessor.fit(whole.drop(columns="other"))
    chunks, shares = zip(*tables.stream_table(path, preprocessor), strict=True)
    assert len(chunks) > 5
    assert list(shares) == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1
    assert np.concatenate([chunk.index for chunk in chunks]).tolist() == list(range(ROWS))
    found = np.concatenate([preprocessor.transform(chunk) for chunk in chunks])
    np.testing.assert_array_equal(found, preprocessor.transform(whole))


NASTY = {
    "words for true, some missing": ["true", "TRUE", "1", "", "false", "0"],
    "words for true": ["true", "False", "TRUE"],
    "times of day": ["12:30", " 09:05", "23:59:01", ""],
    "days beyond nanoseconds": ["9999-12-31", "0001-01-01", ""],
    "times beyond nanoseconds": ["9999-12-31 10:00:00", "2020-01-01"],
    "times beyond nanoseconds with a zone": ["9999-12-31T10:00:00Z", "2020-01-01T10:00:00+02:00"],
    "parts of a second": ["2020-01-01 10:00:00.123456789", "2020-01-01 10:00:01.5"],
    "hexadecimal": ["0xff", "31"],
    "spaces": [" 1.5", "2 ", "\t3"],
    "missing in many words": ["NA", "nan", "", "null", '"NA"', "1"],
    "codes with zeros": ["007", "010", "x"],
    "numbers among words": ["1.50", "1e3", "x"],
    "spaces are text": [" a", "a ", "a"],
    "nothing": [""] * 5,
    "precise": ["0.1", "123456789012345678", "1e-320", "-0", "+1"],
}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("cells", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("is_late", [False, True])
def test_cells_are_read_as_in_the_whole_file(tmp_path: Path, cells: list[str], is_late: bool) -> None:
    rows = [cells[0]] * 3000 + cells * 200 if is_late else cells * 1000
    (tmp_path / "a.csv").write_text("a,b\n" + "".join(f"{cell},1\n" for cell in rows))
    whole = read_table(tmp_path / "a.csv")
    preprocessor = TablePreprocessor.fit(whole)
    chunks = [chunk for chunk, _ in tables.stream_table(tmp_path / "a.csv", preprocessor)]
    assert len(chunks) > 1
    found = np.concatenate([preprocessor.transform(chunk) for chunk in chunks])
    np.testing.assert_array_equal(found, preprocessor.transform(whole))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_codes_of_a_file_without_words_are_those_of_training(tmp_path: Path, name: str) -> None:
    preprocessor = TablePreprocessor.fit(pd.DataFrame({"code": ["007", "7", "A7"]}))
    if name == "a.csv":
        (tmp_path / name).write_text("code,other\n" + "007,1\n7,1\n,1\n" * 2000)
        expected = [[1, 0, 0], [0, 1, 0], [0, 0, 0]] * 2000
    else:  # whole numbers, of which one is missing far down
        pd.DataFrame({"code": pd.array([7] * 5000 + [None], "Int64")}).to_parquet(tmp_path / name)
        expected = [[0, 1, 0]] * 5000 + [[0, 0, 0]]
    chunks = [chunk for chunk, _ in tables.stream_table(tmp_path / name, preprocessor)]
    assert len(chunks) > 1
    assert np.concatenate([preprocessor.transform(chunk) for chunk in chunks]).tolist() == expected


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ("2020", "2020-01-01", "Received: numbers, and times such as '2020-01-01'"),
        ("2020-01-01T10:00:00Z", "2020-01-01", "Received: times with a zone, and times such as '2020-01-01'"),
    ],
)
def test_numbers_and_times_in_one_column_are_refused(tmp_path: Path, first: str, then: str, words: str) -> None:
    (tmp_path / "a.csv").write_text("a\n" + f"{first}\n" * 3000 + f"{then}\n" * 3000)
    preprocessor = TablePreprocessor.fit(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(DataError, match=words):
        list(tables.stream_table(tmp_path / "a.csv", preprocessor))


@pytest.mark.parametrize("end", ["", "\n"])
def test_an_unclosed_quote_is_rejected(tmp_path, end):
    rows = ["a,b", "1,x", '2,"two', 'lines"', *['3,"said ""so"""'] * 20]
    (tmp_path / "whole.csv").write_text("\n".join(rows) + end)
    (tmp_path / "open.csv").write_text("\n".join([*rows[:4], '3,"open', *rows[1:2] * 20]) + end)
    preprocessor = TablePreprocessor.fit(read_table(tmp_path / "whole.csv"))
    assert sum(len(chunk) for chunk, _ in tables.stream_table(tmp_path / "whole.csv", preprocessor)) == 22
    with pytest.raises(DataError, match="A quote is not closed"):
        read_table(tmp_path / "open.csv")
    with pytest.raises(DataError, match="A quote is not closed"):
        list(tables.stream_table(tmp_path / "open.csv", preprocessor))


@pytest.mark.usefixtures("small_blocks")
def test_a_non_numeric_cell_is_reported_with_its_column(table, tmp_path):
    preprocessor = TablePreprocessor.fit(table[["whole"]])
    changed = table[["whole"]].astype(object)
    changed.loc[4321, "whole"] = "many"
    changed.to_csv(tmp_path / "a.csv", index=False)
    chunks = tables.stream_table(tmp_path / "a.csv", preprocessor)
    with pytest.raises(DataError, match=r"Column 'whole' must contain real numbers.*many"):
        [preprocessor.transform(chunk) for chunk, _ in chunks]


@pytest.mark.usefixtures("small_blocks")
def test_a_short_row_far_down_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 10_000 + "3\n")
    preprocessor = TablePreprocessor.fit(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    with pytest.raises(DataError, match="Expected 2 columns, got 1"):
        list(tables.stream_table(tmp_path / "a.csv", preprocessor))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_array_comes_in_chunks(tmp_path: Path, order: str, save) -> None:
    array = np.asarray(np.random.default_rng(0).integers(0, 256, (1000, 8, 8), np.uint8), order=order)
    save(tmp_path / "a.npz", x_test=array, y=np.zeros(3))
    chunks, shares = zip(*stream_npz(tmp_path / "a.npz", ("x", "x_test"), 300), strict=True)
    assert [len(chunk) for chunk in chunks] == [300, 300, 300, 100]
    assert shares == (0.3, 0.6, 0.9, 1.0)
    np.testing.assert_array_equal(np.concatenate(chunks), array)


def test_an_npz_without_numbers_is_rejected(tmp_path):
    np.savez(tmp_path / "objects.npz", x=np.array([{}, []], object))
    np.savez(tmp_path / "other.npz", y=np.zeros(3))
    np.savez(tmp_path / "scalar.npz", x=np.float32(1))
    (tmp_path / "text.npz").write_text("no archive")
    for kind, shape in (("deep", "(" * 9000), ("below", "(-1, 2)")):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        with zipfile.ZipFile(tmp_path / f"{kind}.npz", "w") as archive:
            archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with zipfile.ZipFile(tmp_path / "plain.npz", "w") as archive:
        archive.writestr("x", "no array")
    whole = (tmp_path / "other.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name, words in {
        "objects": "dtype object", "other": r"contain x. Received: \['y'\]", "scalar": r"shape \(\)", "text": "not a zip",
        "cut": "not a zip", "deep": "cannot be read as .npz", "below": r"shape \(-1, 2\)",
        "plain": r"must contain x. Received: \[\]",
    }.items():  # fmt: skip
        with pytest.raises(DataError, match=words):
            list(stream_npz(tmp_path / f"{name}.npz", ("x",), 10))
