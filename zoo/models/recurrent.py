"""Recurrent text classifiers, which differ only in the cell: simple RNN, GRU and LSTM."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from zoo.arguments import Classes, Count, Natural, Penalty, Rate, Vocabulary, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


def classifier(  # noqa: D417 - the docstring is also that of the models, which have no `name`
    name: str,
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
) -> keras.Sequential:
    """Return a model: token ids, embeddings, optional convolution, recurrent layers, pooling over time, logits.

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
    """
    import keras

    from zoo.layers import ends
    from zoo.layers.masked_convolution import MaskedConv1D
    from zoo.layers.masked_pooling import MaskedMaxPooling1D, PoolOverTime
    from zoo.layers.padded_recurrent import PaddedRecurrent

    recurrent = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[name]
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
        returns_all = not is_last or pooling != "last"
        place = f"{name}_{index + 1}"
        layers.append(PaddedRecurrent(layer, bidirectional=bidirectional, return_sequences=returns_all, name=place))
        if not is_last:
            layers.append(keras.layers.Dropout(dropout))
    if pooling != "last":
        layers.append(PoolOverTime(pooling, name="pool"))
    layers += [keras.layers.Dropout(dropout), *ends.outputs(num_classes, 1, None, None, penalty(l1, l2))]
    return keras.Sequential(layers, name=name)


def register_classifier(factory: Callable[..., keras.Sequential]) -> Callable[..., keras.Sequential]:
    """Register a factory with the arguments of `classifier`, and insert its docstring into the factory's."""
    _, *arguments = inspect.signature(classifier).parameters.values()
    factory.__signature__ = inspect.Signature(arguments)  # type: ignore[attr-defined]  # for `inspect`
    factory.__annotations__ = classifier.__annotations__
    summary, references = (factory.__doc__ or "").split("\n\n", 1)
    shared = (classifier.__doc__ or "").split("\n\n", 1)[1]
    factory.__doc__ = f"{summary}\n\n{shared.rstrip()}\n\n{references}"
    return register_model(
        tasks=("text_classification",),
        variants={
            "tiny": {"vocabulary_size": 20, "num_classes": 3, "embedding_dim": 8, "units": 8},
            "conv": {"filters": 64},
            "bidirectional": {"bidirectional": True},
        },
        tags=("text", "sequential", "recurrent"),
        space={
            "embedding_dim": [32, 64, 128],
            "units": [32, 64, 128],
            "bidirectional": [False, True],
            "pooling": ["max", "mean"],
            "filters": [0, 64, 128],
            "dropout": {"min": 0.0, "max": 0.6, "step": 0.1},
            "token_dropout": {"min": 0.0, "max": 0.4, "step": 0.1},
        },
    )(factory)


@register_classifier
def rnn(**arguments: Any) -> keras.Sequential:
    """Text classifier with simple recurrent layers: the baseline for gated cells.

    References:
        Elman, Finding structure in time, Cognitive Science 1990.
    """
    return classifier("rnn", **arguments)


@register_classifier
def gru(**arguments: Any) -> keras.Sequential:
    """Text classifier with gated recurrent units: two gates, three quarters of the weights of an LSTM.

    References:
        Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014.
    """
    return classifier("gru", **arguments)


@register_classifier
def lstm(**arguments: Any) -> keras.Sequential:
    """Text classifier with long short-term memory layers.

    References:
        Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 1997.
    """
    return classifier("lstm", **arguments)
