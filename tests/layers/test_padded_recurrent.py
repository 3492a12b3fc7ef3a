"""Recurrent layers over padded rows against NumPy twins of their cells."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.padded_recurrent import PaddedRecurrent

LENGTHS = (6, 3, 1)
KINDS = [keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def simple_step(x, state, kernel, recurrent, bias):
    state = np.tanh(x @ kernel + state @ recurrent + bias)
    return state, state


def lstm_step(x, state, kernel, recurrent, bias):
    hidden, memory = state if isinstance(state, tuple) else (state, state)
    enter, forget, candidate, leave = np.split(x @ kernel + hidden @ recurrent + bias, 4)
    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(candidate)
    hidden = sigmoid(leave) * np.tanh(memory)
    return hidden, (hidden, memory)


def gru_step(x, state, kernel, recurrent, bias):
    update, reset, candidate = np.split(x @ kernel + bias[0], 3)
    update_state, reset_state, candidate_state = np.split(state @ recurrent + bias[1], 3)
    update, reset = sigmoid(update + update_state), sigmoid(reset + reset_state)
    state = update * state + (1 - update) * np.tanh(candidate + reset * candidate_state)
    return state, state


STEPS = dict(zip(KINDS, (simple_step, gru_step, lstm_step), strict=True))


def twin(kind, tokens, weights):
    """Return the output at each of one row's tokens, in float64."""
    kernel, recurrent, bias = (weight.astype("float64") for weight in weights)
    state, outputs = np.zeros(len(recurrent)), []
    for x in tokens.astype("float64"):
        output, state = STEPS[kind](x, state, kernel, recurrent, bias)
        outputs.append(output)
    return np.array(outputs)  # (tokens, units)


def rows(time=6):
    inputs = np.random.default_rng(0).normal(size=(len(LENGTHS), time, 3)).astype("float32")
    return inputs, np.arange(time) < np.array(LENGTHS)[:, np.newaxis]


def layer_of(kind, **arguments):
    keras.utils.set_random_seed(0)
    inner = kind(4, return_sequences=True, bias_initializer="normal", name="inner")
    return PaddedRecurrent(inner, **arguments)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_outputs_at_tokens_equal_the_numpy_twin(kind, bidirectional):
    inputs, mask = rows()
    layer = layer_of(kind, bidirectional=bidirectional)
    output = layer(inputs, mask=mask)
    weights = layer.get_weights()
    assert output.shape == (3, 6, 8 if bidirectional else 4)
    for row, length in enumerate(LENGTHS):
        tokens = inputs[row, :length]
        expected = twin(kind, tokens, weights[:3])
        if bidirectional:
            backward = twin(kind, tokens[::-1], weights[3:])[::-1]
            expected = np.concatenate([expected, backward], axis=1)
        assert np.allclose(output[row, :length], expected, rtol=0, atol=1e-5)  # float32 through 6 steps


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_output_of_each_direction_follows_its_last_token(kind):
    inputs, mask = rows()
    layer = layer_of(kind, bidirectional=True, return_sequences=False)
    output = layer(inputs, mask=mask)
    weights = layer.get_weights()
    for row, length in enumerate(LENGTHS):
        tokens = inputs[row, :length]
        ends = [twin(kind, tokens, weights[:3])[-1], twin(kind, tokens[::-1], weights[3:])[-1]]
        assert np.allclose(output[row], np.concatenate(ends), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("return_sequences", [False, True])
def test_both_directions_equal_those_of_keras(kind, return_sequences):
    inputs, mask = rows()
    layer = layer_of(kind, bidirectional=True, return_sequences=return_sequences)
    stock = keras.layers.Bidirectional(kind(4, return_sequences=return_sequences))
    output, _ = layer(inputs, mask=mask), stock(inputs)
    stock.set_weights(layer.get_weights())
    expected = stock(inputs, mask=tf.constant(mask)).numpy()
    if return_sequences:
        output, expected = output * mask[:, :, np.newaxis], expected * mask[:, :, np.newaxis]
    assert np.allclose(output, expected, rtol=0, atol=1e-6)


def test_the_wrapped_layer_never_sees_the_mask():
    """A mask in the loop would cost a tenth of the speed."""
    seen = []

    class Spy(keras.layers.LSTM):
        def inner_loop(self, sequences, initial_state, mask, training=False):
            seen.append(mask)
            return super().inner_loop(sequences, initial_state, mask, training)

    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(5, 3, mask_zero=True),
            PaddedRecurrent(Spy(2, return_sequences=True), bidirectional=True),
            PaddedRecurrent(Spy(2, return_sequences=True), return_sequences=False),
        ]
    )
    model(np.array([[3, 0]]))
    assert seen == [None, None, None]


def test_mask_is_propagated_while_there_is_a_time_axis():
    embedded = keras.layers.Embedding(5, 2, mask_zero=True)(np.array([[3, 0]]))
    assert layer_of(keras.layers.GRU)(embedded)._keras_mask.numpy().tolist() == [[True, False]]
    ended = layer_of(keras.layers.GRU, return_sequences=False)(embedded)
    assert getattr(ended, "_keras_mask", None) is None


def test_two_directions_start_with_different_weights():
    layer = layer_of(keras.layers.LSTM, bidirectional=True)
    layer.build((None, None, 3))
    assert not np.array_equal(layer.layer.get_weights()[0], layer.backward_layer.get_weights()[0])


@pytest.mark.parametrize("return_sequences", [False, True])
def test_config_and_symbolic_shape(return_sequences):
    layer = layer_of(keras.layers.LSTM, bidirectional=True, return_sequences=return_sequences)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    assert layer(keras.Input((None, 3))).shape == ((None, None, 8) if return_sequences else (None, 8))
