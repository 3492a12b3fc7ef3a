"""Predictions for folders and files: output is atomic, and a broken example does not affect the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zoo
from zoo.artefacts.bulk import predict_file, predict_inputs
from zoo.errors import ArtefactError, DataError, UsageError

EXPORTED = Path(__file__).parent.parent / "fixtures" / "format_1" / "table"


def images(folder: Path, count: int = 3) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (20 + number, 10), (number, 80, 200)).save(folder / f"{number}.PNG")
    return folder


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.parquet", "ROWS.CSV"])
def test_every_table_format_is_predicted_row_by_row(table_run: zoo.Run, table: pd.DataFrame, tmp_path: Path, name: str) -> None:
    data, out = tmp_path / name, tmp_path / "out.csv"
    if name.endswith(".parquet"):
        table.to_parquet(data)
    else:
        table.to_csv(data, index=False, sep="\t" if name.endswith(".tsv") else ",")
    done = predict_file(table_run.predictor, data, out)
    found, expected = pd.read_csv(out), table_run.predict(table)
    assert (done.rows, done.broken) == (60, [])
    assert list(found.columns) == ["row", "label", "probability_large", "probability_小"]
    assert found["row"].tolist() == list(range(60))
    assert found["label"].tolist() == expected.labels
    np.testing.assert_allclose(found.iloc[:, 2:], expected.probabilities, rtol=1e-5)


def test_regression_writes_values(value_run: zoo.Run, tmp_path: Path) -> None:
    names = value_run.info.preprocessor.feature_names
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(4, len(names))), columns=names)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    predict_file(value_run.predictor, tmp_path / "rows.csv", tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found.columns) == ["row", "value_0"]
    np.testing.assert_allclose(found[["value_0"]], value_run.predict(rows).values, rtol=1e-5)


@pytest.mark.parametrize("name", ["x", "x_test"])
def test_npz_is_predicted(image_run: zoo.Run, tmp_path: Path, name: str) -> None:
    batch = np.random.default_rng(0).random((300, 8, 8))
    np.savez(tmp_path / "d.npz", **{name: batch})
    assert predict_file(image_run.predictor, tmp_path / "d.npz", tmp_path / "out.csv").rows == 300
    assert pd.read_csv(tmp_path / "out.csv")["label"].tolist() == image_run.predict(batch).labels


@pytest.mark.parametrize(
    ("shape", "words"), [((300, 64), r"rows of shape \(64,\)"), ((5, 1, 1, 8, 8), r"rows of shape \(1, 1, 8, 8\)")]
)
def test_an_array_of_another_shape_is_rejected(image_run: zoo.Run, tmp_path: Path, shape: tuple[int, ...], words: str) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros(shape))
    with pytest.raises(DataError, match=words):
        predict_file(image_run.predictor, tmp_path / "d.npz", tmp_path / "out.csv")


@pytest.mark.parametrize("shape", [(8, 8, 3), (300, 8, 3), (5, 3, 4), (3, 8, 8)])
def test_an_array_with_three_axes_is_grey_images(image_run: zoo.Run, tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.savez(tmp_path / "d.npz", x=array)
    assert predict_file(image_run.predictor, tmp_path / "d.npz", tmp_path / "out.csv").rows == len(array)
    expected = [image_run.predict(image[np.newaxis, ..., np.newaxis]).labels[0] for image in array]
    assert pd.read_csv(tmp_path / "out.csv")["label"].tolist() == expected


def test_a_broken_row_is_named(image_run: zoo.Run, table_run: zoo.Run, tmp_path: Path) -> None:
    images = np.zeros((300, 8, 8))
    images[280] = np.nan
    np.savez(tmp_path / "d.npz", x=images)
    with pytest.raises(DataError, match=r"NaN or infinity.*in rows 256 to 299"):
        predict_file(image_run.predictor, tmp_path / "d.npz", tmp_path / "out.csv")
    (tmp_path / "d.csv").write_text("width,colour\n" + "1.5,blue\n" * 150_000 + "many,blue\n")
    with pytest.raises(DataError, match=r"Received: 'many' in row 150000\. Fix the cell, .* missing\.$"):
        predict_file(table_run.predictor, tmp_path / "d.csv", tmp_path / "out.csv")


def test_a_broken_image_does_not_affect_the_others(image_run: zoo.Run, tmp_path: Path) -> None:
    folder = images(tmp_path / "images")
    (folder / "1b.png").write_bytes(b"broken")
    done = predict_file(image_run.predictor, folder, tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert done.rows == 3
    assert found.iloc[:, 0].tolist() == [str(folder / f"{number}.PNG") for number in range(3)]
    assert len(done.broken) == 1
    assert "1b.png" in done.broken[0]
    rows, broken = predict_inputs(image_run.predictor, [str(path) for path in sorted(folder.iterdir())])
    assert [row["label"] for row in rows] == found["label"].tolist()
    assert len(broken) == 1


def test_only_broken_images_give_only_a_header(image_run: zoo.Run, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").write_bytes(b"broken")
    done = predict_file(image_run.predictor, tmp_path / "images", tmp_path / "out.csv")
    assert (done.rows, len(done.broken)) == (0, 1)
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read as Linux tells it")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, suffix: str) -> None:
    code = """
import pathlib, re, sys, zoo
from zoo.artefacts.bulk import predict_file
predict_file(zoo.load(sys.argv[1], engine="litert"), *map(pathlib.Path, sys.argv[2:]))
status = pathlib.Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024, "tensorflow" in sys.modules)
"""  # not ru_maxrss, which starts at the peak of the parent process
    peaks = []
    for count in (300_000, 1_200_000):
        data, out = tmp_path / f"{count}{suffix}", tmp_path / f"{count}-out.csv"
        width = np.random.default_rng(0).normal(size=count)
        table = pd.DataFrame({"width (cm)": width, "colour": ["blue", "红"] * (count // 2), "also": -width, "other": width**2})
        table.to_csv(data, index=False) if suffix == ".csv" else table.to_parquet(data)
        command = [sys.executable, "-c", code, str(EXPORTED), str(data), str(out)]
        megabytes, with_tensorflow = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert with_tensorflow == "False"
        peaks.append(int(megabytes))
        with out.open(encoding="utf-8") as lines:
            assert sum(1 for _ in lines) == count + 1
    # It varies by 35 MB. Reading 900,000 rows completely would take 63 MB (Parquet) or 130 MB (CSV) more.
    assert peaks[1] < peaks[0] + 50


def test_an_existing_file_is_never_overwritten(image_run: zoo.Run, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(ArtefactError, match=r"exists; zoo does not overwrite files. Received: .*out\.csv"):
        predict_file(image_run.predictor, images(tmp_path / "images"), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_rows_without_text_are_reported_and_omitted(tmp_path: Path) -> None:
    lines = ['{"text": "good"}', "{bad", '{"text": null}', '{"text": 5}', '{"other": ""}', '{"text": ""}', '{"text": "bad"}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    done = predict_file(zoo.load(EXPORTED.parent / "text"), tmp_path / "a.jsonl", tmp_path / "out.csv")
    assert [line.partition(" of ")[0] for line in done.broken] == ["Line 2", "Line 3", "Line 4", "Line 5"]
    assert pd.read_csv(tmp_path / "out.csv")["row"].tolist() == [0, 5, 6]
    assert done.rows == 3


def test_a_file_with_a_long_name_is_written(image_run: zoo.Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 8, 8)))
    out = tmp_path / ("x" * 251 + ".csv")
    predict_file(image_run.predictor, tmp_path / "d.npz", out)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".csv"] == [out.name]


def test_a_pipe_is_rejected_because_data_are_read_twice(table_run: zoo.Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    with pytest.raises(DataError, match="a pipe"):
        predict_file(table_run.predictor, tmp_path / "rows.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_failure_leaves_no_file(table_run: zoo.Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("width\n1\n")
    with pytest.raises(DataError, match="lacks column 'colour'"):
        predict_file(table_run.predictor, tmp_path / "rows.csv", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nowhere", None, "no such file or folder"),
        ("rows.csv", b"a\n1\n", r"takes a folder of images or a \.npz"),
        ("d.npz", b"text" * 50, r"cannot be read as \.npz"),
        ("d.npz", b"PK\x03\x04broken", r"cannot be read as \.npz"),
    ],
)
def test_files_that_do_not_fit_an_image_model_are_rejected(
    image_run: zoo.Run, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        predict_file(image_run.predictor, tmp_path / name, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_files_that_do_not_fit_a_table_model_are_rejected(table_run: zoo.Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"takes \.csv, \.parquet, \.tsv"):
        predict_file(table_run.predictor, images(tmp_path / "images"), tmp_path / "out.csv")
    with pytest.raises(UsageError, match=r"takes tables in a file. Received: x.png"):
        predict_inputs(table_run.predictor, ["x.png"])


def test_a_missing_output_folder_is_rejected(image_run: zoo.Run, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="output folder does not exist"):
        predict_file(image_run.predictor, images(tmp_path / "images"), tmp_path / "nowhere" / "out.csv")


def test_the_last_rows_of_an_array_without_channels_are_images_too(image_run: zoo.Run, tmp_path: Path) -> None:
    batch = np.random.default_rng(0).random((259, 8, 8))  # 256 and 3, which could be three channels
    np.savez(tmp_path / "d.npz", x=batch)
    assert predict_file(image_run.predictor, tmp_path / "d.npz", tmp_path / "out.csv").rows == 259
    assert pd.read_csv(tmp_path / "out.csv")["label"].tolist() == image_run.predict(batch).labels
    np.savez(tmp_path / "flat.npz", x=batch.reshape(259, 64))
    with pytest.raises(DataError, match=r"rows of shape \(64,\)"):
        predict_file(image_run.predictor, tmp_path / "flat.npz", tmp_path / "flat.csv")
