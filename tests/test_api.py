"""The verbs in Python: build, load_data, evaluate and load, on data of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ArtefactError, DataError, UnknownNameError, UsageError

RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(RANDOM.normal(100, 10, (60, 3)), columns=["a", "b", "c"])
LABELS = np.array(["x", "猫"])[np.arange(60) % 2]
IMAGES = RANDOM.integers(0, 256, (60, 8, 8), np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    out = tmp_path_factory.mktemp("run") / "run"
    return zoo.train("linear", data=TABLE.assign(label=LABELS), epochs=2, out=out, verbose=0)


@pytest.mark.parametrize(
    ("name", "data", "task", "input_shape", "width"),
    [
        ("cnn", "digits", "image_classification", (8, 8, 1), 10),
        ("mlp", (IMAGES, LABELS), "image_classification", (8, 8, 1), 2),
        ("mlp", "iris", "tabular_classification", (4,), 3),
        ("linear", (TABLE, LABELS), "tabular_classification", (3,), 2),
        ("linear", "diabetes", "regression", (10,), 1),
        ("mlp", (TABLE, RANDOM.normal(size=(60, 2))), "regression", (3,), 2),
        ("cnn", tf.data.Dataset.from_tensor_slices((IMAGES, np.arange(60) % 3)), "image_classification", (8, 8, 1), 3),
    ],
    ids=["digits", "images", "iris", "table", "diabetes", "two-targets", "tf.data"],
)
def test_build_takes_shape_classes_and_task_from_the_data(
    name: str, data: Any, task: str, input_shape: tuple[int, ...], width: int
) -> None:
    splits = zoo.load_data(data)
    model = zoo.build(name, data=splits)
    assert splits.info.task_name == task
    assert (model.input_shape, model.output_shape) == ((None, *input_shape), (None, width))
    scores = model.evaluate(splits.test, return_dict=True, verbose=0)
    assert set(scores) == ({"loss", "mae", "rmse", "r2"} if task == "regression" else {"loss", "accuracy", "macro_f1"})
    assert np.isfinite(scores["loss"])


def test_build_normalises_a_table_by_its_training_part() -> None:
    data = zoo.load_data((TABLE, LABELS))
    normalize = zoo.build("linear", data=data).get_layer("normalize")
    rows = np.concatenate([batch for batch, _ in data.train])
    np.testing.assert_allclose(np.mean(normalize(rows), axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.std(normalize(rows), axis=0), 1, atol=1e-3)


def test_build_fits_plain_arrays_in_one_line() -> None:
    history = zoo.build("cnn", input_shape=(8, 8, 1), num_classes=2).fit(IMAGES, np.arange(60) % 2, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])


def test_build_takes_the_weights_of_a_run(run: zoo.Run) -> None:
    data = zoo.load_data(TABLE.assign(label=LABELS))
    for source in (run, run.directory, str(run.directory)):
        model = zoo.build("linear", data=data, weights=source)
        for ours, theirs in zip(model.get_weights(), run.model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"name": "cn"}, UnknownNameError, r"Unknown model. Received: 'cn'. Did you mean 'cnn'\?"),
        ({"name": "cnn", "filtres": [2]}, UnknownNameError, r"'filtres'. Did you mean 'filters'\?"),
        ({"name": "cnn", "data": "iris"}, UsageError, "Model 'cnn' is not for tabular_classification"),
        ({"name": "cnn", "task": "image_clasification"}, UnknownNameError, r"Did you mean 'image_classification'\?"),
        ({"name": "cnn", "learning_rate": 0}, UsageError, "above 0. Received: 0"),
        ({"name": "cnn", "optimizer": "adamm"}, UnknownNameError, r"Did you mean 'adam"),
        ({"name": "cnn", "data": "digits", "num_classes": 3}, UsageError, "num_classes=3; the data have 10"),
        ({"name": "cnn", "data": "digits", "input_shape": (9, 9, 1)}, UsageError, "do not fit the data"),
        ({"name": "mlp", "task": "tabular_classification"}, UsageError, "needs num_classes= or data="),
        ({"name": "cnn", "weights": "nowhere/run"}, ArtefactError, "run directory does not exist. Received: nowhere/run"),
    ],
)
def test_build_refuses_what_does_not_fit(arguments: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        zoo.build(**arguments)


def test_build_refuses_weights_of_another_architecture(run: zoo.Run) -> None:
    with pytest.raises(UsageError, match="weights do not fit the model"):
        zoo.build("cnn/tiny", weights=run)


@pytest.mark.parametrize(
    ("task", "labels"), [("tabular_classification", tuple(range(3))), ("regression", ()), (None, tuple(range(3)))]
)
def test_task_determines_the_meaning_of_whole_numbers(task: str | None, labels: tuple[int, ...]) -> None:
    data = zoo.load_data((TABLE, np.arange(60) % 3), task=task)
    assert data.info.labels == labels
    assert data.info.num_classes == (3 if labels else None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "`batch_size` must be a whole number"),
        ({"batch_size": "8"}, "`batch_size` must be a whole number"),
        ({"batch_size": 2.5}, "`batch_size` must be a whole number"),
        ({"seed": -1}, "`seed` must be a whole number"),
        ({"seed": "a"}, "`seed` must be a whole number"),
        ({"label_colum": "a"}, r"Did you mean 'label_column'\?"),
        ({"validation": 1.5}, "`validation` is not accepted"),
        ({"image_size": (0, 8)}, r"`image_size\.0` is not accepted"),
        ({"task": "cooking"}, "Unknown task"),
    ],
)
def test_load_data_refuses_wrong_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        zoo.load_data((TABLE, LABELS), **arguments)


def test_splits_are_returned_unchanged() -> None:
    data = zoo.load_data("iris")
    assert zoo.load_data(data) is data
    with pytest.raises(UsageError, match="cannot be read with other arguments"):
        zoo.load_data(data, validation=0.2)


def test_evaluate_scores_a_run_on_other_data_read_as_its_own(run: zoo.Run, tmp_path: Path) -> None:
    other = TABLE.assign(label=LABELS)
    expected = np.mean(np.array(run.predict(TABLE).labels) == LABELS)
    other.to_csv(tmp_path / "other.csv", index=False)
    for data in (other, (TABLE, LABELS), tmp_path / "other.csv", {"train": other, "test": other}):
        found = zoo.evaluate(run, data)
        assert found.num_examples == 60
        assert found.metrics["accuracy"] == pytest.approx(expected)
    renamed = other.rename(columns={"label": "answer"})
    assert zoo.evaluate(run, renamed, data_arguments={"label_column": "answer"}).metrics["accuracy"] == pytest.approx(expected)


def test_evaluate_takes_the_part_that_is_named(run: zoo.Run) -> None:
    other = TABLE.assign(label=LABELS)
    parts = {"train": other[:40], "validation": other[40:50], "test": other[50:]}
    assert [zoo.evaluate(run, parts, split=part).num_examples for part in parts] == [40, 10, 10]


@pytest.mark.parametrize(
    ("data", "split", "error", "words"),
    [
        (None, "test", UsageError, "trained on arrays, which it does not store"),
        ((TABLE, LABELS), "tset", UsageError, "Received: 'tset'"),
        ((TABLE, LABELS), "train", UsageError, "no part 'train'"),
        ((TABLE[["a"]], LABELS), "test", DataError, "lacks column 'b'"),
        ((TABLE, ["x"] * 59 + ["dog"]), "test", DataError, "'dog' in row 59"),
        ((TABLE, [None] + ["x"] * 59), "test", DataError, "1 rows have no label"),
        ((IMAGES, LABELS), "test", DataError, "do not fit the model"),
        ("digits", "test", DataError, "not fit"),
    ],
    ids=["own-arrays", "part", "no-part", "column", "label", "missing-label", "images", "digits"],
)
def test_evaluate_refuses_what_does_not_fit(run: zoo.Run, data: Any, split: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        zoo.evaluate(run, data, split=split)


def test_evaluate_scores_any_keras_model(run: zoo.Run) -> None:
    assert zoo.evaluate(run.model, (TABLE, LABELS)).num_examples == 9  # the test part of 60 rows
    with pytest.raises(UsageError, match=r"Scoring a keras.Model needs data. Received: none"):
        zoo.evaluate(keras.Sequential([keras.Input((3,))]))


def test_a_run_on_a_path_is_scored_on_it_again_unless_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    TABLE.assign(label=LABELS).to_csv(path, index=False)
    run = zoo.train("linear", data=path, epochs=1, out=tmp_path / "run", verbose=0)
    assert zoo.evaluate(tmp_path / "run").metrics == pytest.approx(run.metrics)
    assert zoo.evaluate(run, split="train").num_examples == 42
    TABLE.assign(label=LABELS[::-1]).to_csv(path, index=False)
    with pytest.raises(DataError, match="data have changed since this run"):
        zoo.evaluate(run)
    path.unlink()
    with pytest.raises(DataError, match="no such file or folder"):
        zoo.evaluate(run)


def test_a_name_that_is_a_path_object_is_a_path() -> None:
    with pytest.raises(DataError, match=r"no such file or folder. Received: iris"):
        zoo.load_data(Path("iris"))


def test_load_gives_a_predictor(run: zoo.Run) -> None:
    found = zoo.load(run.directory).predict(TABLE)
    assert found.labels == run.predict(TABLE).labels
    assert set(found.labels) <= {"x", "猫"}


def test_a_run_on_a_relative_path_is_scored_from_another_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    pd.DataFrame({"size": range(60), "label": ["a", "b"] * 30}).to_csv("table.csv", index=False)
    run = zoo.train("linear", data="table.csv", epochs=1, out=tmp_path / "run", verbose=0)
    monkeypatch.chdir(tmp_path / "there")
    assert zoo.evaluate(run.directory).metrics == pytest.approx(run.metrics)


def test_a_run_on_splits_with_own_arguments_is_scored_on_them_again(tmp_path: Path) -> None:
    splits = zoo.load_data("iris", split_seed=5)
    run = zoo.train("linear", data=splits, epochs=1, out=tmp_path / "run", verbose=0)
    assert zoo.evaluate(run.directory).metrics == pytest.approx(run.metrics)


def test_load_rejects_invalid_paths() -> None:
    with pytest.raises(zoo.UsageError, match=r"must be a path or a released model's name. Received: NoneType"):
        zoo.load(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["arrays", "tf.data"])
def test_the_name_of_data_in_memory_is_not_a_data_set(name: str) -> None:
    with pytest.raises(UsageError, match=f"data in memory.* Received: data={name}"):
        zoo.load_data(name)


@pytest.mark.parametrize("verb", [zoo.evaluate, zoo.baseline, zoo.export])
def test_data_arguments_as_keywords_are_refused_with_the_new_spelling(verb: Any) -> None:
    with pytest.raises(UsageError, match=r"Write data_arguments=\{'label_column': 'answer'\}"):
        verb("x", label_column="answer")


def test_predict_combines_load_and_predict(run: zoo.Run) -> None:
    for model in (run, run.directory):
        assert zoo.predict(model, TABLE).labels == run.predict(TABLE).labels


def test_a_run_a_path_and_a_released_name_open_alike(run: zoo.Run) -> None:
    from zoo.artefacts.run import find_run, open_run

    assert open_run(run) is run
    assert open_run(str(run.directory)).directory == open_run(run.directory).directory == run.directory
    assert open_run("cnn@mnist").card["name"] == "cnn@mnist"
    assert find_run(run.model) is None
