"""Token embeddings that depend on the previous token."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class PairEmbedding(keras.layers.Layer):
    """Token embeddings plus hashed embeddings of neighbouring token pairs.

    For example, "not good" or a Chinese word of two characters gets its own embedding. Different pairs may share a bucket.
    Pair embeddings are initialised to 0, so that untrained ones have no effect. The first token of a row, and a token
    after padding, have no pair.

    Args:
        input_dim: number of token ids, including padding (0).
        output_dim: size of each embedding.
        pair_buckets: number of hash buckets for pairs, at least 1.

    Input shape:
        `(batch, time)`, int32 token ids.

    Output shape:
        `(batch, time, output_dim)`, with a mask that excludes id 0.

    References:
        Joulin et al., Bag of tricks for efficient text classification, EACL 2017 (hashed n-grams).
    """

    def __init__(self, input_dim: int, output_dim: int, pair_buckets: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.input_dim, self.output_dim, self.pair_buckets = input_dim, output_dim, pair_buckets
        self.tokens = keras.layers.Embedding(input_dim, output_dim, mask_zero=True, dtype=self.dtype_policy, name="tokens")
        self.pairs = keras.layers.Embedding(
            pair_buckets, output_dim, embeddings_initializer="zeros", dtype=self.dtype_policy, name="pairs"
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the embeddings of tokens and pairs."""
        self.tokens.build(input_shape)
        self.pairs.build(input_shape)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the sum of token and pair embeddings."""
        ids = ops.cast(inputs, "int32")
        before = ops.pad(ids, [[0, 0], [1, 0]])[:, :-1]
        has_pair = ops.logical_and(ops.not_equal(ids, 0), ops.not_equal(before, 0))
        # 40,503 is odd and near 2**16 divided by the golden ratio (Knuth); int32 may overflow, identically on every device.
        pair = self.pairs(ops.mod(before * 40_503 + ids, self.pair_buckets))
        return self.tokens(ids) + ops.where(ops.expand_dims(has_pair, -1), pair, ops.zeros((), pair.dtype))

    def compute_mask(self, inputs: keras.KerasTensor, _: keras.KerasTensor | None = None) -> keras.KerasTensor:
        """Return the mask of tokens."""
        return self.tokens.compute_mask(inputs)
