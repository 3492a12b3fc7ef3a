"""Adam on the embedding rows in a batch."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from zoo.optimizers import LazyAdam


def model_with(optimizer: keras.optimizers.Optimizer, rows: int = 6) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,), dtype="int32"), keras.layers.Embedding(rows, 4), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def test_it_equals_adam_if_every_row_is_in_every_batch() -> None:
    ids, targets = np.array([[0, 1, 2], [3, 4, 5]]), np.ones((2, 2))  # Keras squares each gradient of a repeated row separately
    ours, theirs = model_with(LazyAdam(0.05)), model_with(keras.optimizers.Adam(0.05))
    for model in (ours, theirs):
        for _ in range(20):
            model.train_on_batch(ids, targets)
    for left, right in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


def test_rows_outside_the_batch_keep_their_values_and_moments() -> None:
    model = model_with(LazyAdam(0.05))
    model.train_on_batch(np.array([[0, 1, 2]]), np.ones((1, 2)))
    before, slots = model.get_weights()[0].copy(), [np.array(v.numpy()) for v in model.optimizer.variables]
    for _ in range(3):
        model.train_on_batch(np.array([[3, 4, 3]]), np.ones((1, 2)))
    after = model.get_weights()[0]
    np.testing.assert_array_equal(after[[0, 1, 2, 5]], before[[0, 1, 2, 5]])
    assert (after[[3, 4]] != before[[3, 4]]).all()
    for variable, slot in zip(model.optimizer.variables, slots, strict=True):
        if tuple(variable.shape) == (6, 4):
            np.testing.assert_array_equal(variable.numpy()[[0, 1, 2, 5]], slot[[0, 1, 2, 5]])


def test_one_step_of_one_row_by_hand() -> None:
    """Means 0.1 g and 0.001 g², corrected to g and g²: the step is the rate times the sign of the gradient."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(3, 2), keras.layers.Flatten()])
    model.compile(LazyAdam(0.25), "mse")
    before = model.get_weights()[0]
    model.train_on_batch(np.array([[1, 1]]), np.array([[9.0, -9.0, 9.0, -9.0]]))  # the row occurs twice
    np.testing.assert_allclose(model.get_weights()[0][1] - before[1], [0.25, -0.25], rtol=1e-4)


@pytest.mark.parametrize("options", [{"global_clipnorm": 0.1}, {"use_ema": True}, {"gradient_accumulation_steps": 2}])
def test_keras_options_work_with_it(options: dict[str, object]) -> None:
    model = model_with(LazyAdam(0.05, **options))
    losses = [model.train_on_batch(np.array([[0, 1, 2], [3, 4, 5]]), np.ones((2, 2))) for _ in range(30)]
    assert losses[-1] < 0.2 * losses[0]


def test_it_round_trips_through_its_configuration() -> None:
    again = keras.optimizers.deserialize(keras.optimizers.serialize(LazyAdam(0.5, beta_1=0.8)))
    assert type(again) is LazyAdam
    assert (again.beta_1, float(again.learning_rate)) == (0.8, 0.5)


def test_amsgrad_is_refused() -> None:
    with pytest.raises(ValueError, match="does not support amsgrad"):
        LazyAdam(amsgrad=True)
