"""What the recurrent text classifiers share: all but the cell."""

from __future__ import annotations

from typing import Literal

import keras

from zoo.arguments import penalty
from zoo.layers import ends
from zoo.layers.masked_convolution import MaskedConv1D
from zoo.layers.masked_pooling import MaskedMaxPooling1D, PoolOverTime
from zoo.layers.padded_recurrent import PaddedRecurrent


def recurrent_classifier(
    recurrent: type[keras.layers.RNN],
    name: str,
    *,
    vocabulary_size: int,
    num_classes: int,
    embedding_dim: int,
    units: int,
    num_layers: int,
    bidirectional: bool,
    pooling: Literal["max", "mean", "last"],
    filters: int,
    kernel_size: int,
    pool_size: int,
    dropout: float,
    token_dropout: float,
    pair_buckets: int,
    l1: float,
    l2: float,
) -> keras.Sequential:
    """Return token ids -> vectors -> convolution, if any -> recurrent layers -> pooling over time -> logits.

    Args:
        recurrent: Keras' layer.
        name: of the model.
        vocabulary_size: and all that follow: see `zoo.models.lstm`.
        num_classes: number of classes.
        embedding_dim: width of each token's vector.
        units: width of each layer in each direction.
        num_layers: number of layers.
        bidirectional: whether each layer reads the text backwards too.
        pooling: what is kept of the last layer's outputs.
        filters: channels of the convolution, or 0 for none.
        kernel_size: width of the convolution.
        pool_size: positions of which the convolution's largest is kept.
        dropout: rate between layers and before the logits.
        token_dropout: rate of whole tokens.
        pair_buckets: vectors for pairs of neighbouring tokens, or 0.
        l1: penalty.
        l2: penalty.
    """
    layers = ends.token_input(vocabulary_size, embedding_dim, token_dropout, pair_buckets)
    if filters:
        convolve = MaskedConv1D(filters, kernel_size, activation="relu", kernel_regularizer=penalty(l1, l2), name="convolve")
        layers.append(convolve)
        if pool_size > 1:
            layers.append(MaskedMaxPooling1D(pool_size, name="pool_locally"))
    for index in range(num_layers):
        is_last = index == num_layers - 1
        layer = recurrent(
            units, return_sequences=True, kernel_regularizer=penalty(l1, l2), recurrent_regularizer=penalty(l1, l2)
        )
        layers.append(
            PaddedRecurrent(
                layer,
                bidirectional=bidirectional,
                return_sequences=not is_last or pooling != "last",
                name=f"{name}_{index + 1}",
            )
        )
        if not is_last:
            layers.append(keras.layers.Dropout(dropout))
    if pooling != "last":
        layers.append(PoolOverTime(pooling, name="pool"))
    layers += [keras.layers.Dropout(dropout), *ends.outputs(num_classes, 1, None, None, penalty(l1, l2))]
    return keras.Sequential(layers, name=name)
