"""The first and the last layers that all models share: raw input in, float32 logits or values out."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from zoo.arguments import Statistics, check_shape
from zoo.errors import UsageError
from zoo.layers.align_tokens import AlignTokens
from zoo.layers.pair_embedding import PairEmbedding
from zoo.layers.standardize_image import StandardizeImage


def image_input(input_shape: Sequence[int]) -> list[keras.layers.Layer]:
    """Return the input named `image` and its standardisation.

    Args:
        input_shape: `(height, width, channels)`.

    Raises:
        UsageError: the shape is not of that form.
    """
    check_shape(input_shape, 3)
    return [keras.Input(tuple(input_shape), name="image"), StandardizeImage(name="standardize")]


def flat_input(input_shape: Sequence[int], mean: Statistics | None, variance: Statistics | None) -> list[keras.layers.Layer]:
    """Return an input whose output is `(batch, features)`: normalised columns, or the flattened, standardised image.

    Args:
        input_shape: `(features,)` or `(height, width, channels)`.
        mean: of each feature, or one for all; None leaves features as they are.
        variance: of each feature, or one for all; goes with `mean`.

    Raises:
        UsageError: the shape is of neither form, or the statistics do not fit it.
    """
    check_shape(input_shape, 1, 3)
    if len(input_shape) == 3:
        if mean is not None or variance is not None:
            raise UsageError(
                "`mean` and `variance` are for tables; an image is standardised by itself. "
                f"Received: them with input_shape={tuple(input_shape)}. Leave them out."
            )
        return [*image_input(input_shape), keras.layers.Flatten(name="flatten")]
    layers = [keras.Input(tuple(input_shape), name="features")]
    return layers + _normalization("normalize", mean, variance, input_shape[0], invert=False)


def token_input(
    vocabulary_size: int, width: int, token_dropout: float, pair_buckets: int, *, max_length: int | None = None
) -> list[keras.layers.Layer]:
    """Return the input named `token_ids` and what makes masked vectors of it, padding on the right.

    Args:
        vocabulary_size: number of token ids, padding (0) and unknown (1) included.
        width: of each token's vector.
        token_dropout: share of the tokens whose whole vector is dropped in training.
        pair_buckets: vectors for pairs of neighbouring tokens, or 0 for none.
        max_length: tokens that are read of each text, or None for all.
    """
    if pair_buckets:
        embed = PairEmbedding(vocabulary_size, width, pair_buckets, name="embed")
    else:
        embed = keras.layers.Embedding(vocabulary_size, width, mask_zero=True, name="embed")
    layers = [keras.Input((None,), dtype="int32", name="token_ids"), AlignTokens(max_length, name="align"), embed]
    if token_dropout:
        layers.append(keras.layers.Dropout(token_dropout, noise_shape=(None, None, 1), name="drop_tokens"))
    return layers


def outputs(
    num_classes: int | None,
    num_outputs: int,
    target_mean: Statistics | None,
    target_variance: Statistics | None,
    regularizer: keras.regularizers.Regularizer | None,
) -> list[keras.layers.Layer]:
    """Return the dense layer of logits, or of values on the targets' own scale, in float32 under any precision policy.

    Args:
        num_classes: number of classes, or None for regression.
        num_outputs: number of regression outputs.
        target_mean: of each target, or one for all; None leaves outputs as they are.
        target_variance: of each target, or one for all; goes with `target_mean`.
        regularizer: of the kernel.
    """
    if num_classes is not None:
        if target_mean is not None or target_variance is not None:
            raise UsageError(
                "`target_mean` and `target_variance` are for regression. "
                f"Received: them with num_classes={num_classes}. Leave them out."
            )
        return [keras.layers.Dense(num_classes, kernel_regularizer=regularizer, dtype="float32", name="logits")]
    values = keras.layers.Dense(num_outputs, kernel_regularizer=regularizer, dtype="float32", name="values")
    return [values, *_normalization("denormalize", target_mean, target_variance, num_outputs, invert=True)]


def _normalization(
    name: str, mean: Statistics | None, variance: Statistics | None, width: int, *, invert: bool
) -> list[keras.layers.Layer]:
    if mean is None and variance is None:
        return []
    statistics = []
    for statistic, neutral in ((mean, 0.0), (variance, 1.0)):
        values = [neutral if statistic is None else statistic] if not isinstance(statistic, Sequence) else [*statistic]
        if len(values) not in (1, width):
            raise UsageError(
                f"Statistics are one number, or one for each of the {width} columns. Received: {len(values)} numbers."
            )
        statistics.append(values * (width // len(values)))
    return [keras.layers.Normalization(mean=statistics[0], variance=statistics[1], invert=invert, dtype="float32", name=name)]
