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

    With `l2` it is ridge regression, with `l1` the lasso, both as Keras adds them: `l1 * sum|w| + l2 * sum w**2` on top of
    the mean loss.

    Args:
        input_shape: `(features,)` for tables or `(height, width, channels)` for images.
        num_classes: number of classes, at least 2; None for regression.
        num_outputs: number of regression outputs; unused with `num_classes`.
        mean: mean of each feature, or one for all; None leaves features as they are. `data=` fills it in.
        variance: variance of each feature, or one for all, above 0; goes with `mean`.
        target_mean: mean of each regression target; None leaves outputs as they are. `data=` fills it in.
        target_variance: variance of each regression target, above 0; goes with `target_mean`.
        dropout: share of the inputs dropped in training, in [0, 1).
        l1: weight of the sum of absolute kernel values, at least 0.
        l2: weight of the sum of squared kernel values, at least 0.

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
