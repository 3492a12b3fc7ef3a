"""The classification loss."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from zoo.labels import as_one_hot


@keras.saving.register_keras_serializable(package="zoo")
class ClassificationCrossentropy(keras.losses.Loss):
    """Cross-entropy on logits that takes integer or one-hot labels and gives the same number for both.

    Keras has one class for each form and is silent or obscure about the other; this one tells them apart by static shape.

    Args:
        label_smoothing: share of each label that is spread over all classes, in [0, 1) (Szegedy et al., CVPR 2016, section 7).
        name: of the loss.

    Input shape:
        labels: `(batch,)` or `(batch, 1)` integers in `[0, num_classes)`, or `(batch, num_classes)` rows of class
        probabilities that sum to 1. logits: `(batch, num_classes)`.

    Output shape:
        `(batch,)` float32 before the reduction, in nats.

    Raises:
        tf.errors.InvalidArgumentError: at run time, for a label out of range, fractional or NaN, or a row that does not
            sum to 1 (several labels a row are not supported). Inside XLA, which drops assertions, the loss is NaN instead.

    Example:
        >>> loss = ClassificationCrossentropy()
        >>> float(loss([1], [[0.0, 0.0]])) == float(loss([[0.0, 1.0]], [[0.0, 0.0]]))
        True
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "classification_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of each example, `(batch,)`."""
        logits = tf.cast(y_pred, tf.float32)
        labels = as_one_hot(y_true, logits.shape[-1])
        if self.label_smoothing:
            labels = labels * (1.0 - self.label_smoothing) + self.label_smoothing / logits.shape[-1]
        return tf.nn.softmax_cross_entropy_with_logits(labels, logits)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
