"""The convolutional network of the MNIST examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.arguments import Activation, Classes, Count, Penalty, Rate, Shape, Widths, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


@register_model(
    tasks=("image_classification",),
    variants={
        "tiny": {"input_shape": (8, 8, 1), "num_classes": 3, "filters": (2, 4), "kernel_size": 3, "units": 8},
        "wide": {"filters": (32, 64), "units": 256},
    },
    tags=("image", "sequential", "convolution"),
)
def cnn(
    *,
    input_shape: Shape = (28, 28, 1),
    num_classes: Classes = 10,
    filters: Widths = (10, 20),
    kernel_size: Count = 5,
    units: Count = 500,
    activation: Activation = "relu",
    dropout: Rate = 0.5,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """Convolutions with max pooling, one dense layer and the logits: 5x5x10, 5x5x20, 500, classes.

    Convolutions are not padded as long as the image is at least twice as wide as their kernel; smaller images are
    padded, so that any size passes.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: number of classes, at least 2.
        filters: channels of each convolution; each is followed by pooling that halves the image.
        kernel_size: side of the convolutions, in pixels.
        units: width of the dense layer.
        activation: Keras' name of the activation.
        dropout: share of the dense layer's outputs dropped in training, in [0, 1); half of it is dropped before that layer.
        l1: weight of the sum of absolute kernel values, at least 0.
        l2: weight of the sum of squared kernel values, at least 0.

    Input shape:
        `(batch, height, width, channels)`, any numeric dtype, values in 0..255 or 0..1.

    Output shape:
        `(batch, num_classes)`, float32 logits.

    Returns:
        An uncompiled `keras.Sequential`.

    References:
        LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 1998.
        Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 2014.
    """
    import keras

    from zoo.layers import ends

    layers = ends.image_input(input_shape)
    side = min(input_shape[:2])
    for channels in filters:
        padding = "valid" if side >= 2 * kernel_size else "same"
        side = -(-(side if padding == "same" else side - kernel_size + 1) // 2)
        layers += [
            keras.layers.Conv2D(
                channels, kernel_size, padding=padding, activation=activation, kernel_regularizer=penalty(l1, l2)
            ),
            keras.layers.MaxPooling2D(padding="same"),
        ]
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dropout(dropout / 2),
        keras.layers.Dense(units, activation=activation, kernel_regularizer=penalty(l1, l2)),
        keras.layers.Dropout(dropout),
        *ends.outputs(num_classes, 1, None, None, penalty(l1, l2)),
    ]
    return keras.Sequential(layers, name="cnn")
