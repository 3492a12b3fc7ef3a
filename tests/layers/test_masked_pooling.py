"""Pooling over time against NumPy twins."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.masked_pooling import MaskedAveragePooling1D, MaskedMaxPooling1D, PoolOverTime

LENGTHS = (7, 4, 1, 0)


def rows(channels=3, time=7):
    inputs = np.random.default_rng(0).normal(size=(len(LENGTHS), time, channels)).astype("float32")
    return inputs, np.arange(time) < np.array(LENGTHS)[:, np.newaxis]


def twin(inputs, mask, pool_size, pooling):
    """Return the maximum or mean of each window's unmasked positions (0 if there are none), and which windows have any."""
    starts = range(0, inputs.shape[1], pool_size)
    output = np.zeros((len(inputs), len(starts), inputs.shape[2]))
    any_left = np.zeros(output.shape[:2], bool)
    for row, (values, is_there) in enumerate(zip(inputs, mask, strict=True)):
        for window, start in enumerate(starts):
            kept = values[start : start + pool_size][is_there[start : start + pool_size]]
            if len(kept):
                output[row, window], any_left[row, window] = getattr(kept, pooling)(axis=0), True
    return output, any_left


@pytest.mark.parametrize("pool_size", [1, 2, 3, 7, 10])
@pytest.mark.parametrize(("make", "pooling"), [(MaskedMaxPooling1D, "max"), (MaskedAveragePooling1D, "mean")])
def test_local_pooling_and_its_mask_equal_the_numpy_twin(make, pooling, pool_size):
    inputs, mask = rows()
    layer = make(pool_size)
    expected, expected_mask = twin(inputs, mask, pool_size, pooling)
    assert np.allclose(layer(inputs, mask=mask), expected, rtol=0, atol=1e-6)  # a mean of 7 float32 numbers
    without = np.ones_like(mask)
    assert np.allclose(layer(inputs), twin(inputs, without, pool_size, pooling)[0], rtol=0, atol=1e-6)
    assert np.array_equal(layer.compute_mask(inputs, tf.constant(mask)), expected_mask)
    assert layer.compute_output_shape(inputs.shape) == expected.shape


def test_local_pooling_finds_the_largest_of_negative_values():
    """Zeros from padding would be larger."""
    inputs = -np.ones((1, 3, 1), "float32")
    assert MaskedMaxPooling1D(2)(inputs).numpy().ravel().tolist() == [-1, -1]


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_pooling_over_time_equals_the_numpy_twin(pooling):
    inputs, mask = rows()
    output = PoolOverTime(pooling)(inputs, mask=mask)
    for row, length in enumerate(LENGTHS[:3]):
        expected = getattr(inputs[row, :length].astype("float64"), pooling)(axis=0)
        assert np.allclose(output[row], expected, rtol=0, atol=1e-6)  # a mean of 7 float32 numbers
    assert np.array_equal(output[3], np.zeros(3))  # no unmasked position


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_without_a_mask_everything_is_pooled(pooling):
    inputs, _ = rows()
    assert np.allclose(PoolOverTime(pooling)(inputs), getattr(inputs, pooling)(axis=1), rtol=0, atol=1e-6)


def test_mean_of_many_bfloat16_numbers_is_taken_in_float32():
    """In bfloat16 the sum would stop at 256, where adding 1 changes nothing any more."""
    output = PoolOverTime("mean", dtype="mixed_bfloat16")(tf.ones((1, 1000, 1), tf.bfloat16))
    assert output.dtype == tf.bfloat16
    assert float(output[0, 0]) == 1


@pytest.mark.parametrize("layer", [MaskedMaxPooling1D(3), PoolOverTime("max"), PoolOverTime("mean")], ids=lambda one: one.name)
@pytest.mark.parametrize("in_graph", [False, True])
def test_gradient_is_finite_and_none_reaches_what_is_masked(layer, in_graph):
    inputs, mask = rows()

    def gradient(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.square(layer(inputs, mask=tf.constant(mask))))
        return tape.gradient(loss, inputs)

    found = (tf.function(gradient) if in_graph else gradient)(tf.constant(inputs)).numpy()
    assert np.isfinite(found).all()
    assert not found[~mask].any()
    assert found[mask].any()


@pytest.mark.parametrize("layer", [MaskedMaxPooling1D(3, name="pool"), PoolOverTime("mean", name="pool")], ids=repr)
def test_config_and_symbolic_shape(layer):
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()
    assert layer(keras.Input((None, 5))).shape[-1] == 5
