"""Metrics for both integer and one-hot labels, and an R2 that accepts `(batch,)` targets."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from zoo.labels import as_one_hot


@keras.saving.register_keras_serializable(package="zoo")
class Accuracy(keras.metrics.Mean):
    """Fraction of examples whose label has the largest logit, in [0, 1].

    Keras resolves "accuracy" once, from the first labels, and is then silently wrong for the other form.

    Input shape:
        labels: `(batch,)` or `(batch, 1)` integers, or `(batch, num_classes)` one-hot rows. logits: `(batch, num_classes)`.
    """

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add one batch to the counts."""
        y_pred = tf.convert_to_tensor(y_pred)
        labels = tf.argmax(as_one_hot(y_true, y_pred.shape[-1]), axis=-1)
        hits = tf.cast(tf.equal(labels, tf.argmax(y_pred, axis=-1)), tf.float32)  # `==` would lose the rank
        super().update_state(hits, sample_weight=sample_weight)


@keras.saving.register_keras_serializable(package="zoo")
class MacroF1(keras.metrics.Metric):
    """Mean F1 over classes, in [0, 1]; as in scikit-learn, it ignores a class that is neither labelled nor predicted.

    Args:
        num_classes: number of logits, at least 2.

    Input shape:
        labels: `(batch,)` or `(batch, 1)` integers, or `(batch, num_classes)` one-hot rows. logits: `(batch, num_classes)`.
    """

    def __init__(self, num_classes: int, name: str = "macro_f1", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        shape = (num_classes,)
        self.hits = self.add_weight(name="hits", shape=shape, initializer="zeros")
        self.labelled = self.add_weight(name="labelled", shape=shape, initializer="zeros")
        self.predicted = self.add_weight(name="predicted", shape=shape, initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add one batch to the counts."""
        labels = tf.one_hot(tf.argmax(as_one_hot(y_true, self.num_classes), axis=-1), self.num_classes)
        predictions = tf.one_hot(tf.argmax(y_pred, axis=-1), self.num_classes)  # (batch, num_classes)
        weights = tf.ones((1, 1)) if sample_weight is None else tf.reshape(tf.cast(sample_weight, tf.float32), (-1, 1))
        self.hits.assign_add(tf.reduce_sum(labels * predictions * weights, axis=0))
        self.labelled.assign_add(tf.reduce_sum(labels * weights, axis=0))
        self.predicted.assign_add(tf.reduce_sum(predictions * weights, axis=0))

    def result(self) -> tf.Tensor:
        """Return the score, a float32 scalar."""
        support = tf.convert_to_tensor(self.labelled) + tf.convert_to_tensor(self.predicted)
        f1 = tf.math.divide_no_nan(2.0 * tf.convert_to_tensor(self.hits), support)
        present = tf.reduce_sum(tf.cast(support > 0, tf.float32))
        return tf.math.divide_no_nan(tf.reduce_sum(f1), present)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="zoo")
class R2(keras.metrics.R2Score):
    """Keras' coefficient of determination, named `r2`, which also accepts `(batch,)` targets for one output.

    It sums in float64. Keras subtracts two large sums, and in float32 this turns an R2 of 0.75 into 0.99 for targets with a
    mean of 10,000 and a standard deviation of 1.
    """

    def __init__(self, name: str = "r2", dtype: str = "float64", **kwargs: Any) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)

    def add_variable(self, shape: Any, initializer: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """Return a variable with the metric's own dtype; Keras uses float32."""
        return super().add_variable(shape, initializer, dtype=dtype or self.dtype, **kwargs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add one batch to the counts."""
        y_pred = tf.convert_to_tensor(y_pred)
        y_true = tf.cast(y_true, self.dtype)
        if y_true.shape.rank != 2:  # or unknown, if a function has received targets of both ranks
            y_true = tf.ensure_shape(tf.reshape(y_true, tf.shape(y_pred)), y_pred.shape)  # (batch, outputs)
        super().update_state(y_true, y_pred, sample_weight=sample_weight)
