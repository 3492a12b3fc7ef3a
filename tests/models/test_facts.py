"""The stored facts equal the measurements of `make facts`, and parameters counted by hand."""

from __future__ import annotations

import pytest
from make_facts import measure

from zoo import registry


def rnn(inputs, units):
    """Weights from inputs and from the state, biases."""
    return inputs * units + units * units + units


def gru(inputs, units):
    """Three times as many: two gates and the candidate, each with two biases, one of them inside the reset gate."""
    return 3 * (inputs * units + units * units + 2 * units)


def lstm(inputs, units):
    """Four times as many: three gates and the candidate."""
    return 4 * rnn(inputs, units)


# weights, then biases, of each layer; a batch normalisation has 4 numbers a channel, a layer normalisation 2
HAND_COUNTED = {
    "linear": 10 * 1 + 1,
    "linear/tiny": 2 * 1 + 1,
    "mlp": (10 * 64 + 64) + (64 * 64 + 64) + (64 * 1 + 1),
    "mlp/tiny": (2 * 3 + 3) + (3 * 1 + 1),
    "mlp/large": (10 * 256 + 256) + (256 * 256 + 256) + (256 * 1 + 1),
    # 28 x 28 padded, pooled to 14, 5 x 5 to 10, pooled to 5: 5 * 5 * 16 = 400 inputs of the dense layers
    "lenet": (5 * 5 * 1 * 6 + 6) + (5 * 5 * 6 * 16 + 16) + (400 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10),
    # 12 padded, pooled to 6; under 10 only the image's own side counts: 6 - 4 = 2, pooled to 1: 4 inputs
    "lenet/tiny": (25 * 1 * 2 + 2) + (25 * 2 * 4 + 4) + (4 * 6 + 6) + (6 * 3 + 3),
    # 28 to 24, pooled to 12, to 8, pooled to 4: 4 * 4 * 64 = 1024 inputs
    "cnn": (5 * 5 * 1 * 32 + 32) + (5 * 5 * 32 * 64 + 64) + (1024 * 128 + 128) + (128 * 10 + 10),
    "cnn/wide": (5 * 5 * 1 * 32 + 32) + (5 * 5 * 32 * 64 + 64) + (4 * 4 * 64 * 256 + 256) + (256 * 10 + 10),
    # 28 by steps of 2 to 12; 12 to 10, pooled to 5, where 3 is just three fifths, to 3: 3 * 3 * 64 = 576 inputs of the logits
    "cnn/fast": (25 * 16 + 16) + (9 * 16 * 32 + 4 * 32) + (9 * 32 * 64 + 4 * 64) + (576 * 10 + 10),
    "cnn/accurate": (25 * 32 + 32) + (9 * 32 * 64 + 4 * 64) + (9 * 64 * 128 + 4 * 128) + (1152 * 10 + 10),
    # 8 to 6, pooled to 3; 3 is more than three fifths of it, so padded: 3, pooled to 2: 2 * 2 * 4 = 16 inputs
    "cnn/tiny": (9 * 1 * 2 + 2) + (9 * 2 * 4 + 4) + (16 * 8 + 8) + (8 * 3 + 3),
    "resnet": (
        (9 * 1 * 16 + 4 * 16)
        + 2 * (9 * 16 * 16 + 4 * 16)
        + (9 * 16 * 32 + 4 * 32) + (9 * 32 * 32 + 4 * 32) + (16 * 32 + 4 * 32)
        + (9 * 32 * 64 + 4 * 64) + (9 * 64 * 64 + 4 * 64) + (32 * 64 + 4 * 64)
        + (64 * 10 + 10)
    ),
    "resnet/20": (
        (9 * 3 * 16 + 4 * 16)
        + 6 * (9 * 16 * 16 + 4 * 16)
        + (9 * 16 * 32 + 4 * 32) + 5 * (9 * 32 * 32 + 4 * 32) + (16 * 32 + 4 * 32)
        + (9 * 32 * 64 + 4 * 64) + 5 * (9 * 64 * 64 + 4 * 64) + (32 * 64 + 4 * 64)
        + (64 * 10 + 10)
    ),
    "resnet/tiny": (
        (9 * 1 * 4 + 4 * 4)
        + 2 * (9 * 4 * 4 + 4 * 4)
        + (9 * 4 * 8 + 4 * 8) + (9 * 8 * 8 + 4 * 8) + (4 * 8 + 4 * 8)
        + (8 * 3 + 3)
    ),
    "rnn": 20_000 * 64 + rnn(64, 64) + (64 * 2 + 2),
    "rnn/bidirectional": 20_000 * 64 + 2 * rnn(64, 64) + (128 * 2 + 2),
    "rnn/conv": 20_000 * 64 + (5 * 64 * 64 + 64) + rnn(64, 64) + (64 * 2 + 2),
    "rnn/tiny": 20 * 8 + rnn(8, 8) + (8 * 3 + 3),
    "gru": 20_000 * 64 + gru(64, 64) + (64 * 2 + 2),
    "gru/bidirectional": 20_000 * 64 + 2 * gru(64, 64) + (128 * 2 + 2),
    "gru/conv": 20_000 * 64 + (5 * 64 * 64 + 64) + gru(64, 64) + (64 * 2 + 2),
    "gru/tiny": 20 * 8 + gru(8, 8) + (8 * 3 + 3),
    "lstm": 20_000 * 64 + lstm(64, 64) + (64 * 2 + 2),
    "lstm/bidirectional": 20_000 * 64 + 2 * lstm(64, 64) + (128 * 2 + 2),
    "lstm/conv": 20_000 * 64 + (5 * 64 * 64 + 64) + lstm(64, 64) + (64 * 2 + 2),
    "lstm/tiny": 20 * 8 + lstm(8, 8) + (8 * 3 + 3),
    # tokens and positions; query, key, value and output without biases, two dense layers, two normalisations; one more; logits
    "transformer": (
        (20_000 + 512) * 64
        + (4 * 64 * 64 + (64 * 128 + 128) + (128 * 64 + 64) + 2 * 2 * 64)
        + 2 * 64 + (64 * 2 + 2)
    ),
    "transformer/base": (
        (20_000 + 512) * 128
        + 2 * (4 * 128 * 128 + (128 * 512 + 512) + (512 * 128 + 128) + 2 * 2 * 128)
        + 2 * 128 + (128 * 2 + 2)
    ),
    "transformer/tiny": (20 + 100) * 8 + (4 * 8 * 8 + (8 * 16 + 16) + (16 * 8 + 8) + 2 * 2 * 8) + 2 * 8 + (8 * 3 + 3),
}  # fmt: skip


def test_the_classic_counts():
    assert HAND_COUNTED["lenet"] == 61_706
    assert HAND_COUNTED["cnn"] == 184_586


def test_every_model_is_counted_by_hand_and_has_facts():
    assert list(HAND_COUNTED.keys() ^ set(registry.list_models())) == []
    assert list(registry.facts()) == registry.list_models()


RECURRENT = [f"{cell}/{kind}" for cell in ("rnn", "gru", "lstm") for kind in ("bidirectional", "conv")]
SLOW = ("resnet/20", "transformer/base", *RECURRENT)  # takes 10 s for all models


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in HAND_COUNTED]
)
def test_facts_equal_measurements_and_counts_by_hand(name):
    facts = registry.facts()[name]
    assert facts == measure(name)
    assert facts["parameters"] == HAND_COUNTED[name]


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("linear", 2 * 10 * 1 + 1),  # a multiplication and an addition for each weight, an addition for each bias
        ("mlp/tiny", (2 * 2 * 3 + 3) + (2 * 3 * 1 + 1)),  # the profiler counts no ReLU
    ],
)
def test_operations_are_multiplications_and_additions(name, operations):
    assert registry.facts()[name]["operations"] == operations


@pytest.mark.parametrize(("name", "layer"), [("rnn", rnn), ("gru", gru), ("lstm", lstm)])
def test_operations_of_a_recurrent_model_are_those_of_all_200_steps(name, layer):
    """A multiplication and an addition for each weight and step; gates, pooling and logits add little."""
    assert registry.facts()[name]["operations"] == pytest.approx(200 * 2 * layer(64, 64), rel=0.02)
