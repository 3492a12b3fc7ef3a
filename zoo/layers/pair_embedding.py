"""Token vectors that know the token before."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class PairEmbedding(keras.layers.Layer):
    """A vector for each token plus one for each pair of neighbouring tokens, found by a hash of the two ids.

    "not good" has a vector of its own, and so has each Chinese word of two characters. Different pairs may share a bucket.
    A pair's vector begins at 0, so that one that was never trained changes nothing. The first token of a row, and a token
    behind padding, have no pair.

    Args:
        input_dim: number of token ids, padding (0) included.
        output_dim: width of each vector.
        pair_buckets: number of pair vectors, at least 1.

    Input shape:
        `(batch, time)`, int32 token ids.

    Output shape:
        `(batch, time, output_dim)`, masked where ids are 0.

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
        """Make the vectors of tokens and of pairs."""
        self.tokens.build(input_shape)
        self.pairs.build(input_shape)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the sum of each token's vector and its pair's."""
        ids = ops.cast(inputs, "int32")
        before = ops.pad(ids, [[0, 0], [1, 0]])[:, :-1]
        has_pair = ops.logical_and(ops.not_equal(ids, 0), ops.not_equal(before, 0))
        # 40,503 is odd and near 2**16 divided by the golden ratio (Knuth); int32 may wrap round, the same everywhere.
        pair = self.pairs(ops.mod(before * 40_503 + ids, self.pair_buckets))
        return self.tokens(ids) + ops.where(ops.expand_dims(has_pair, -1), pair, ops.zeros((), pair.dtype))

    def compute_mask(self, inputs: keras.KerasTensor, _: keras.KerasTensor | None = None) -> keras.KerasTensor:
        """Return where tokens stand."""
        return self.tokens.compute_mask(inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape with the width of the vectors."""
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        sizes = {"input_dim": self.input_dim, "output_dim": self.output_dim, "pair_buckets": self.pair_buckets}
        return {**super().get_config(), **sizes}
