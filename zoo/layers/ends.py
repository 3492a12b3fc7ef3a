"""First and last layers that the models share: raw input in, float32 logits or values out."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from zoo.arguments import Statistics, check_shape, one_for_each
from zoo.errors import UsageError
from zoo.layers.align_tokens import AlignTokens
from zoo.layers.pair_embedding import PairEmbedding
from zoo.layers.standardize_image import StandardizeImage


def image_input(input_shape: Sequence[int]) -> list[keras.layers.Layer]:
    """Return the input layer `image` and its standardisation layer.

    Args:
        input_shape: `(height, width, channels)`.

    Raises:
        UsageError: the shape does not have this form.
    """
    check_shape(input_shape, 3)
    return [keras.Input(tuple(input_shape), name="image"), StandardizeImage(name="standardize")]


def flat_input(input_shape: Sequence[int], mean: Statistics | None, variance: Statistics | None) -> list[keras.layers.Layer]:
    """Return input layers with output `(batch, features)`: normalised columns, or the flattened, standardised image.

    Args:
        input_shape: `(features,)` or `(height, width, channels)`.
        mean: mean of each feature, or one mean for all; None leaves the features unchanged.
        variance: variance of each feature, or one variance for all; required with `mean`.

    Raises:
        UsageError: the shape has neither form, or the statistics do not match it.
    """
    check_shape(input_shape, 1, 3)
    if len(input_shape) == 3:
        if mean is not None or variance is not None:
            raise UsageError(
                "`mean` and `variance` apply to tables only; each image is standardised separately. "
                f"Received: statistics with input_shape={tuple(input_shape)}. Omit them."
            )
        return [*image_input(input_shape), keras.layers.Flatten(name="flatten")]
    layers = [keras.Input(tuple(input_shape), name="features")]
    return layers + _normalization("normalize", mean, variance, input_shape[0], invert=False)


def token_input(
    vocabulary_size: int, width: int, token_dropout: float, pair_buckets: int, *, max_length: int | None = None
) -> list[keras.layers.Layer]:
    """Return the input layer `token_ids` and the layers that convert ids to masked embeddings with padding on the right.

    Args:
        vocabulary_size: number of token ids, including padding (0) and unknown (1).
        width: size of the token embeddings.
        token_dropout: fraction of tokens to drop entirely in training.
        pair_buckets: number of hash buckets for embeddings of neighbouring token pairs, or 0 for none.
        max_length: number of tokens to keep per text, or None for all; default None.
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
    """Return the dense layer for logits, or for values on the targets' scale, in float32 under any precision policy.

    Args:
        num_classes: number of classes, or None for regression.
        num_outputs: number of regression outputs.
        target_mean: mean of each target, or one mean for all; None leaves the outputs unchanged.
        target_variance: variance of each target, or one variance for all; required with `target_mean`.
        regularizer: kernel regularizer, or None.
    """
    if num_classes is not None:
        if target_mean is not None or target_variance is not None:
            raise UsageError(
                "`target_mean` and `target_variance` are for regression. "
                f"Received: statistics with num_classes={num_classes}. Omit them."
            )
        return [keras.layers.Dense(num_classes, kernel_regularizer=regularizer, dtype="float32", name="logits")]
    values = keras.layers.Dense(num_outputs, kernel_regularizer=regularizer, dtype="float32", name="values")
    return [values, *_normalization("denormalize", target_mean, target_variance, num_outputs, invert=True)]


def _normalization(
    name: str, mean: Statistics | None, variance: Statistics | None, width: int, *, invert: bool
) -> list[keras.layers.Layer]:
    if mean is None and variance is None:
        return []
    mean, variance = 0.0 if mean is None else mean, 1.0 if variance is None else variance
    statistics = {key: [*one_for_each(key, value, width, "columns")] for key, value in (("mean", mean), ("variance", variance))}
    return [keras.layers.Normalization(**statistics, invert=invert, dtype="float32", name=name)]
