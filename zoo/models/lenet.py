"""LeNet-5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.arguments import Activation, Classes, Count, Penalty, Rate, Shape, Widths, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


@register_model(
    tasks=("image_classification",),
    variants={"tiny": {"input_shape": (12, 12, 1), "num_classes": 3, "filters": (2, 4), "units": (6,)}},
    tags=("image", "sequential", "convolution"),
    space={"filters": [[6, 16], [12, 32]], "activation": ["tanh", "relu"], "dropout": [0.0, 0.2, 0.4], "l2": [0.0, 1e-4]},
)
def lenet(
    *,
    input_shape: Shape = (28, 28, 1),
    num_classes: Classes = 10,
    filters: tuple[Count, Count] = (6, 16),
    units: Widths = (120, 84),
    activation: Activation = "tanh",
    dropout: Rate = 0.0,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """LeNet-5 of 1998, with all feature maps connected and logits instead of radial units.

    The first convolution is padded, which replaces the original's 32 x 32 frame. The second is padded only if the image is
    too small (under 10 pixels) for its 5 x 5 kernel.

    Args:
        input_shape: `(height, width, channels)`; default `(28, 28, 1)`.
        num_classes: number of classes, at least 2; default 10.
        filters: filters of the two convolutions; default `(6, 16)`.
        units: units of the dense layers before the logits; default `(120, 84)`.
        activation: name of a Keras activation; default `"tanh"`.
        dropout: dropout rate after each dense layer, in [0, 1); default 0.0.
        l1: weight of the L1 penalty on all kernels, at least 0; default 0.0.
        l2: weight of the L2 penalty on all kernels, at least 0; default 0.0.

    Input shape:
        `(batch, height, width, channels)`, any numeric dtype, values in 0..255 or 0..1.

    Output shape:
        `(batch, num_classes)`, float32 logits.

    Returns:
        An uncompiled `keras.Sequential`.

    References:
        LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 1998, II.B.
    """
    import keras

    from zoo.layers import ends

    layers = ends.image_input(input_shape)
    paddings = ("same", "valid" if min(input_shape[:2]) >= 10 else "same")
    for channels, padding in zip(filters, paddings, strict=True):
        layers += [
            keras.layers.Conv2D(channels, 5, padding=padding, activation=activation, kernel_regularizer=penalty(l1, l2)),
            keras.layers.AveragePooling2D(2, padding="same"),
        ]
    layers.append(keras.layers.Flatten())
    for width in units:
        layers.append(keras.layers.Dense(width, activation=activation, kernel_regularizer=penalty(l1, l2)))
        layers.append(keras.layers.Dropout(dropout))
    layers += ends.outputs(num_classes, 1, None, None, penalty(l1, l2))
    return keras.Sequential(layers, name="lenet")
