"""The architecture that all recurrent text classifiers share, apart from the cell."""

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
    """Return a model: token ids, embeddings, optional convolution, recurrent layers, pooling over time, logits.

    Args:
        recurrent: Keras' recurrent layer class.
        name: name of the model.
        vocabulary_size: number of token ids; see `zoo.models.lstm` for this and the following arguments.
        num_classes: number of classes.
        embedding_dim: size of the token embeddings.
        units: units of each layer per direction.
        num_layers: number of stacked recurrent layers.
        bidirectional: whether each layer reads the text backwards too.
        pooling: pooling of the last layer's outputs.
        filters: filters of the convolution, or 0 for none.
        kernel_size: kernel size of the convolution.
        pool_size: window of the max pooling after the convolution.
        dropout: dropout rate between layers and before the logits.
        token_dropout: fraction of tokens to drop.
        pair_buckets: number of hash buckets for pair embeddings, or 0.
        l1: weight of the L1 penalty.
        l2: weight of the L2 penalty.
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
