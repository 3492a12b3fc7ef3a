"""Predictors accept every form of raw input."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.artefacts.outputs import output_kind
from zoo.artefacts.predictor import Predictor
from zoo.errors import DataError

GREY = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: GREY,
        lambda folder: GREY[..., None],
        lambda folder: GREY[None],
        lambda folder: GREY[None, ..., None],
        lambda folder: [GREY],
        lambda folder: [GREY.tolist()],
        lambda folder: tf.constant(GREY),
        lambda folder: GREY.astype(float),
        lambda folder: GREY / 255.0,
        lambda folder: np.stack([GREY] * 3, axis=-1),
        lambda folder: png(Image.fromarray(GREY)),
        lambda folder: Image.fromarray(GREY),
        lambda folder: Image.fromarray(GREY).convert("P"),
        lambda folder: Image.fromarray(GREY).convert("RGB"),
        lambda folder: Image.fromarray(GREY).convert("LA"),
        lambda folder: Image.fromarray(GREY.astype(np.uint16) * 257),
        lambda folder: folder / "grey.png",
        lambda folder: str(folder / "grey.png"),
        lambda folder: [folder / "grey.png"],
    ],
    ids=[
        "array",
        "channel",
        "batch",
        "batch-channel",
        "list",
        "nested-lists",
        "tensor",
        "0..255",
        "0..1",
        "rgb-array",
        "bytes",
        "L",
        "P",
        "RGB",
        "LA",
        "I;16",
        "Path",
        "str",
        "list-of-paths",
    ],
)
def test_every_form_of_an_image_gets_the_same_prediction(image_run: zoo.Run, tmp_path: Path, make: Any) -> None:
    (tmp_path / "grey.png").write_bytes(png(Image.fromarray(GREY)))
    expected = image_run.predict(GREY[None, ..., None])
    found = image_run.predict(make(tmp_path))
    assert len(found) == 1
    assert found.labels == expected.labels
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=0.02)  # 1 grey level of 255 by rounding


@pytest.mark.parametrize("shape", [(30, 20), (30, 20, 1), (30, 20, 3), (30, 20, 4), (8, 8, 3)])
def test_an_array_of_any_size_is_one_image(image_run: zoo.Run, shape: tuple[int, ...]) -> None:
    assert len(image_run.predict(np.full(shape, 200, np.uint8))) == 1


def test_a_list_may_mix_sizes_and_forms_and_keeps_its_order(image_run: zoo.Run) -> None:
    data = zoo.load_data("digits")
    images = [*data.test.unbatch().take(300).as_numpy_iterator()]
    mixed = [Image.fromarray(np.uint8(image[..., 0] * 255)) if row % 2 else image for row, (image, _) in enumerate(images)]
    mixed.append(np.zeros((20, 30, 3), np.uint8))
    found = image_run.predict(mixed)
    assert len(found) == len(mixed) > 256  # more than one chunk
    expected = image_run.predict(np.stack([image for image, _ in images]))
    np.testing.assert_allclose(found.probabilities[:-1], expected.probabilities, atol=0.05)


def test_probabilities_are_the_softmax_of_the_models_logits(image_run: zoo.Run) -> None:
    logits = image_run.model(GREY[None, ..., None].astype(np.float32)).numpy().astype(np.float64)
    twin = np.exp(logits) / np.exp(logits).sum()
    found = image_run.predict(GREY)
    np.testing.assert_allclose(found.probabilities, twin, rtol=1e-5)
    assert found.labels == [int(twin.argmax())]
    assert found.values.shape == (1, 0)


@pytest.mark.parametrize(
    "raw",
    [None, 4, {"a": 1}, np.zeros(8), np.zeros((1, 1, 8, 8, 1)), np.array(["a.png"]), np.full((8, 8), np.nan), b"text", []],
    ids=["None", "int", "dict", "1-D", "5-D", "text-array", "nan", "bytes", "nothing"],
)
def test_input_that_is_not_an_image_is_rejected(image_run: zoo.Run, raw: Any) -> None:
    with pytest.raises(DataError, match="Received: "):
        image_run.predict(raw)


def test_missing_and_truncated_images_are_named(image_run: zoo.Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No such file.*nowhere\.png"):
        image_run.predict(tmp_path / "nowhere.png")
    path = tmp_path / "half.png"
    path.write_bytes(png(Image.effect_noise((60, 60), 90))[:900])
    with pytest.raises(DataError, match=r"half\.png"):
        image_run.predict(path)
    with Image.open(path) as lazy, pytest.raises(DataError, match=r"cannot be read as an image.*half\.png"):
        image_run.predict(lazy)


def test_every_form_of_a_table_gets_the_same_prediction(table_run: zoo.Run, table: pd.DataFrame) -> None:
    expected = table_run.predict(table)
    assert len(expected) == 60
    assert set(expected.labels) <= {"小", "large"}
    columns = {"width": table.width.tolist(), "colour": table.colour.tolist()}
    rows = table[["width", "colour"]]
    for raw in (columns, rows, rows.to_dict("records"), rows.to_numpy(), rows.to_numpy().tolist(), rows.iloc[:, ::-1]):
        np.testing.assert_allclose(table_run.predict(raw).probabilities, expected.probabilities, rtol=1e-6)
    one = table_run.predict({"width": 0.0, "colour": "blue"})
    np.testing.assert_allclose(one.probabilities, expected.probabilities[:1], rtol=1e-6)
    np.testing.assert_allclose(table_run.predict([0.0, "blue"]).probabilities, expected.probabilities[:1], rtol=1e-6)


def test_missing_cells_and_unseen_categories_are_predicted(table_run: zoo.Run) -> None:
    found = table_run.predict([{"width": None, "colour": "green"}, {"width": np.nan, "colour": None}])
    assert np.isfinite(found.probabilities).all()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([1.0], r"A row must have 2 columns: width, colour. Received: shape \(1, 1\)"),
        ("rows.csv", "A row must have 2 columns"),
        (None, "A row must have 2 columns"),
        ([[1.0, "blue"], [1.0]], "different lengths"),
        ({"width": [1, 2], "colour": ["blue"]}, "equally long"),
        ({"width": 1.0, "color": "blue"}, r"lacks column 'colour'.*Did you mean 'color'\?"),
        ({"width": "wide", "colour": "blue"}, "'width' must contain real numbers"),
        (pd.DataFrame({"width": [], "colour": []}), "nothing to predict"),
    ],
)
def test_input_that_is_not_a_row_is_rejected(table_run: zoo.Run, raw: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        table_run.predict(raw)


def test_regression_gives_values(value_run: zoo.Run) -> None:
    data = zoo.load_data("diabetes")
    rows = np.concatenate([features for features, _ in data.test])
    found = value_run.predict(pd.DataFrame(rows, columns=data.info.preprocessor.feature_names))
    np.testing.assert_allclose(found.values, value_run.model.predict(rows, verbose=0), rtol=1e-5)
    assert found.labels == []
    assert found.probabilities.shape == (len(rows), 0)


def ends_in(*layers: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), *layers])


def functional_softmax() -> keras.Model:
    image = keras.Input((8, 8, 1))
    return keras.Model(image, keras.ops.softmax(keras.layers.Dense(10)(keras.layers.Flatten()(image))))


class Subclass(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(10)

    def call(self, image: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(self.dense(self.flatten(image)))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: ends_in(keras.layers.Dense(10)), "logits"),
        (lambda: ends_in(keras.layers.Dense(10, activation="softmax")), "probabilities"),
        (lambda: ends_in(keras.layers.Dense(10), keras.layers.Softmax()), "probabilities"),
        (lambda: ends_in(keras.layers.Dense(10), keras.layers.Activation("softmax")), "probabilities"),
        (lambda: keras.Sequential([ends_in(keras.layers.Dense(10, activation="softmax"))]), "probabilities"),
        (functional_softmax, "probabilities"),
        (Subclass, "probabilities"),
    ],
    ids=["logits", "dense", "softmax", "activation", "nested", "functional", "subclass"],
)
def test_a_softmax_is_never_applied_twice(image_run: zoo.Run, make: Any, kind: str) -> None:
    model = make()
    assert output_kind(model, image_run.info) == kind
    found = Predictor(model, image_run.info).predict(GREY / 255.0).probabilities
    raw = np.asarray(model(GREY[None, ..., None].astype(np.float32) / 255.0), np.float64)
    twin = raw if kind == "probabilities" else np.exp(raw) / np.exp(raw).sum()
    np.testing.assert_allclose(found, twin, rtol=1e-4)
