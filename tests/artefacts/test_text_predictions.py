"""Predictions of a text run depend only on the text: in Python, in bulk and after reopening."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.artefacts.bulk import predict_file, predict_inputs
from zoo.errors import ArtefactError, DataError, UsageError
from zoo.settings import DataArguments

TEXTS = [f"{'good fine' if number % 2 else 'bad 很差'} film " + "so " * (number % 40) + str(number) for number in range(150)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("texts")
    rows = [("prose", "stars"), *((text, ["bad", "好"][number % 2]) for number, text in enumerate(TEXTS))]
    with (folder / "rows.csv").open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(rows)
    named = {"text_column": "prose", "label_column": "stars", "encoding": "gb18030", "broken": "drop"}
    splits = zoo.load_data(folder / "rows.csv", max_length=24, batch_size=32, **named)
    return zoo.train("lstm/tiny", data=splits, epochs=1, out=folder / "run", verbose=0, baseline=False)


def test_a_texts_prediction_is_independent_of_its_batch(run: zoo.Run) -> None:
    together = run.predict(TEXTS)
    assert len(together) == 150
    order = np.random.default_rng(0).permutation(150)
    shuffled = run.predict([TEXTS[row] for row in order])
    np.testing.assert_allclose(shuffled.probabilities, together.probabilities[order], rtol=1e-5)
    assert shuffled.labels == [together.labels[row] for row in order]
    for row in (0, 1, 38, 39, 149):
        alone = run.predict(TEXTS[row])
        np.testing.assert_allclose(alone.probabilities[0], together.probabilities[row], rtol=1e-5)
        assert alone.labels == [together.labels[row]]
    np.testing.assert_allclose(together.probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        np.array,
        lambda texts: np.array(texts, object),
        pd.Series,
        lambda texts: [text.encode() for text in texts],
        iter,
        lambda texts: (text for text in texts),
    ],
    ids=["list", "tuple", "array", "object", "Series", "bytes", "iterator", "generator"],
)
def test_every_form_of_texts_gets_the_same_predictions(run: zoo.Run, make: Callable[[list[str]], Any]) -> None:
    expected = run.predict(TEXTS[:5])
    found = run.predict(make(TEXTS[:5]))
    assert found.labels == expected.labels
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=1e-6)


def test_texts_without_a_word_are_predicted_as_one_unknown_word(run: zoo.Run) -> None:
    texts = ["", "   ", "!?", "\n", "unheard", "\ud800", b"\xff"]
    found = run.predict(texts)
    assert np.isfinite(found.probabilities).all()
    np.testing.assert_allclose(found.probabilities, np.repeat(run.predict("unheard").probabilities, len(texts), 0), rtol=1e-5)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (7, "A text must be a string. Received: int 7 at 0. Pass strings"),
        ([1.5, "a"], "Received: float 1.5 at 0"),
        (["a", None], "Received: NoneType None at 1"),
        (None, "Received: NoneType None"),
        (np.zeros((2, 3)), "A text must be a string. Received: ndarray"),
        ([["a", "b"]], "Received: list"),
        (pd.DataFrame({"prose": ["a"]}), r"DataFrame with \['prose'\]. Pass only the column of texts"),
        ({"prose": "a"}, r"dict with \['prose'\]. Pass only the column"),
        ([], "nothing to predict. Received: no examples"),
    ],
    ids=["int", "float", "None-inside", "None", "array", "list-inside", "DataFrame", "dict", "nothing"],
)
def test_input_that_is_not_text_is_rejected(run: zoo.Run, raw: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        run.predict(raw)


def test_a_reopened_run_predicts_the_same(run: zoo.Run) -> None:
    again = zoo.Run.open(run.directory)
    assert again.info.to_dict()["text"] == run.info.to_dict()["text"]
    assert again.info.is_read_like(run.info)
    expected = run.predict(TEXTS)
    for found in (again.predict(TEXTS), zoo.load(run.directory).predict(TEXTS)):
        np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=1e-6)
        assert found.labels == expected.labels


def test_rows_for_the_command_line_have_the_text_and_each_probability(run: zoo.Run) -> None:
    expected = run.predict(TEXTS[:2])
    for row, text, label, probabilities in zip(
        predict_inputs(run.predictor, TEXTS[:2])[0], TEXTS, expected.labels, expected.probabilities, strict=False
    ):
        assert (row["text"], row["label"]) == (text, label)
        assert row["probability"] == max(row["probabilities"].values())
        assert row["probabilities"] == pytest.approx({"bad": probabilities[0], "好": probabilities[1]})
        json.dumps(row)


def written(path: Path, texts: list[str], encoding: str) -> Path:
    if path.suffix == ".parquet":
        pd.DataFrame({"id": range(len(texts)), "prose": texts}).to_parquet(path)
        return path
    with path.open("w", encoding=encoding, newline="") as file:
        if path.suffix in (".csv", ".tsv"):
            rows = [("id", "prose"), *enumerate(texts)]
            csv.writer(file, delimiter="," if path.suffix == ".csv" else "\t").writerows(rows)
        elif path.suffix == ".jsonl":
            file.writelines(json.dumps({"id": row, "prose": text}, ensure_ascii=False) + "\n" for row, text in enumerate(texts))
        else:
            file.writelines(f"{text}\n" for text in texts)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.txt", "a.other"])
def test_bulk_predictions_equal_predict_with_column_and_encoding_of_the_training(
    run: zoo.Run, tmp_path: Path, name: str
) -> None:
    texts = [*TEXTS[:7], "", *TEXTS[7:20]]
    data = written(tmp_path / name, texts, "gb18030")
    done = predict_file(run.predictor, data, tmp_path / "out.csv", run.info.reading_arguments({}))
    found, expected = pd.read_csv(tmp_path / "out.csv"), run.predict(texts)
    assert (done.rows, done.broken) == (21, [])
    assert list(found.columns) == ["row", "label", "probability_bad", "probability_好"]
    assert found["row"].tolist() == list(range(21))
    assert found["label"].tolist() == expected.labels
    np.testing.assert_allclose(found.iloc[:, 2:], expected.probabilities, rtol=1e-5)


def test_other_columns_and_encodings_may_be_named(run: zoo.Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body,id\n很差,1\n")
    with pytest.raises(DataError, match=r"not have this column. Received: 'prose'.*Accepted: body, id"):
        predict_file(run.predictor, tmp_path / "a.csv", tmp_path / "o.csv", run.info.reading_arguments({"encoding": "utf-8"}))
    arguments = run.info.reading_arguments({"encoding": "utf-8", "text_column": "body"})
    assert predict_file(run.predictor, tmp_path / "a.csv", tmp_path / "o.csv", arguments).rows == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "has no rows"),
        ("a.txt", b"a\x00b\n", "binary file"),
        ("a.txt", "好 film\n".encode() + b"\xff" * 9, "not encoded in gb18030"),
        ("a.csv", b'prose\n"open\n', r"cannot be read as \.csv"),
        ("a.npz", b"PK\x03\x04\x00", "binary file"),
        ("nowhere.csv", None, "no such file or folder"),
    ],
)
def test_a_file_without_texts_is_rejected_and_leaves_nothing(
    run: zoo.Run, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataError, match=words):
        predict_file(run.predictor, tmp_path / name, tmp_path / "out.csv", run.info.reading_arguments({}))
    assert sorted(tmp_path.iterdir()) == before


def test_folders_and_images_are_refused(run: zoo.Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"takes a file of texts. Received: the folder"):
        predict_file(run.predictor, tmp_path, tmp_path / "out.csv")
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(UsageError, match=r"This model takes texts. Received: the name of a file"):
        predict_inputs(run.predictor, [str(tmp_path / "x.png")])
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(ArtefactError, match="does not overwrite"):
        predict_file(run.predictor, tmp_path / "a.txt", tmp_path / "out.csv")


def test_a_run_records_how_its_splits_were_read(run: zoo.Run) -> None:
    reading = run.info.reading_arguments({})
    assert (reading.text_column, reading.label_column, reading.encoding) == ("prose", "stars", "gb18030")
    assert reading.broken == "drop"
    assert run.info.reading_arguments({"encoding": "utf-8"}).encoding == "utf-8"
    assert zoo.evaluate(zoo.Run.open(run.directory)).metrics == pytest.approx(run.metrics)
    path = run.directory.parent / "rows.csv"
    assert zoo.evaluate(run, path).num_examples == 150
    content = path.read_bytes()
    try:
        path.write_bytes(content.replace(b"film so so so 3,", b"film so so 3,"))
        with pytest.raises(DataError, match="data have changed since this run"):
            zoo.evaluate(run)
    finally:
        path.write_bytes(content)


def test_without_the_baseline_the_report_has_no_verdict(run: zoo.Run) -> None:
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    assert "baseline" not in run.content
    assert 'class="verdict' not in page
    assert "tfidf" not in page


def test_runs_on_images_and_tables_have_a_report_without_a_baseline(image_run: zoo.Run, value_run: zoo.Run) -> None:
    for each, data in ((image_run, "digits"), (value_run, "diabetes")):
        page = (each.directory / "report.html").read_text(encoding="utf-8")
        assert f"<h1>linear on {data}</h1>" in page
        assert 'class="verdict' not in page
        assert ("<h2>Confusion</h2>" in page) == (data == "digits")
        assert all(f"<td>{name}</td>" in page for name in each.metrics)


@pytest.mark.slow
def test_a_model_of_raw_texts_trains_predicts_and_opens_again(tmp_path: Path) -> None:
    vectorize = keras.layers.TextVectorization(max_tokens=50, output_sequence_length=6)
    vectorize.adapt(TEXTS)
    layers = [vectorize, keras.layers.Embedding(50, 4), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((), dtype="string"), *layers])
    labels = ["bad", "good"] * 75
    settings = {"epochs": 1, "out": tmp_path / "run", "verbose": 0, "baseline": False}
    run = zoo.train(model, data=(TEXTS, labels), data_arguments={"raw": True}, **settings)
    assert run.info.preprocessor.takes_strings
    expected = run.predict(TEXTS[:9])
    again = zoo.Run.open(tmp_path / "run").predict(TEXTS[:9])
    np.testing.assert_allclose(again.probabilities, expected.probabilities, rtol=1e-5)
    np.testing.assert_allclose(run.predict(TEXTS[3]).probabilities[0], expected.probabilities[3], rtol=1e-5)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vocabulary", "x"), ("vocabulary", []), ("lower", "x"), ("char_level", -1), ("max_length", -1), ("max_length", None),
        ("truncation", "x"), ("padding", None), ("fixed_length", {}), ("filters", 5), ("other", 1),
    ],
)  # fmt: skip
def test_a_damaged_vocabulary_is_reported(key, value):
    from zoo.inputs.text.preprocessor import TextPreprocessor

    good = TextPreprocessor.fit(["a film", "a book"], DataArguments()).to_dict()
    assert TextPreprocessor.from_dict(good).to_dict() == good
    with pytest.raises(ValueError, match=key):
        TextPreprocessor.from_dict({**good, key: value})
