"""`zoo.export`: files, verification, and errors, which leave no files behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from zoo.cli.main import main as command_line
from zoo.errors import ArtefactError, DataError, UnknownNameError, UsageError
from zoo.exporting import export as exporting
from zoo.exporting.examples import choose_examples
from zoo.exporting.proof import TOLERANCE, _compare
from zoo.inputs.text.preprocessor import UNUSUAL

FORMATS = ["saved_model", "litert", "onnx", "keras"]
CLIENT = Path(sys.executable).parent / "saved_model_cli"


@pytest.fixture(scope="module")
def text_run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    arguments = {"embedding_dim": 4, "units": 4, "bidirectional": True, "num_layers": 2}
    folder = tmp_path_factory.mktemp("runs") / "text"
    return zoo.train("lstm", data="reviews_sample", epochs=1, out=folder, verbose=0, model_arguments=arguments)


@pytest.fixture(scope="module")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    return zoo.train("linear", data="mnist_sample", epochs=1, out=tmp_path_factory.mktemp("runs") / "image", verbose=0)


def client(*words: object) -> str:
    done = subprocess.run([CLIENT, *map(str, words)], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.slow
def test_all_formats_of_a_text_model_give_the_same_predictions(text_run, tmp_path):
    export = zoo.export(text_run, tmp_path / "out", format=FORMATS)
    assert export.formats == tuple(FORMATS)
    for proof in export.content["formats"].values():
        assert proof["examples"] == 1000 + len(UNUSUAL)
        assert proof["largest_difference"] <= TOLERANCE
    texts = ["a film I will not forget", "", "很好", "never again " * 300]
    expected = text_run.predict(texts)
    for engine in FORMATS:
        found = zoo.load(tmp_path / "out", engine=engine).predict(texts)
        assert found.labels == expected.labels
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=TOLERANCE)
    assert not [path for path in tmp_path.iterdir() if path.name != "out"]
    assert str(tmp_path) not in (tmp_path / "out" / "assets" / "data.json").read_text()


@pytest.mark.slow
def test_tensorflows_own_client_shows_and_runs_a_text_model(text_run, tmp_path):
    zoo.export(text_run, tmp_path / "out")
    place = ["--dir", tmp_path / "out" / "1", "--tag_set", "serve", "--signature_def", "serving_default"]
    shown = client("show", *place)
    assert " ".join(shown.split()).count("inputs['text'] tensor_info: dtype: DT_STRING shape: (-1)") == 1
    assert all(f"outputs['{name}']" in shown for name in ("labels", "probabilities", "logits"))
    said = client("run", *place, "--input_exprs", "text=['a film I will not forget', '很好']")
    expected = text_run.predict(["a film I will not forget", "很好"])
    assert all(f"b'{label}'" in said for label in expected.labels)
    assert f"[{expected.probabilities[0, 0]:.8f}"[:6] in said


@pytest.mark.slow
def test_plain_tensorflow_accepts_images_and_image_files(image_run, tmp_path):
    zoo.export(image_run, tmp_path / "out")
    images = next(zoo.load_data("mnist_sample").test.as_numpy_iterator())[0][:5].astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    code = f"""
import numpy as np, tensorflow as tf
model = tf.saved_model.load({str(tmp_path / "out" / "1")!r})
images = np.load({str(tmp_path / "images.npy")!r})
one = model.signatures["serving_default"](image=tf.constant(images))
files = tf.stack([tf.io.encode_png(image) for image in images])
two = model.signatures["image_bytes"](image_bytes=files)
np.testing.assert_array_equal(one["labels"], two["labels"])
np.save({str(tmp_path / "answers.npy")!r}, [one["probabilities"], two["probabilities"]])
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    one, two = np.load(tmp_path / "answers.npy")
    np.testing.assert_allclose(one, image_run.predict(images).probabilities, atol=TOLERANCE)
    np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.slow
def test_an_own_model_of_a_table_is_exported_with_its_columns(tmp_path):
    table = pd.DataFrame({"width (cm)": np.arange(60.0), "colour": ["红", "blue"] * 30, "label": ["a"] * 30 + ["b"] * 30})
    table.loc[7, "width (cm)"] = np.nan
    data = zoo.load_data(table)
    model = keras.Sequential([keras.Input(data.info.input_shape), keras.layers.Dense(2, activation="softmax")])
    export = zoo.export(model, tmp_path / "out", format=["saved_model", "onnx"], data=data)
    assert export.content["columns"] == {"width (cm)": "width_cm", "colour": "colour"}
    said = client(
        "run", "--dir", tmp_path / "out" / "1", "--tag_set", "serve", "--signature_def", "serving_default",
        "--input_exprs", "width_cm=[3.0, 50.0];colour=['红', 'never seen']",
    )  # fmt: skip
    rows = {"width (cm)": [3.0, 50.0], "colour": ["红", "never seen"]}
    expected = zoo.load(tmp_path / "out", engine="onnx").predict(rows)
    assert f"[{expected.probabilities[1, 0]:.8f}"[:6] in said
    assert "logits" not in said


@pytest.mark.slow
def test_the_command_line_exports_and_predicts(text_run, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert (
        command_line(["export", str(text_run.directory), "--format", "litert", "--format", "onnx", "--out", out, "--json"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert set(told["formats"]) == {"litert", "onnx"}
    assert command_line(["predict", out, "很好", "--engine", "onnx", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["label"] == text_run.predict("很好").labels[0]
    (tmp_path / "texts.txt").write_text("很好\nnever again\n", encoding="utf-8")
    assert command_line(["predict", out, "--data", str(tmp_path / "texts.txt"), "--out", str(tmp_path / "p.csv")]) == 0
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_a_format_with_different_results_is_rejected_and_leaves_nothing(image_run, tmp_path, monkeypatch):
    true = exporting.convert_to_onnx

    def wrong(servable):
        servable.variables_of_model[0].assign_add(servable.variables_of_model[0] * 0.1)
        return true(servable)

    weights = image_run.model.get_weights()
    monkeypatch.setattr(exporting, "convert_to_onnx", wrong)
    with pytest.raises(
        ArtefactError, match=r"does not match the trained model: \d+ of 1000 .* from onnx .* for example \d+, an image"
    ):
        zoo.export(image_run, tmp_path / "out", format="onnx")
    image_run.model.set_weights(weights)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_custom_layers_of_this_process_cannot_be_exported_to_keras(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    class Twice(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    data = zoo.load_data("iris")
    model = keras.Sequential([keras.Input((4,)), Twice(), keras.layers.Dense(3)])
    with pytest.raises(
        ArtefactError,
        match=r"new process: .*cannot be read: Could not locate class 'Twice'.*Received: the new export,",
    ):
        zoo.export(model, tmp_path / "out", format="keras", data=data)
    assert not list(tmp_path.iterdir())


def test_the_comparison_reports_the_example_and_the_difference():
    expected = zoo.Predictions(["a", "b"], np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), np.zeros((2, 0)))
    raw = ["one", "two"].__getitem__

    def answer(labels, numbers):
        return {"format": "onnx", "part": "zoo.load", "labels": labels, "numbers": numbers}

    close = expected.probabilities + 9e-6
    assert _compare(answer(["a", "b"], close), raw, expected) == pytest.approx(9e-6, rel=0.1)
    with pytest.raises(
        ArtefactError, match=r"1 of 2 .* from onnx \(zoo.load\) for example 1, two: 'a' with \[0.2 0.8\]; the model gives 'b'"
    ):
        _compare(answer(["a", "a"], expected.probabilities), raw, expected)
    for wrong in (1.1e-5, np.nan):
        with pytest.raises(ArtefactError, match="2 of 2"):
            _compare(answer(["a", "b"], expected.probabilities + np.float32(wrong)), raw, expected)
    values = zoo.Predictions([], np.zeros((2, 0)), np.array([[100.0], [-300.0]], np.float32))
    assert _compare(answer([], values.values + 0.002), raw, values) <= TOLERANCE
    with pytest.raises(ArtefactError, match="2 of 2"):
        _compare(answer([], values.values + 0.005), raw, values)


def test_examples_are_real_and_of_many_lengths():
    data = zoo.load_data("reviews_sample")
    texts = choose_examples(data, 50)
    lengths = [len(text) for text in texts[:50]]
    every = [len(text) for text in data.texts("validation")]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (min(every), max(every))
    assert texts[50:] == [*UNUSUAL]
    assert choose_examples(zoo.load_data("digits"), 300).shape == (300, 8, 8, 1)
    table = choose_examples(zoo.load_data("iris"), 1000)
    assert table.shape == (150, 4)
    assert "sepal" in table.columns[0]


def test_wrong_calls_are_rejected_before_data_are_read(image_run, tmp_path):
    with pytest.raises(UnknownNameError, match=r"Unknown format. Received: 'onxx'.*Did you mean 'onnx'"):
        zoo.export(image_run, tmp_path / "out", format="onxx")
    with pytest.raises(UnknownNameError, match=r"Unknown format. Received: 'None'"):
        zoo.export(image_run, tmp_path / "out", format=None)
    with pytest.raises(UsageError, match="At least one format is required"):
        zoo.export(image_run, tmp_path / "out", format=[])
    with pytest.raises(UsageError, match=r"Exporting a keras\.Model needs data"):
        zoo.export(image_run.model, tmp_path / "out")
    with pytest.raises(ArtefactError, match="not an empty directory"):
        zoo.export(image_run, image_run.directory)
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with pytest.raises(ArtefactError, match="a link"):
        zoo.export(image_run, tmp_path / "link")
    (tmp_path / "link").unlink()
    (tmp_path / "empty").rmdir()
    with pytest.raises(ArtefactError, match="run directory does not exist"):
        zoo.export(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(DataError, match="no such file"):
        zoo.export(image_run, tmp_path / "out", data=str(tmp_path / "nowhere.npz"))
    assert not list(tmp_path.iterdir())


def test_a_model_that_sees_padding_is_refused(tmp_path):
    data = zoo.load_data("reviews_sample")
    embed = keras.layers.Embedding(data.info.preprocessor.vocabulary_size, 4)
    layers = [keras.Input((None,)), embed, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)]
    with pytest.raises(UsageError, match=r"depend on padding.*buckets=False"):
        zoo.export(keras.Sequential(layers), tmp_path / "out", data=data)


def test_a_model_that_takes_strings_cannot_be_exported_to_litert(tmp_path):
    data = zoo.load_data("reviews_sample", raw=True)
    vectorize = keras.layers.TextVectorization(50, output_mode="multi_hot")
    vectorize.adapt(list(data.texts("train")))
    model = keras.Sequential([keras.Input((), dtype="string"), vectorize, keras.layers.Dense(2)])
    with pytest.raises(UsageError, match=r"takes strings, which.*Choose saved_model"):
        zoo.export(model, tmp_path / "out", format="litert", data=data)


def test_a_full_disk_is_reported_and_leaves_nothing(image_run, tmp_path, monkeypatch):
    def fill(servable, path, requests):
        path.mkdir()
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(exporting, "write_saved_model", fill)
    with pytest.raises(ArtefactError, match=r"could not be written: No space left on device. Received: .*out. Free space"):
        zoo.export(image_run, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_missing_data_are_reported_with_their_purpose(tmp_path):
    table = pd.DataFrame({"width": np.arange(60.0), "label": ["a", "b"] * 30})
    table.to_csv(tmp_path / "table.csv", index=False)
    run = zoo.train("linear", data=str(tmp_path / "table.csv"), epochs=1, out=tmp_path / "run", verbose=0)
    (tmp_path / "table.csv").unlink()
    with pytest.raises(DataError) as error:
        zoo.export(run, tmp_path / "out")
    assert error.value.__notes__ == ["An export is checked on real examples, from the run's own data or from data= (--data)."]


def test_columns_named_like_python_keywords_can_be_exported(tmp_path):
    columns = {"class": np.arange(40.0), "from": ["x", "y"] * 20, "label": [0.5, 1.5] * 20}
    pd.DataFrame(columns).to_csv(tmp_path / "table.csv", index=False)
    arguments = {"label_column": "label"}
    run = zoo.train(
        "linear", data=str(tmp_path / "table.csv"), data_arguments=arguments, epochs=1, out=tmp_path / "run", verbose=0
    )
    zoo.export(run, tmp_path / "out")  # checks the answers of all engines, by the columns' own names
    facts = json.loads((tmp_path / "out" / "export.json").read_text())
    assert facts["columns"] == {"class": "column_0_class", "from": "column_1_from"}
    row = {"class": 3.0, "from": "y"}
    np.testing.assert_allclose(zoo.load(tmp_path / "out").predict(row).numbers, zoo.predict(run, row).numbers, rtol=1e-5)


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self").exists(), reason="needs a file system that refuses")
def test_a_read_only_place_is_reported(image_run):
    with pytest.raises(ArtefactError, match=r"could not be written: .*Received: /proc/out"):
        zoo.export(image_run, "/proc/out", format="keras")


def functional(outputs):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, outputs(inputs))
    model.compile("sgd", "mse")
    return model


@keras.saving.register_keras_serializable("zoo_tests")
class Noisy(keras.layers.Layer):
    """Uses a variable that is not an attribute."""

    def call(self, inputs):
        return inputs[:, :3] * HIDDEN[0]


HIDDEN: list[tf.Variable] = []


def test_errors_of_the_users_own_model_are_reported(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"does not fit the data\. Received: output shape a dictionary of \['y'\]"):
        zoo.export(functional(lambda inputs: {"y": keras.layers.Dense(3)(inputs)}), tmp_path / "out", data="iris")
    broken = functional(keras.layers.Dense(3))
    broken.set_weights([np.full_like(weight, np.nan) for weight in broken.get_weights()])
    with pytest.raises(UsageError, match=r"predicts NaN or infinity. Received: 150 such predictions for 150 examples"):
        zoo.export(broken, tmp_path / "out", data="iris")
    monkeypatch.setattr(sys.modules[__name__], "HIDDEN", [tf.Variable(1.0)])
    with pytest.raises(ArtefactError, match=r"cannot be saved as a SavedModel.*as attributes"):
        zoo.export(functional(Noisy()), tmp_path / "out", data="iris")
    assert not any(tmp_path.iterdir())
