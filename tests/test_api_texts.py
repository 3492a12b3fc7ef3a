"""The verbs on texts: train, evaluate and build take arguments from the data, and reject contradicting ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from zoo.errors import DataError, UsageError

TEXTS = [f"{'good fine' if number % 2 else 'bad dull'} film number {number}" for number in range(60)]
LABELS = ["neg", "pos"] * 30
OTHER = ["a good film", "a dull plot", "fine, fine!", "bad"]
OTHER_LABELS = ["pos", "neg", "pos", "neg"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    out = tmp_path_factory.mktemp("run") / "run"
    return zoo.train("lstm/tiny", data=(TEXTS, LABELS), epochs=1, out=out, verbose=0, data_arguments={"max_length": 12})


def test_train_records_vocabulary_labels_scores_and_the_baseline(run: zoo.Run) -> None:
    assert run.status == "finished"
    assert run.info.labels == ("neg", "pos")
    assert run.model.output_shape == (None, 2)
    assert run.settings["batch_size"] == 64  # the task's
    assert run.settings["data.max_length"] == run.info.preprocessor.max_length == 12
    assert set(run.metrics) == {"loss", "accuracy", "precision", "recall", "macro_f1", "micro_f1"}
    assert run.content["baseline"]["name"] == "tfidf_logistic"
    kept = json.loads((run.directory / "assets" / "data.json").read_text(encoding="utf-8"))
    assert kept["text"]["vocabulary"] == list(run.info.tokenizer.word_index)
    assert (run.directory / "report.html").is_file()


def expected_accuracy(run: zoo.Run) -> float:
    return float(np.mean(np.array(run.predict(OTHER).labels) == OTHER_LABELS))


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: (OTHER, OTHER_LABELS),
        lambda folder: pd.DataFrame({"text": OTHER, "label": OTHER_LABELS}),
        lambda folder: tf.data.Dataset.from_tensor_slices((OTHER, OTHER_LABELS)),
        lambda folder: saved(folder / "a.csv", "text,label\n", '"{}",{}\n'),
        lambda folder: saved(folder / "a.tsv", "text\tlabel\n", "{}\t{}\n"),
        lambda folder: saved(folder / "a.txt", "", "{1} {0}\n"),
        lambda folder: saved(folder / "a.lines", "", "{1} {0}\n"),
        lambda folder: saved(folder / "a.jsonl", "", '{{"text": "{}", "label": "{}"}}\n'),
        lambda folder: {"train": (TEXTS, LABELS), "test": (OTHER, OTHER_LABELS)},
        lambda folder: class_folders(folder),
    ],
    ids=["arrays", "DataFrame", "tf.data", "csv", "tsv", "txt", "lines", "jsonl", "parts", "folder"],
)
def test_a_run_is_scored_on_other_texts_of_every_form(run: zoo.Run, tmp_path: Path, make: Callable[[Path], Any]) -> None:
    found = zoo.evaluate(run, make(tmp_path))
    assert found.num_examples == 4
    assert found.metrics["accuracy"] == pytest.approx(expected_accuracy(run))


def saved(path: Path, header: str, row: str) -> Path:
    path.write_text(header + "".join(row.format(text, label) for text, label in zip(OTHER, OTHER_LABELS, strict=True)))
    return path


def class_folders(folder: Path) -> Path:
    for number, (text, label) in enumerate(zip(OTHER, OTHER_LABELS, strict=True)):
        (folder / label).mkdir(exist_ok=True)
        (folder / label / f"{number}.txt").write_text(text)
    return folder


def test_a_run_is_scored_on_splits_of_its_own_vocabulary_only(run: zoo.Run) -> None:
    own = zoo.load_data((TEXTS, LABELS), max_length=12)
    assert zoo.evaluate(run, own).metrics == pytest.approx(run.metrics)
    for other in (
        zoo.load_data((TEXTS, LABELS)),
        zoo.load_data((TEXTS, LABELS), max_length=12, split_seed=3),
        zoo.load_data((TEXTS, [f"a {label}" for label in LABELS]), max_length=12),
        zoo.load_data("iris"),
    ):
        with pytest.raises(DataError, match=r"Splits do not fit the run.*Pass their source"):
            zoo.evaluate(run, other)


def test_rows_without_text_are_not_silently_dropped_from_a_score(run: zoo.Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: 1. Received: Row 1 of the texts has an empty text.*data.broken=drop"):
        zoo.evaluate(run, (["good", " ", "bad"], ["pos", "pos", "neg"]))
    assert zoo.evaluate(run, (["good", " ", "bad"], ["pos", "pos", "neg"]), data_arguments={"broken": "drop"}).num_examples == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((["a"], ["good"]), r"not among the 2 classes. Received: 'good' in row 0.*Accepted: neg, pos"),
        ((["a", "b"], ["pos", None]), "1 rows have no label; the first is row 1"),
        ((np.zeros((4, 6, 6)), [0, 1, 0, 1]), "do not fit the model. Received: images.*accepted: texts"),
        ("digits", "do not fit the model"),
        ("./nowhere.csv", "no such file or folder"),
    ],
)
def test_evaluate_rejects_data_that_do_not_fit_the_run(run: zoo.Run, data: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        zoo.evaluate(run, data)


def test_a_table_with_a_column_called_text_is_scored_as_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,width,label\n" + "".join(f"{'xy'[n % 2]},{n},{'ab'[n % 2]}\n" for n in range(40)))
    settings = {"task": "tabular_classification", "epochs": 1, "verbose": 0}
    run = zoo.train("linear", data=path, out=tmp_path / "run", **settings)
    assert run.info.preprocessor.feature_names == ["text=x", "text=y", "width"]
    assert zoo.evaluate(run, path).num_examples == 40


@pytest.mark.parametrize("name", ["lstm", "transformer/tiny"])
def test_build_takes_vocabulary_and_classes_from_the_data(name: str) -> None:
    data = zoo.load_data((TEXTS, [f"c{number % 5}" for number in range(60)]), vocabulary_size=9, max_length=7)
    model = zoo.build(name, data=data)
    assert data.info.preprocessor.vocabulary_size == 9
    embeddings = [weight.shape for weight in model.weights if "embedding" in weight.path and weight.shape[0] == 9]
    assert embeddings
    assert model.output_shape == (None, 5)
    scores = model.evaluate(data.test, return_dict=True, verbose=0)
    assert np.isfinite(scores["loss"])


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("lstm", {"num_classes": 3}, "do not fit the data. Received: num_classes=3; the data have 2. Omit it"),
        ("lstm", {"vocabulary_size": 20}, "Received: vocabulary_size=20; the data have .*or set data.vocabulary_size"),
        ("transformer", {"max_sequence_length": 10}, "max_sequence_length=10; the data have 256.*or data.max_length"),
        ("cnn", {}, "Model 'cnn' is not for text_classification.*lstm"),
        ("mlp", {}, "Model 'mlp' is not for text_classification"),
    ],
)
def test_build_refuses_arguments_that_the_data_contradict(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        zoo.build(name, data=zoo.load_data((TEXTS, LABELS)), **arguments)


def test_build_accepts_a_larger_vocabulary_and_longer_texts() -> None:
    data = zoo.load_data((TEXTS, LABELS), max_length=9)
    model = zoo.build("transformer/tiny", data=data, vocabulary_size=500, max_sequence_length=64)
    assert any(weight.shape[0] == 500 for weight in model.weights)


def test_a_text_model_reads_any_file_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("".join(f"{text},{label}\n" for text, label in zip(TEXTS, LABELS, strict=True)))
    assert zoo.build("lstm/tiny", data=path).output_shape == (None, 2)
    with pytest.raises(UsageError, match="Model 'lstm' is not for image_classification"):
        zoo.build("lstm/tiny", data="digits")
