"""An Adam whose cost per step depends on the embedding rows in the batch, not on the size of the table."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="zoo")
class LazyAdam(keras.optimizers.Adam):
    """Adam that updates only the embedding rows that occur in the batch.

    Keras' Adam updates the whole table in every step: in rows without a token in the batch, moments decay and weights
    keep changing. If the table is far larger than a batch, this takes most of a step's time, and a rare row keeps changing
    long after it occurred. Other weights train as with Adam. `amsgrad` is not supported.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Embedding(4, 2), keras.layers.Flatten()])
        >>> model.compile(LazyAdam(0.1), "mse")
        >>> before = model.get_weights()[0]
        >>> _ = model.train_on_batch(np.array([[2]]), np.array([[5.0, 5.0]]))
        >>> (model.get_weights()[0] != before).all(axis=1).tolist()
        [False, False, True, False]

    References:
        Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015.
    """

    def __init__(self, learning_rate: Any = 0.001, *, name: str = "lazy_adam", **kwargs: Any) -> None:
        if kwargs.get("amsgrad"):
            raise ValueError("LazyAdam does not support amsgrad. Received: amsgrad=True. Use keras.optimizers.Adam.")
        super().__init__(learning_rate, name=name, **kwargs)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable by its gradient; with a sparse gradient, only its rows."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        weights = variable.value if isinstance(variable, keras.Variable) else variable  # Keras may pass a tf.Variable
        mean, square = self._momentums[index].value, self._velocities[index].value
        rows, place = tf.unique(gradient.indices)
        of_rows = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))  # (rows, width)
        new_mean = self.beta_1 * tf.gather(mean, rows) + (1 - self.beta_1) * of_rows
        new_square = self.beta_2 * tf.gather(square, rows) + (1 - self.beta_2) * tf.square(of_rows)
        step = tf.cast(self.iterations + 1, tf.float32)
        correction = tf.sqrt(1 - tf.pow(self.beta_2, step)) / (1 - tf.pow(self.beta_1, step))
        change = tf.cast(learning_rate, tf.float32) * correction * new_mean / (tf.sqrt(new_square) + self.epsilon)
        mean.scatter_update(tf.IndexedSlices(new_mean, rows))
        square.scatter_update(tf.IndexedSlices(new_square, rows))
        weights.scatter_sub(tf.IndexedSlices(change, rows))
