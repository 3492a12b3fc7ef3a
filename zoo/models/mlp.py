"""The multilayer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.arguments import Activation, Classes, Count, Penalty, Rate, Shape, Statistics, Variances, Widths, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


@register_model(
    tasks=("regression", "tabular_classification", "image_classification"),
    variants={"tiny": {"input_shape": (2,), "units": (3,)}, "large": {"units": (256, 256)}},
    tags=("table", "image", "sequential"),
    space={"units": [[32, 32], [64, 64], [128, 128], [256, 256]], "dropout": [0.0, 0.2, 0.4], "l2": [0.0, 1e-4, 1e-3]},
)
def mlp(
    *,
    input_shape: Shape = (10,),
    num_classes: Classes | None = None,
    num_outputs: Count = 1,
    units: Widths = (64, 64),
    activation: Activation = "relu",
    mean: Statistics | None = None,
    variance: Variances | None = None,
    target_mean: Statistics | None = None,
    target_variance: Variances | None = None,
    dropout: Rate = 0.0,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """Multilayer perceptron for tables, and for small images, which it flattens.

    Args:
        input_shape: `(features,)` for tables or `(height, width, channels)` for images; default `(10,)`.
        num_classes: number of classes, at least 2; None for regression; default None.
        num_outputs: number of regression outputs; ignored with `num_classes`; default 1.
        units: units of each hidden layer; default `(64, 64)`.
        activation: name of a Keras activation for the hidden layers; default `"relu"`.
        mean: mean of each feature, or one mean for all; None for no normalisation. `data=` sets it; default None.
        variance: variance of each feature, or one variance for all, above 0; required with `mean`; default None.
        target_mean: mean of each regression target; None leaves outputs unscaled. `data=` sets it; default None.
        target_variance: variance of each regression target, above 0; required with `target_mean`; default None.
        dropout: dropout rate after each hidden layer, in [0, 1); default 0.0.
        l1: weight of the L1 penalty on all kernels, at least 0; default 0.0.
        l2: weight of the L2 penalty on all kernels, at least 0; default 0.0.

    Input shape:
        `(batch, features)` or `(batch, height, width, channels)`, any numeric dtype.

    Output shape:
        `(batch, num_classes)` logits or `(batch, num_outputs)` values, float32.

    Returns:
        An uncompiled `keras.Sequential`.

    References:
        Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, Nature 1986.
    """
    import keras

    from zoo.layers import ends

    layers = ends.flat_input(input_shape, mean, variance)
    for width in units:
        layers.append(keras.layers.Dense(width, activation=activation, kernel_regularizer=penalty(l1, l2)))
        layers.append(keras.layers.Dropout(dropout))
    layers += ends.outputs(num_classes, num_outputs, target_mean, target_variance, penalty(l1, l2))
    return keras.Sequential(layers, name="mlp")
