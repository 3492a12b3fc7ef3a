"""Linear and logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.arguments import Classes, Count, Penalty, Rate, Shape, Statistics, Variances, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


@register_model(
    tasks=("regression", "tabular_classification", "image_classification"),
    variants={"tiny": {"input_shape": (2,)}},
    tags=("table", "image", "sequential", "baseline"),
    space={"dropout": [0.0, 0.2], "l2": [0.0, 1e-4, 1e-3, 1e-2]},
)
def linear(
    *,
    input_shape: Shape = (10,),
    num_classes: Classes | None = None,
    num_outputs: Count = 1,
    mean: Statistics | None = None,
    variance: Variances | None = None,
    target_mean: Statistics | None = None,
    target_variance: Variances | None = None,
    dropout: Rate = 0.0,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """Linear regression, or logistic regression when `num_classes` is given.

    With `l2`, this is ridge regression; with `l1`, the lasso. Keras adds `l1 * sum|w| + l2 * sum w**2` to the mean loss.

    Args:
        input_shape: `(features,)` for tables or `(height, width, channels)` for images; default `(10,)`.
        num_classes: number of classes, at least 2; None for regression; default None.
        num_outputs: number of regression outputs; ignored with `num_classes`; default 1.
        mean: mean of each feature, or one mean for all; None for no normalisation. `data=` sets it; default None.
        variance: variance of each feature, or one variance for all, above 0; required with `mean`; default None.
        target_mean: mean of each regression target; None leaves outputs unscaled. `data=` sets it; default None.
        target_variance: variance of each regression target, above 0; required with `target_mean`; default None.
        dropout: dropout rate of the inputs, in [0, 1); default 0.0.
        l1: weight of the L1 penalty on all kernels, at least 0; default 0.0.
        l2: weight of the L2 penalty on all kernels, at least 0; default 0.0.

    Input shape:
        `(batch, features)` or `(batch, height, width, channels)`, any numeric dtype.

    Output shape:
        `(batch, num_classes)` logits or `(batch, num_outputs)` values, float32.

    Returns:
        An uncompiled `keras.Sequential`.

    References:
        Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed. 2009, chapters 3 and 4.
    """
    import keras

    from zoo.layers import ends

    return keras.Sequential(
        [
            *ends.flat_input(input_shape, mean, variance),
            keras.layers.Dropout(dropout),
            *ends.outputs(num_classes, num_outputs, target_mean, target_variance, penalty(l1, l2)),
        ],
        name="linear",
    )
