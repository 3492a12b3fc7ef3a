"""LiteRT without Flex operations, ONNX and SavedModel equal the model, including recurrent and masked ones."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from zoo.artefacts.engines import LiteRTEngine, OnnxEngine
from zoo.artefacts.outputs import Outputs
from zoo.errors import ArtefactError
from zoo.exporting.litert import convert_to_litert
from zoo.exporting.onnx import convert_to_onnx
from zoo.exporting.signatures import Servable

ENGINES = {"litert": (convert_to_litert, lambda path: LiteRTEngine(path.read_bytes())), "onnx": (convert_to_onnx, OnnxEngine)}
VOCABULARY = 300
OF_ZOO = [
    ("lstm", {}),
    ("lstm", {"bidirectional": True, "num_layers": 2, "pooling": "last"}),
    ("gru", {"bidirectional": True, "pooling": "mean"}),
    ("rnn", {"bidirectional": True, "filters": 8, "pair_buckets": 50}),
    ("transformer", {"pair_buckets": 50, "pool_size": 2}),
    ("transformer", {"positions": "sinusoidal", "normalization": "post"}),
]


@pytest.fixture(scope="module")
def info() -> zoo.DataInfo:
    return zoo.load_data("reviews_sample", vocabulary_size=VOCABULARY).info


def batches() -> list[np.ndarray]:
    """Return padded ids: many lengths, padded before and after, empty, a single token, and a single long row."""
    generator = np.random.default_rng(0)
    rows = generator.integers(1, VOCABULARY, (6, 21), dtype=np.int32)
    for row, length in zip(rows, (21, 13, 5, 1, 0, 8), strict=True):
        row[length:] = 0
    rows[5] = np.roll(rows[5], 13)
    return [rows, rows[:1, :3], generator.integers(1, VOCABULARY, (1, 150), dtype=np.int32)]


def check_equal(model: keras.Model, info: zoo.DataInfo, name: str, folder: object) -> None:
    convert, engine_class = ENGINES[name]
    path = folder / name
    path.write_bytes(convert(Servable(model, info)))
    engine, live = engine_class(path), Outputs(model, info)
    for batch in batches():
        expected = live.of(batch)
        answers = engine.run(batch, engine.outputs)
        np.testing.assert_allclose(engine.of(batch), expected, atol=1e-5)
        np.testing.assert_array_equal(answers["probabilities"], engine.of(batch))
        named = [each.decode() if isinstance(each, bytes) else each for each in answers["labels"]]
        assert named == [info.labels[number] for number in expected.argmax(axis=1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("model", "arguments"), OF_ZOO, ids=lambda value: value if isinstance(value, str) else "-".join(value))
def test_text_models_of_zoo_equal_themselves(info, name, model, arguments, tmp_path):
    check_equal(zoo.build(model, vocabulary_size=VOCABULARY, **arguments), info, name, tmp_path)


def own(*layers: keras.layers.Layer, mask: bool = True) -> keras.Model:
    embed = keras.layers.Embedding(VOCABULARY, 8, mask_zero=mask)
    return keras.Sequential([keras.Input((None,), dtype="int32"), embed, *layers, keras.layers.Dense(2, activation="softmax")])


@pytest.mark.slow
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "make",
    [
        lambda: own(keras.layers.LSTM(6)),
        lambda: own(keras.layers.Bidirectional(keras.layers.GRU(6))),
        lambda: own(keras.layers.SimpleRNN(6, go_backwards=True)),
        lambda: own(keras.layers.RNN([keras.layers.LSTMCell(4), keras.layers.GRUCell(4)])),
        lambda: own(keras.layers.Bidirectional(keras.layers.LSTM(6)), mask=False),
    ],
    ids=["masked lstm", "masked bidirectional gru", "backwards", "cells", "bidirectional lstm"],
)
def test_own_recurrent_models_equal_themselves(info, name, make, tmp_path):
    check_equal(make(), info, name, tmp_path)


@keras.saving.register_keras_serializable(package="tests")
class InverseError(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.erfinv(inputs)


@pytest.mark.parametrize("name", ENGINES)
def test_unsupported_operations_are_reported(name):
    data = zoo.load_data("iris")
    model = keras.Sequential([keras.Input((4,)), InverseError(), keras.layers.Dense(3)])
    with pytest.raises(ArtefactError, match=r"cannot be converted to .*Export it as saved_model"):
        ENGINES[name][0](Servable(model, data.info))
