"""Wrong input: messages give the received value, what is accepted and the fix, and no files are left behind."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.cli.main import main

ROWS = "".join(f"{number},{number * 2},{'xy'[number % 2]}\n" for number in range(20))


def table(text: str) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        (folder / "rows.csv").write_text(text, encoding="utf-8")
        return ["linear", "--data", str(folder / "rows.csv")]

    return write


def arrays(x: np.ndarray, y: object) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        np.savez(folder / "data.npz", x=x, y=np.asarray(y))
        return ["mlp", "--data", str(folder / "data.npz")]

    return write


def yaml(text: str) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        (folder / "config.yaml").write_text(text)
        return ["cnn", "--data", "digits", "--config", str(folder / "config.yaml")]

    return write


def broken_image(folder: Path) -> list[str]:
    for name in ("cat", "dog"):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (6, 6), 40 * number + len(name)).save(folder / "images" / name / f"{number}.png")
    (folder / "images" / "cat" / "2.png").write_bytes(b"broken")
    return ["cnn", "--data", str(folder / "images")]


def texts(name: str, content: str | bytes, *words: str) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return ["lstm/tiny", "--data", str(folder / name), *words]

    return write


def two_trains(folder: Path) -> list[str]:
    for name in ("train.csv", "old.train.csv"):
        texts(name, TEXTS)(folder)
    return ["lstm/tiny", "--data", str(folder)]


TEXTS = "text,label\n" + "".join(f"film {number},{'xy'[number % 2]}\n" for number in range(20))
IMAGES = np.random.default_rng(0).random((20, 6, 6)).astype(np.float32)
CLASSES = np.arange(20) % 2


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (lambda _: ["cn"], 2, ("Unknown model. Received: 'cn'", "Did you mean 'cnn'?", "Accepted: cnn,")),
        (lambda _: ["cnn", "--data", "mnits"], 2, ("Unknown data set. Received: 'mnits'", "Did you mean 'mnist'?")),
        (lambda _: ["cnn", "--set", "model.filtres=3"], 2, ("'model.filtres'", "Did you mean 'model.filters'?", "Accepted:")),
        (lambda _: ["cnn", "--set", "model.filters=three"], 2, ("`filters` of model 'cnn'", "Received: 'three'", "Pass")),
        (yaml("lerning_rate: 1\n"), 2, ("'lerning_rate'", "Did you mean 'learning_rate'?", "Accepted:")),
        (yaml("epochs: [\n"), 2, ("not YAML", "config.yaml", "Quote")),
        (arrays(np.zeros((20, 2, 2, 2, 2)), CLASSES), 1, ("shape (20, 2, 2, 2, 2)", "Features must be images", "Reshape")),
        (arrays(np.array([["a"] * 3] * 20)[..., None], CLASSES), 1, ("dtype <U1", "Features must be images", "convert")),
        (arrays(IMAGES, CLASSES - 1), 1, ("class numbers from 0", "Received: -1", "Renumber")),
        (arrays(IMAGES, CLASSES + 0.5), 1, ("whole numbers or text", "Received: [0.5", "Correct")),
        (
            arrays(IMAGES, np.where(np.arange(20) < 4, np.nan, CLASSES)),
            1,
            ("4 of 20 rows", "have no label", "data.broken=drop"),
        ),
        (arrays(IMAGES, np.where(np.arange(20) == 3, 10**7, CLASSES)), 1, ("0 to 10000000", "from 0", "Renumber")),
        (arrays(np.zeros((0, 6, 6)), []), 1, ("needs one label", "Received: 0 rows", "Add rows")),
        (arrays(IMAGES, np.ones(20, int)), 1, ("at least two classes", "Received: only 1", "Add another class")),
        (arrays(IMAGES, np.arange(20) == 0), 1, ("too few distinct rows for 3 parts", "1 of class", "Add rows")),
        (arrays(IMAGES, CLASSES[:5]), 1, ("20 rows and 5 labels", "Each row needs one label", "")),
        (table("a,b,label\n"), 1, ("table is empty", "rows.csv", "Add rows")),
        (table(""), 1, ("Empty CSV file", "rows.csv", "Fix")),
        (table("a,b,label\n" + ROWS + "1,2\n"), 1, ("Expected 3 columns, got 2: 1,2", "rows.csv", "Fix")),
        (table("a,b,kind\n" + ROWS), 1, ("The label column is not known", "columns a, b, kind", "data.label_column")),
        (table("a,b,label\n" + ROWS + "1,2,\n"), 1, ("1 of 21 rows", "row 20", "data.broken=drop")),
        (
            table("a,b,label\n" + ROWS.replace("38", "inf")),
            1,
            ("'b' must contain real numbers between", "inf in row 19", "leave it empty"),
        ),
        (broken_image, 1, ("cannot be read: 1", "2.png", "data.broken=drop")),
        (lambda _: ["cnn", "--data", "./nowhere.csv"], 1, ("no such file or folder", "nowhere.csv", "Check the path")),
        (lambda _: ["cnn", "--data", "iris"], 2, ("not for tabular_classification", "'cnn'", "mlp")),
        (
            texts("t.csv", TEXTS.replace("text,", "a,b,")),
            1,
            ("The text column is not known", "columns a, b, label", "data.text_column"),
        ),
        (texts("t.csv", TEXTS, "--data.text-column", "label"), 1, ("different columns", "'label' for both", "Name two")),
        (texts("t.csv", TEXTS + " ,x\n"), 1, ("cannot be read: 1", "Line 22", "empty text", "data.broken=drop")),
        (texts("t.csv", "text,label\n,x\n,y\n"), 1, ("All 2 texts are empty", "Line 2", "Add texts")),
        (texts("t.csv", TEXTS + '"film,x\n'), 1, ("cannot be read as .csv", "t.csv", "Double the quotes")),
        (texts("t.csv", TEXTS.encode("utf-16")), 1, ("starts like UTF-16", "t.csv", "data.encoding=utf-16")),
        (
            texts("t.csv", TEXTS.replace("film", "电影").encode("gb18030")),
            1,
            ("not encoded in utf-8", "t.csv", "data.encoding"),
        ),
        (texts("t.txt", b"x a\0b\n"), 1, ("binary file", "t.txt", "Pass a text file")),
        (
            texts("t.txt", "".join(f"so{n} it goes\n" for n in range(9))),
            1,
            ("first word", "9 different", "Put the labels first"),
        ),
        (texts("t.txt", "x film\ny film\n", "--data.label-column", "a"), 2, ("have no columns", "t.txt", "Omit the column")),
        (texts("t.jsonl", "film\n"), 1, ("one JSON object per line", "t.jsonl", "Fix the file")),
        (texts("t.txt", ""), 1, ("no rows", "t.txt", "Add texts")),
        (texts("t.csv", TEXTS.replace(",y", ",x")), 1, ("at least two classes", "only 'x'", "Add another class")),
        (two_trains, 1, ("one file", "old.train.csv and train.csv for 'train'", "data.parts")),
    ],
    ids=[
        "model",
        "dataset",
        "argument",
        "value",
        "yaml-key",
        "yaml",
        "shape",
        "dtype",
        "negative",
        "fractional",
        "nan-label",
        "huge-label",
        "empty",
        "one-class",
        "class-of-one",
        "lengths",
        "header-only",
        "empty-file",
        "ragged",
        "no-label",
        "missing-label",
        "infinite",
        "broken-image",
        "path",
        "task",
        "no-text-column",
        "text-is-label",
        "empty-text",
        "empty-texts",
        "open-quote",
        "utf-16",
        "gb18030",
        "binary",
        "prose",
        "lines-column",
        "no-json",
        "empty-lines",
        "one-text-class",
        "two-trains",
    ],
)
def test_bad_input_is_rejected_with_a_fix_and_leaves_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: Callable[[Path], list[str]],
    code: int,
    parts: tuple[str, ...],
) -> None:
    words = arguments(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["train", *words, "--out", str(tmp_path / "run"), "--quiet"]) == code
    said = capsys.readouterr().err
    assert all(part in said for part in parts), said
    assert "Received: " in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_missing_label_column_gets_the_nearest_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = table("a,b,label\n" + ROWS)(tmp_path)
    assert main(["train", *words, "--set", "data.label_column=lable", "--out", str(tmp_path / "run")]) == 1
    assert "Received: 'lable'. Did you mean 'label'? Accepted: a, b, label." in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_without_its_files_a_data_set_names_their_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "mine"))
    assert main(["train", "lstm/tiny", "--data", "sst2", "--out", str(tmp_path / "run"), "--quiet"]) == 1
    said = capsys.readouterr().err
    assert all(part in said for part in ("Received: 'sst2'", str(tmp_path / "mine" / "sst2"), "github.com/", "ZOO_DATA"))
    assert not list(tmp_path.iterdir())


def test_without_a_default_directory_nothing_is_left_in_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *table("a,b,label\n")(tmp_path), "--quiet"]) == 1
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.slow
def test_labels_out_of_range_of_a_plain_model_are_an_error() -> None:
    model = zoo.build("cnn/tiny")  # 3 classes
    with pytest.raises(Exception, match="Labels must be integers from 0 to 2"):
        model.fit(np.zeros((4, 8, 8)), np.array([0, 1, 2, 3]), verbose=0)


def test_no_network_names_the_embedded_twin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_address(*args: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    words = ["train", "cnn", "--data", "cifar10", "--set", f"data.data_dir={tmp_path / 'tfds'}"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    assert all(part in said for part in ("'cifar10'", "'mnist_sample' is embedded", "`tfds build cifar10`", "data.data_dir"))
    assert not (tmp_path / "run").exists()


def test_a_run_directory_with_content_is_not_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    assert main(["train", "linear", "--data", "iris", "--out", str(tmp_path / "run")]) == 1
    assert "exists and is not an empty directory; zoo does not overwrite it" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "run").iterdir()] == ["mine"]


@pytest.mark.parametrize("place", ["/proc/zoo/run", "/sys/zoo"])
def test_a_run_directory_that_cannot_be_written_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "linear", "--data", "iris", "--out", place]) == 1
    said = capsys.readouterr().err
    assert all(part in said for part in ("cannot be created or written", f"Received: {place}", "--out"))


def test_a_full_disk_before_the_first_epoch_leaves_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert main(["train", "linear", "--data", "iris", "--out", str(tmp_path / "run"), "--quiet"]) == 1
    said = capsys.readouterr().err
    assert all(part in said for part in ("No space left on device", str(tmp_path / "run"), "Free space or choose another"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_ctrl_c_in_mid_epoch_keeps_the_last_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_step, steps = keras.callbacks.CallbackList.on_train_batch_end, []

    def interrupt(self: object, *args: object, **kwargs: object) -> None:
        steps.append(1)
        if len(steps) == 6:  # iris in batches of 32 has 4 steps an epoch
            signal.raise_signal(signal.SIGINT)
        train_step(self, *args, **kwargs)

    monkeypatch.setattr(keras.callbacks.CallbackList, "on_train_batch_end", interrupt)
    assert main(["train", "linear", "--data", "iris", "--out", str(tmp_path / "run"), "--quiet"]) == 1
    said = capsys.readouterr().err
    assert f"The model's state in epoch 2, after 2 batches is saved in {tmp_path / 'run' / 'model.keras'}." in said
    assert len(zoo.Run.open(tmp_path / "run").predict(np.zeros((2, 4)))) == 2
