"""A text classifier with self-attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zoo.arguments import Classes, Count, Natural, Penalty, Rate, Vocabulary, check_heads, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


@register_model(
    tasks=("text_classification",),
    variants={
        "tiny": {
            "vocabulary_size": 20, "max_sequence_length": 100, "num_classes": 3, "hidden_dim": 8, "intermediate_dim": 16,
        },
        "base": {"num_layers": 2, "num_heads": 4, "hidden_dim": 128, "intermediate_dim": 512},
    },
    tags=("text", "functional", "attention"),
    space={
        "num_layers": [1, 2], "num_heads": [1, 2, 4], "hidden_dim": [32, 64, 128], "intermediate_dim": [64, 128, 256],
        "pooling": ["max", "mean"], "dropout": {"min": 0.0, "max": 0.5, "step": 0.1},
        "token_dropout": {"min": 0.0, "max": 0.4, "step": 0.1},
    },
)  # fmt: skip
def transformer(
    *,
    vocabulary_size: Vocabulary = 20_000,
    max_sequence_length: Count = 512,
    num_classes: Classes = 2,
    num_layers: Count = 1,
    num_heads: Count = 2,
    hidden_dim: Count = 64,
    intermediate_dim: Count = 128,
    positions: Literal["learned", "sinusoidal"] = "learned",
    normalization: Literal["pre", "post"] = "pre",
    pool_size: Count = 1,
    pooling: Literal["max", "mean"] = "max",
    dropout: Rate = 0.1,
    token_dropout: Rate = 0.0,
    pair_buckets: Natural = 0,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """Transformer encoder for text classification: token and position embeddings, self-attention, pooling over time.

    Padding before or after the tokens does not change the output: positions count from the first token. A text without
    tokens is read as one unknown token. The attention projections have no biases (the key's would cancel in the softmax),
    and attention has no dropout, so that Keras uses its fast path.

    Args:
        vocabulary_size: number of token ids, including padding (0) and unknown (1); default 20_000.
        max_sequence_length: number of learned positions. Longer texts are truncated to their first tokens; if the number of
            columns is known when the graph is built, a longer text is an error. Unused with sinusoidal positions; default 512.
        num_classes: number of classes, at least 2; default 2.
        num_layers: number of encoder blocks; default 1.
        num_heads: number of attention heads; must divide `hidden_dim`; default 2.
        hidden_dim: size of token embeddings and of each block's output; default 64.
        intermediate_dim: units of the dense ReLU layer in each block; default 128.
        positions: "learned" adds a learned embedding per position; "sinusoidal" adds fixed waves, with no limit on the
            length; default `"learned"`.
        normalization: "pre" normalises the inputs of attention and dense layers, and the final output; "post" normalises
            their outputs after the residual addition; default `"pre"`.
        pool_size: number of neighbouring token embeddings to average before positions are added, which shortens the sequence
            and speeds up the rest accordingly; 1 for none; default 1.
        pooling: features for the logits: the maximum ("max") or the mean ("mean") over all tokens; default `"max"`.
        dropout: dropout rate of each block's attention and dense outputs and of the pooled features, in [0, 1); default 0.1.
        token_dropout: fraction of tokens to drop entirely in training, before positions are added, in [0, 1); default 0.0.
        pair_buckets: number of hash buckets for embeddings of neighbouring token pairs, such as "not good" or a Chinese word
            of two characters; 0 for none. zoo's recipes use 6 to 8 buckets per training text; default 0.
        l1: weight of the L1 penalty on kernels, not on token or position embeddings; at least 0; default 0.0.
        l2: weight of the L2 penalty on kernels, not on token or position embeddings; at least 0; default 0.0.

    Input shape:
        `(batch, time)`, int32 token ids in `[0, vocabulary_size)`; 0 is padding.

    Output shape:
        `(batch, num_classes)`, float32 logits.

    Returns:
        An uncompiled functional `keras.Model`.

    References:
        Vaswani et al., Attention is all you need, NeurIPS 2017.
        Xiong et al., On layer normalization in the Transformer architecture, ICML 2020 (pre and post).
    """
    import keras

    from zoo.layers import ends
    from zoo.layers.masked_pooling import MaskedAveragePooling1D, PoolOverTime
    from zoo.layers.positions import LearnedPositions, SinusoidalPositions

    check_heads(hidden_dim, num_heads)

    def attend(x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.layers.MultiHeadAttention(
            num_heads, hidden_dim // num_heads, use_bias=False, kernel_regularizer=penalty(l1, l2)
        )(x, x, attention_mask=keras.ops.expand_dims(is_token, 1))  # (batch, 1, time)

    def feed_forward(x: keras.KerasTensor) -> keras.KerasTensor:
        x = keras.layers.Dense(intermediate_dim, activation="relu", kernel_regularizer=penalty(l1, l2))(x)
        return keras.layers.Dense(hidden_dim, kernel_regularizer=penalty(l1, l2))(x)

    def normalize(x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.layers.LayerNormalization(epsilon=1e-5)(x)

    is_learned = positions == "learned"
    token_ids, align, *embed = ends.token_input(
        vocabulary_size, hidden_dim, token_dropout, pair_buckets, max_length=max_sequence_length if is_learned else None
    )
    x = align(token_ids)
    # Keras' attention removes the mask from its input, but the shortcut needs it, so it is passed explicitly.
    is_token = keras.ops.not_equal(x, 0)  # (batch, time)
    for layer in embed:
        x = layer(x)  # (batch, time, hidden_dim)
    if pool_size > 1:
        x = MaskedAveragePooling1D(pool_size, name="pool_locally")(x)  # (batch, time / pool_size, hidden_dim)
        is_token = is_token[:, ::pool_size]  # tokens come first
    num_positions = -(-max_sequence_length // pool_size)
    x = (LearnedPositions(num_positions, name="positions") if is_learned else SinusoidalPositions(name="positions"))(x)
    for _ in range(num_layers):
        for apply in (attend, feed_forward):
            change = keras.layers.Dropout(dropout)(apply(normalize(x) if normalization == "pre" else x))
            x = keras.layers.Add()([x, change])
            x = normalize(x) if normalization == "post" else x
    x = normalize(x) if normalization == "pre" else x
    x = PoolOverTime(pooling)(x, mask=is_token)  # (batch, hidden_dim)
    x = keras.layers.Dropout(dropout)(x)
    (logits,) = ends.outputs(num_classes, 1, None, None, penalty(l1, l2))
    return keras.Model(token_ids, logits(x), name="transformer")
