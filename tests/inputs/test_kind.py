"""The defaults of a kind of input: features are float32 arrays of one shape."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.errors import DataError, UsageError
from zoo.inputs import INPUTS, InputKind, Preprocessor
from zoo.settings import DataArguments


class Signals(InputKind):
    name = "signal"

    def load(self, plain, shape):
        return SignalPreprocessor()


class SignalPreprocessor(Preprocessor):
    kind_name = "signal"
    input_shape = (3, 1)


@pytest.fixture
def preprocessor(monkeypatch):
    monkeypatch.setitem(INPUTS.entries, "signal", Signals())
    return INPUTS["signal"].fit(None, np.arange(2), (3, 1), DataArguments())


@pytest.mark.parametrize(("raw", "rows"), [([[1], [2], [3]], [1]), (np.zeros((300, 3, 1)), [256, 44])])
def test_one_example_or_many_become_batches(preprocessor, raw, rows):
    order, batches = preprocessor.batches(raw)
    found = list(batches)
    assert (order, [len(batch) for batch in found]) == (None, rows)
    assert {batch.dtype.name for batch in found} == {"float32"}
    np.testing.assert_array_equal(np.concatenate(found), np.reshape(raw, (-1, 3, 1)))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ([1, 2, 3], r"The shape of one signal is \(3, 1\). Received: shape \(3,\). Pass one signal, or an array of many."),
        ("low", "Signals must be numbers: could not convert .*Received: 'low'"),
    ],
)
def test_other_input_is_rejected(preprocessor, raw, said):
    with pytest.raises(DataError, match=said):
        preprocessor.batches(raw)


def test_an_export_takes_the_features_under_the_name_of_the_kind(preprocessor):
    twin = preprocessor.twin(np.float32)
    assert (twin.spec.name, twin.spec.shape.as_list(), dict(twin.raw)) == ("signal", [None, 3, 1], {})
    assert twin.requests["serving_default"]["signal"].shape == (1, 3, 1)


def test_examples_on_the_command_line_are_rejected_with_a_hint(preprocessor):
    with pytest.raises(UsageError, match=r"Received: 1\. Use --data FILE --out predictions\.csv\."):
        preprocessor.read_inputs(["1"])
