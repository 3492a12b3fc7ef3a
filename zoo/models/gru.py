"""The text classifier with gated recurrent units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zoo.arguments import RECURRENT_SPACE, Classes, Count, Natural, Penalty, Rate, Vocabulary
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


@register_model(
    tasks=("text_classification",),
    variants={
        "tiny": {"vocabulary_size": 20, "num_classes": 3, "embedding_dim": 8, "units": 8},
        "conv": {"filters": 64},
        "bidirectional": {"bidirectional": True},
    },
    tags=("text", "sequential", "recurrent"),
    space=RECURRENT_SPACE,
)
def gru(
    *,
    vocabulary_size: Vocabulary = 20_000,
    num_classes: Classes = 2,
    embedding_dim: Count = 64,
    units: Count = 64,
    num_layers: Count = 1,
    bidirectional: bool = False,
    pooling: Literal["max", "mean", "last"] = "max",
    filters: Natural = 0,
    kernel_size: Count = 5,
    pool_size: Count = 4,
    dropout: Rate = 0.2,
    token_dropout: Rate = 0.0,
    pair_buckets: Natural = 0,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """Text classifier with gated recurrent units: two gates, three quarters of an LSTM's weights.

    Padding, before or behind the tokens, changes no output. A text without any token is read as one unknown token.

    Args:
        vocabulary_size: number of token ids, padding (0) and unknown (1) included.
        num_classes: number of classes, at least 2.
        embedding_dim: width of each token's vector.
        units: width of each recurrent layer, in each direction.
        num_layers: number of recurrent layers, one on top of the other.
        bidirectional: whether each layer also reads the text backwards; its outputs are then twice as wide.
        pooling: what the logits see of the last layer's outputs: each unit's largest ("max") or mean over all tokens, or the
            output where the whole text has been read ("last").
        filters: channels of a convolution with ReLU in front of the recurrent layers; 0 for none.
        kernel_size: width of the convolution, in tokens.
        pool_size: neighbouring positions of which the convolution's largest is kept, which makes the rest that much
            faster; 1 for no pooling.
        dropout: share of the pooled features, and of what goes from one recurrent layer to the next, dropped in training,
            in [0, 1).
        token_dropout: share of the tokens whose whole vector is dropped in training, in [0, 1).
        pair_buckets: vectors, found by a hash, that are added for each pair of neighbouring tokens: "not good", a Chinese word
            of two characters; 0 for none. Zoo's recipes take 6 to 8 for each training text.
        l1: weight of the sum of absolute kernel values, recurrent kernels included, token vectors not; at least 0.
        l2: weight of the sum of squared kernel values, recurrent kernels included, token vectors not; at least 0.

    Input shape:
        `(batch, time)`, int32 token ids in `[0, vocabulary_size)`; 0 is padding.

    Output shape:
        `(batch, num_classes)`, float32 logits.

    Returns:
        An uncompiled `keras.Sequential`.

    References:
        Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014.
    """
    import keras

    from zoo.layers.recurrent import recurrent_classifier

    return recurrent_classifier(
        keras.layers.GRU,
        "gru",
        vocabulary_size=vocabulary_size,
        num_classes=num_classes,
        embedding_dim=embedding_dim,
        units=units,
        num_layers=num_layers,
        bidirectional=bidirectional,
        pooling=pooling,
        filters=filters,
        kernel_size=kernel_size,
        pool_size=pool_size,
        dropout=dropout,
        token_dropout=token_dropout,
        pair_buckets=pair_buckets,
        l1=l1,
        l2=l2,
    )
