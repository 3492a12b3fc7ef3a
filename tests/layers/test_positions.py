"""Learned and sinusoidal positions."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from zoo.layers.positions import LearnedPositions, SinusoidalPositions


@pytest.mark.parametrize("channels", [2, 5, 64])
def test_waves_equal_the_formula_of_the_paper(channels):
    """The angles reach 500 radians, where adjacent float32 numbers are 3e-5 apart, which gives the tolerance."""
    waves = SinusoidalPositions()(np.zeros((1, 500, channels), "float32"))[0].numpy()
    for position in (0, 1, 7, 499):
        for channel in range(channels):
            angle = position / 10_000 ** (2 * (channel // 2) / channels)
            expected = math.cos(angle) if channel % 2 else math.sin(angle)
            assert waves[position, channel] == pytest.approx(expected, abs=5e-5)


def test_tokens_are_scaled_by_the_root_of_their_width_under_waves():
    inputs = np.random.default_rng(0).normal(size=(2, 3, 16)).astype("float32")
    difference = SinusoidalPositions()(inputs) - SinusoidalPositions()(np.zeros_like(inputs))
    assert np.allclose(difference, 4 * inputs, rtol=0, atol=1e-6)


def test_learned_positions_are_added_from_the_first_on():
    inputs = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    layer = LearnedPositions(5)
    output = layer(inputs)
    (table,) = layer.get_weights()
    assert table.shape == (5, 4)
    assert np.allclose(output, inputs + table[:3], rtol=0, atol=1e-7)


@pytest.mark.parametrize("layer", [LearnedPositions(5, name="positions"), SinusoidalPositions(name="positions")], ids=repr)
def test_mask_and_config_survive(layer):
    embedded = keras.layers.Embedding(5, 4, mask_zero=True)(np.array([[3, 0]]))
    assert layer(embedded)._keras_mask.numpy().tolist() == [[True, False]]
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()
    assert layer(keras.Input((None, 4))).shape == (None, None, 4)
