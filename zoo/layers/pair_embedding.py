"""Token vectors that know the token before."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class PairEmbedding(keras.layers.Embedding):
    """`keras.layers.Embedding` plus a vector for each pair of neighbouring tokens, found by a hash of the two ids.

    "not good" has a vector of its own, and so has each Chinese word of two characters. Different pairs may share a bucket.
    The first token of a row, and a token behind padding, have no pair.

    Args:
        input_dim: number of token ids, padding (0) included.
        output_dim: width of each vector.
        pair_buckets: number of pair vectors, at least 2.
        **kwargs: further arguments of `keras.layers.Embedding`.

    Input shape:
        `(batch, time)`, int32 token ids.

    Output shape:
        `(batch, time, output_dim)`, masked where ids are 0 if `mask_zero`.

    References:
        Joulin et al., Bag of tricks for efficient text classification, EACL 2017 (hashed n-grams).
    """

    def __init__(self, input_dim: int, output_dim: int, pair_buckets: int, **kwargs: object) -> None:
        super().__init__(input_dim, output_dim, **kwargs)
        self.pair_buckets = pair_buckets

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Make the vectors of tokens and of pairs."""
        super().build(input_shape)
        shape = (self.pair_buckets, self.output_dim)
        self.pair_embeddings = self.add_weight(name="pair_embeddings", shape=shape, initializer=self.embeddings_initializer)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the sum of each token's vector and its pair's."""
        ids = ops.cast(inputs, "int32")
        before = ops.pad(ids, [[0, 0], [1, 0]])[:, :-1]
        has_pair = ops.logical_and(ops.not_equal(ids, 0), ops.not_equal(before, 0))
        # 40,503 is odd and near 2**16 divided by the golden ratio (Knuth); int32 may wrap round, the same everywhere.
        bucket = ops.mod(before * 40_503 + ids, self.pair_buckets)
        pair = ops.take(self.pair_embeddings, bucket, axis=0)
        pair = ops.where(ops.expand_dims(has_pair, -1), pair, ops.zeros((), pair.dtype))
        return super().call(inputs) + ops.cast(pair, self.compute_dtype)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        return {**super().get_config(), "pair_buckets": self.pair_buckets}
