"""Convolution over time against a NumPy twin."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from zoo.layers.masked_convolution import MaskedConv1D


def twin(inputs, mask, kernel, bias):
    """Return the sum of each window's products, in float64; masked and outside positions count as zero."""
    width = len(kernel)
    before = (width - 1) // 2  # "same": an even kernel extends one position further after than before
    seen = np.pad(inputs * mask[:, :, np.newaxis], ((0, 0), (before, width - 1 - before), (0, 0))).astype("float64")
    windows = np.stack([seen[:, start : start + inputs.shape[1]] for start in range(width)], axis=2)
    return np.einsum("btwc,wcf->btf", windows, kernel) + bias  # (batch, time, filters)


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 5, 9])
def test_convolution_with_a_mask_equals_the_numpy_twin(kernel_size):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(4, 7, 3)).astype("float32")
    mask = np.arange(7) < np.array([7, 4, 1, 0])[:, np.newaxis]
    layer = MaskedConv1D(2, kernel_size, bias_initializer="normal")
    output = layer(inputs, mask=mask)
    kernel, bias = layer.get_weights()
    assert np.allclose(output, twin(inputs, mask, kernel, bias), rtol=0, atol=1e-5)  # float32 sums of up to 27 products


def test_values_at_masked_positions_are_ignored_even_if_nan():
    inputs = np.ones((1, 4, 1), "float32")
    layer = MaskedConv1D(1, 3)
    mask = np.array([[True, True, False, False]])
    expected = layer(inputs, mask=mask).numpy()
    inputs[:, 2:] = np.nan
    assert np.array_equal(layer(inputs, mask=mask), expected)


def test_without_a_mask_it_is_the_convolution_of_keras():
    inputs = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    layer, stock = MaskedConv1D(4, 3), keras.layers.Conv1D(4, 3, padding="same")
    output = layer(inputs)
    stock.build(inputs.shape)
    stock.set_weights(layer.get_weights())
    assert np.allclose(output, stock(inputs), rtol=0, atol=1e-6)


def test_mask_is_propagated():
    embedded = keras.layers.Embedding(5, 2, mask_zero=True)(np.array([[3, 0]]))
    assert MaskedConv1D(2, 3)(embedded)._keras_mask.numpy().tolist() == [[True, False]]


def test_config_survives():
    layer = MaskedConv1D(2, 3, activation="relu", name="convolve")
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()
