"""The multilayer perceptron on noise: each training step equals a NumPy twin."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo

ROWS, INPUTS, HIDDEN, OUTPUTS = 1000, 10, 20, 10


def noise(seed):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(ROWS, INPUTS)).astype("float32"), generator.normal(size=(ROWS, OUTPUTS)).astype("float32")


def perceptron(seed, activation="relu"):
    keras.utils.set_random_seed(seed)
    return zoo.build(
        "mlp", input_shape=(INPUTS,), units=(HIDDEN,), num_outputs=OUTPUTS, activation=activation, learning_rate=1e-3
    )


def adam_twin(weights, x, y, steps, rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Train `relu(x A + a) B + b` on the mean squared error, in float64; return the losses and the weights."""
    weights = [weight.astype("float64") for weight in weights]
    first, second = ([np.zeros_like(weight) for weight in weights] for _ in range(2))
    losses = []
    for step in range(1, steps + 1):
        kernel, bias, kernel_out, bias_out = weights
        before = x @ kernel + bias  # (rows, hidden)
        hidden = np.maximum(before, 0)
        error = hidden @ kernel_out + bias_out - y  # (rows, outputs)
        losses.append(np.mean(error**2))
        delta_out = 2 * error / error.size
        delta = (delta_out @ kernel_out.T) * (before > 0)
        gradients = [x.T @ delta, delta.sum(axis=0), hidden.T @ delta_out, delta_out.sum(axis=0)]
        for index, gradient in enumerate(gradients):
            first[index] = beta_1 * first[index] + (1 - beta_1) * gradient
            second[index] = beta_2 * second[index] + (1 - beta_2) * gradient**2
            scale = rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
            weights[index] = weights[index] - scale * first[index] / (np.sqrt(second[index]) + epsilon)
    return losses, weights


def test_network_has_430_parameters():
    assert perceptron(0).count_params() == (10 * 20 + 20) + (20 * 10 + 10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_first_twenty_adam_steps_equal_the_numpy_twin(seed):
    x, y = noise(seed)
    model = perceptron(seed)
    losses, weights = adam_twin(model.get_weights(), x.astype("float64"), y.astype("float64"), steps=20)
    history = model.fit(x, y, batch_size=ROWS, epochs=20, shuffle=False, verbose=0).history
    assert history["loss"] == pytest.approx(losses, abs=1e-5)
    for ours, theirs in zip(model.get_weights(), weights, strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-5)  # float32 compared with float64


@pytest.mark.slow
def test_a_thousand_steps_leave_94_to_97_percent_of_the_noise():
    """430 weights can memorise a fraction of 10,000 random targets; least squares would leave 98.9 %."""
    errors, shares = [], []
    for seed in range(3):
        x, y = noise(seed)
        model = perceptron(seed)
        model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(1000), verbose=0)  # 1,000 full-batch steps
        errors.append(model.evaluate(x, y, verbose=0)[0])
        shares.append(errors[-1] / np.mean(y**2))
    assert 0.94 < np.mean(errors) < 0.97  # measured 0.951, 0.937, 0.949
    assert all(0.94 < share < 0.97 for share in shares)  # measured 0.963, 0.956, 0.965
