"""The contract of kinds of input, tested for all registered ones."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import zoo
from zoo.artefacts.predictor import Predictor
from zoo.errors import UsageError
from zoo.exporting.examples import choose_examples
from zoo.inputs import INPUTS, find_input

CATEGORIES = ["red", "蓝", "a b"]
TABLE = pd.DataFrame(
    {
        "width (cm)": np.float32([1.5, np.nan, -3e9, 0, 7, 8]),
        "colour": ["red", "蓝", "a b", None, "red", "red"],
        "label": [0, 1] * 3,
    }
)
SAMPLES = {
    "image": ["mnist_sample"],
    "text": ["reviews_sample", "raw texts"],
    "table": ["iris", pd.concat([TABLE] * 9)],
}
REAL = [("text", "sst2"), ("text", "chnsenticorp")]
MODELS = {"image": "linear", "text": "transformer/tiny", "table": "linear"}
ANY_RAW = {
    "image": arrays(np.uint8, (3, 28, 28, 1)),
    "text": st.lists(st.text(max_size=40), min_size=1, max_size=4),
    "table": st.lists(
        st.tuples(
            st.floats(-(2.0**49), 2.0**49, width=32, allow_subnormal=False) | st.just(np.nan),
            st.sampled_from([*CATEGORIES, "new", ""]),
        ),
        min_size=1,
        max_size=4,
    ).map(lambda rows: pd.DataFrame(rows, columns=["width (cm)", "colour"])),
}
_loaded = {}


def loaded(data):
    """Return Splits of a sample, read once."""
    key = data if isinstance(data, str) else "table"
    if key not in _loaded:
        raw = {"data": "reviews_sample", "raw": True} if key == "raw texts" else {"data": data}
        _loaded[key] = zoo.load_data(**raw, batch_size=16)
    return _loaded[key]


def check_twin(preprocessor, raw):
    """Compare the features from Python and from the graph for at most 64 raw examples."""
    twin = preprocessor.twin(np.uint8)
    order, batches = preprocessor.batches(raw, dtype=np.dtype(np.uint8))
    (features,) = batches
    features = features if order is None else features[np.argsort(order)]
    requests = [*preprocessor.requests(raw, twin.raw)] or [(name, [{name: raw}]) for name in twin.raw]
    assert {name for name, _ in requests} == {*twin.raw}
    for name, (request,) in requests:
        spec, encode = twin.raw[name]
        tensors = {key: tf.constant(value) for key, value in request.items()}
        found = encode(tensors if isinstance(spec, dict) else next(iter(tensors.values())))
        assert found.dtype == twin.spec.dtype
        np.testing.assert_array_equal(found, features)


def test_every_kind_has_a_sample():
    assert set(SAMPLES) == set(MODELS) == set(ANY_RAW) == set(INPUTS)


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind, every in SAMPLES.items() for data in every], ids=str)
class TestKind:
    """The contract, on embedded data."""

    def test_the_twin_gives_equal_features_for_real_examples(self, kind, data):
        splits = loaded(data)
        assert splits.info.kind is find_input(kind)
        check_twin(splits.info.preprocessor, choose_examples(splits, 50))

    def test_preprocessor_survives_json(self, kind, data):
        info = loaded(data).info
        again = zoo.DataInfo.from_dict(json.loads(json.dumps(info.to_dict())))
        assert again.is_read_like(info)
        assert again.preprocessor.to_dict() == info.preprocessor.to_dict()
        assert again.fingerprint == info.fingerprint

    def test_an_example_batch_fits_a_model(self, kind, data):
        splits = loaded(data)
        preprocessor = splits.info.preprocessor
        for longest in (False, True):
            batch = tf.convert_to_tensor(preprocessor.example_batch(5, longest=longest))
            assert preprocessor.spec().is_compatible_with(batch)
            assert len(batch) == 5
        for part in splits.parts:
            features, _ = next(iter(getattr(splits, part)))
            assert preprocessor.spec().shape.is_compatible_with(features.shape)
        assert splits.info.input_shape == tuple(preprocessor.spec().shape[1:])

    def test_examples_of_a_part_keep_its_order(self, kind, data):
        splits = loaded(data)
        every = [*splits.examples("test")]
        assert len(every) == splits.info.num_examples["test"]
        for position, example in zip((1, 3), splits.examples("test", np.array([1, 3])), strict=True):
            np.testing.assert_array_equal(example, every[position])

    def test_command_line_inputs_are_examples_or_rejected(self, kind, data):
        count, refused = 0, ""
        try:
            _, chunks = loaded(data).info.preprocessor.read_inputs(["nowhere.png"])
            count = sum(len(names) + len(broken) for names, _, broken in chunks)
        except UsageError as error:
            refused = str(error)
        assert count == 1 or f"takes {kind}s" in refused


@pytest.mark.parametrize("kind", SAMPLES)
def test_one_example_is_predicted_as_in_a_batch(kind):
    splits = loaded(SAMPLES[kind][0])
    predictor = Predictor(zoo.build(MODELS[kind], data=splits), splits.info)
    raw = choose_examples(splits, 20)
    together = predictor.predict(raw).numbers
    for row in (0, 7, len(raw) - 1):
        alone = predictor.predict(splits.info.preprocessor.one(raw, row)).numbers
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_twin_gives_equal_features_for_generated_examples(kind):
    preprocessor = loaded(SAMPLES[kind][0] if kind != "table" else SAMPLES[kind][1]).info.preprocessor

    @settings(max_examples=20, deadline=None)
    @given(ANY_RAW[kind])
    def check(raw):
        check_twin(preprocessor, raw)

    check()


@pytest.mark.shared
@pytest.mark.parametrize(("kind", "data"), REAL)
def test_the_twin_gives_equal_features_for_shared_data(kind, data, shared, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(shared / "data" / "text"))
    splits = zoo.load_data(data)
    assert splits.info.kind is find_input(kind)
    check_twin(splits.info.preprocessor, choose_examples(splits, 50))
