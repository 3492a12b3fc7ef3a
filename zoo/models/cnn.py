"""The convolutional network of the MNIST examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.arguments import Activation, Classes, Counts, Natural, Penalty, Rate, Shape, Widths, one_for_each, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras

STRIDED: Mapping[str, Any] = {
    "kernel_size": (5, 3, 3), "strides": (2, 1, 1), "pool_size": (1, 2, 1), "batch_normalization": True, "units": 0,
    "dropout": 0.4,
}  # fmt: skip


@register_model(
    tasks=("image_classification",),
    variants={
        "tiny": {"input_shape": (8, 8, 1), "num_classes": 3, "filters": (2, 4), "kernel_size": 3, "units": 8, "dropout": 0.5},
        "wide": {"filters": (32, 64), "units": 256, "dropout": 0.5},
        "fast": {"filters": (16, 32, 64), **STRIDED},
        "accurate": {"filters": (32, 64, 128), **STRIDED},
    },
    tags=("image", "sequential", "convolution"),
    space={
        "filters": [[8, 16], [16, 32], [32, 64]], "kernel_size": [3, 5], "units": [128, 256, 500],
        "batch_normalization": [False, True], "dropout": {"min": 0.0, "max": 0.6, "step": 0.1}, "l2": [0.0, 1e-4],
    },
    former_defaults={"filters": (10, 20), "units": 500, "dropout": 0.5},
)  # fmt: skip
def cnn(
    *,
    input_shape: Shape = (28, 28, 1),
    num_classes: Classes = 10,
    filters: Widths = (32, 64),
    kernel_size: Counts = 5,
    strides: Counts = 1,
    pool_size: Counts = 2,
    batch_normalization: bool = False,
    units: Natural = 128,
    activation: Activation = "relu",
    dropout: Rate = 0.25,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """Convolutions with max pooling, one dense layer and the logits: 5x5x32, 5x5x64, 128, classes.

    A convolution is padded only if its kernel is wider than three fifths of the image, so that images of any size are accepted.

    Args:
        input_shape: `(height, width, channels)`; default `(28, 28, 1)`.
        num_classes: number of classes, at least 2; default 10.
        filters: filters of each convolution; default `(32, 64)`.
        kernel_size: side of the kernels in pixels; one for all convolutions, or one for each; default 5.
        strides: stride in pixels; one for all convolutions, or one for each; default 1.
        pool_size: side of the max-pooling windows after each convolution; 1 for no pooling; one for all convolutions, or
            one for each; default 2.
        batch_normalization: whether to add batch normalisation after each convolution except the first, which has the largest
            feature maps and standardised input; default False.
        units: units of the dense layer; 0 for no dense layer; default 128.
        activation: name of a Keras activation; default `"relu"`.
        dropout: dropout rate before the logits, in [0, 1); half of it also applies before the dense layer; default 0.25.
        l1: weight of the L1 penalty on all kernels, at least 0; default 0.0.
        l2: weight of the L2 penalty on all kernels, at least 0; default 0.0.

    Input shape:
        `(batch, height, width, channels)`, any numeric dtype, values in 0..255 or 0..1.

    Output shape:
        `(batch, num_classes)`, float32 logits.

    Returns:
        An uncompiled `keras.Sequential`.

    References:
        LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 1998.
        Ioffe and Szegedy, Batch normalization, ICML 2015.
        Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 2014.
    """
    import keras

    from zoo.layers import ends

    layers = ends.image_input(input_shape)
    side = min(input_shape[:2])
    given = {"kernel_size": kernel_size, "strides": strides, "pool_size": pool_size}
    sizes = [one_for_each(name, value, len(filters)) for name, value in given.items()]
    for index, (channels, kernel, stride, pool) in enumerate(zip(filters, *sizes, strict=True)):
        padding = "valid" if 5 * kernel <= 3 * side else "same"
        side = -(-(side if padding == "same" else side - kernel + 1) // stride)
        side = -(-side // pool)
        normalize = batch_normalization and index > 0
        layers.append(
            keras.layers.Conv2D(
                channels, kernel, stride, padding, use_bias=not normalize, activation=None if normalize else activation,
                kernel_regularizer=penalty(l1, l2),
            )
        )  # fmt: skip
        if pool > 1:
            layers.append(keras.layers.MaxPooling2D(pool, padding="same"))
        if normalize:  # after pooling, where the maps are smaller
            layers += [keras.layers.BatchNormalization(momentum=0.9), keras.layers.Activation(activation)]
    layers.append(keras.layers.Flatten())
    if units:
        layers += [
            keras.layers.Dropout(dropout / 2),
            keras.layers.Dense(units, activation=activation, kernel_regularizer=penalty(l1, l2)),
        ]
    layers += [keras.layers.Dropout(dropout), *ends.outputs(num_classes, 1, None, None, penalty(l1, l2))]
    return keras.Sequential(layers, name="cnn")
