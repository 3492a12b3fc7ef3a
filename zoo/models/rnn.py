"""The plain recurrent text classifier."""

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
def rnn(
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
    """Text classifier with plain recurrent layers: the baseline that gates are measured against.

    Padding before or after the tokens does not change the output. A text without tokens is read as one unknown token.

    Args:
        vocabulary_size: number of token ids, including padding (0) and unknown (1); default 20_000.
        num_classes: number of classes, at least 2; default 2.
        embedding_dim: size of the token embeddings; default 64.
        units: units of each recurrent layer, per direction; default 64.
        num_layers: number of stacked recurrent layers; default 1.
        bidirectional: whether each layer also reads the text backwards, which doubles the size of its output; default False.
        pooling: features for the logits, from the last layer's outputs: the maximum ("max") or the mean ("mean") over all
            tokens, or the output after the last token ("last"); default `"max"`.
        filters: filters of a convolution with ReLU before the recurrent layers; 0 for no convolution; default 0.
        kernel_size: kernel size of the convolution, in tokens; default 5.
        pool_size: window of the max pooling after the convolution, which shortens the sequence and speeds up the recurrent
            layers accordingly; 1 for no pooling; default 4.
        dropout: dropout rate between recurrent layers and before the logits, in [0, 1); default 0.2.
        token_dropout: fraction of tokens to drop entirely in training, in [0, 1); default 0.0.
        pair_buckets: number of hash buckets for embeddings of neighbouring token pairs, such as "not good" or a Chinese word
            of two characters; 0 for none. zoo's recipes use 6 to 8 buckets per training text; default 0.
        l1: weight of the L1 penalty on kernels and recurrent kernels, not on embeddings; at least 0; default 0.0.
        l2: weight of the L2 penalty on kernels and recurrent kernels, not on embeddings; at least 0; default 0.0.

    Input shape:
        `(batch, time)`, int32 token ids in `[0, vocabulary_size)`; 0 is padding.

    Output shape:
        `(batch, num_classes)`, float32 logits.

    Returns:
        An uncompiled `keras.Sequential`.

    References:
        Elman, Finding structure in time, Cognitive Science 1990.
    """
    import keras

    from zoo.layers.recurrent import recurrent_classifier

    return recurrent_classifier(
        keras.layers.SimpleRNN,
        "rnn",
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
