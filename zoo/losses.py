"""Losses that weight all examples equally, even if a batch is divided unevenly over devices."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from zoo.labels import as_one_hot

MEANS = ("mean", "sum_over_batch_size")


@keras.saving.register_keras_serializable(package="zoo")
class ClassificationCrossentropy(keras.losses.Loss):
    """Cross-entropy on logits, with equal results for integer and one-hot labels.

    Keras has one class per form, without a clear error for the other form; this class distinguishes the forms by static shape.

    Args:
        label_smoothing: fraction of each label to spread over all classes, in [0, 1) (Szegedy et al., CVPR 2016, section 7);
            default 0.0.
        name: name of the loss; default "classification_crossentropy".

    Input shape:
        labels: `(batch,)` or `(batch, 1)` integers in `[0, num_classes)`, or `(batch, num_classes)` rows of class
        probabilities that sum to 1. logits: `(batch, num_classes)`.

    Output shape:
        `(batch,)` float32 before the reduction, in nats.

    Raises:
        tf.errors.InvalidArgumentError: at run time, for a label out of range, fractional or NaN, or a row that does not
            sum to 1 (several labels per row are not supported). Inside XLA, which drops assertions, the loss is NaN instead.

    Example:
        >>> loss = ClassificationCrossentropy()
        >>> float(loss([1], [[0.0, 0.0]])) == float(loss([[0.0, 1.0]], [[0.0, 0.0]]))
        True
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "classification_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tf.Tensor:
        """Return the mean loss of a batch or of a replica's share of it."""
        return weighted_by_share(super().__call__(y_true, y_pred, sample_weight), y_pred, self.reduction)

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


@keras.saving.register_keras_serializable(package="zoo")
class MeanSquaredError(keras.losses.MeanSquaredError):
    """Keras' mean squared error, with the gradient of a single device even if a batch is divided unevenly over several."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tf.Tensor:
        """Return the mean loss of a batch or of a replica's share of it."""
        return weighted_by_share(super().__call__(y_true, y_pred, sample_weight), y_pred, self.reduction)


def weighted_by_share(loss: tf.Tensor, y_pred: Any, reduction: str | None) -> tf.Tensor:
    """Return a replica's mean loss with its gradient weighted by the replica's share of the batch.

    Keras averages the replicas' means: in a last batch of 9, divided into 5 and 4, an example in the smaller share counts 5/4
    times. Here, the gradient is that of the mean over all examples. The value does not change, since Keras' loss tracker
    weights it correctly. Outside a strategy, and for equal shares, this function has no effect.

    Args:
        loss: mean loss of the replica, a scalar.
        y_pred: predictions of the replica, `(examples of the replica, ...)`.
        reduction: reduction of the loss; only means are changed.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1 or reduction not in MEANS:
        return loss
    own = tf.cast(tf.shape(y_pred)[0], tf.float32)
    examples = context.all_reduce(tf.distribute.ReduceOp.SUM, own)
    share = tf.math.divide_no_nan(own * context.num_replicas_in_sync, examples)
    return loss + tf.cast(share - 1.0, loss.dtype) * (loss - tf.stop_gradient(loss))
