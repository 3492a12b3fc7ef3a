"""Pair embeddings against a twin in plain Python."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from zoo.layers.pair_embedding import PairEmbedding

ROWS = np.array([[3, 4, 5, 0], [4, 3, 0, 0], [19_999, 19_999, 1, 7], [0, 2, 0, 2]], "int32")


def twin(rows, tokens, pairs):
    """Return each token's embedding plus its pair's, if a token precedes it."""
    output = tokens[rows]
    for row, ids in enumerate(rows.tolist()):
        for place in range(1, len(ids)):
            before, own = ids[place - 1], ids[place]
            if before and own:
                output[row, place] += pairs[(before * 40_503 + own) % len(pairs)]
    return output


@pytest.mark.parametrize("pair_buckets", [2, 1_000, 65_536])
def test_vectors_equal_the_twin(pair_buckets):
    layer = PairEmbedding(20_000, 3, pair_buckets)
    output = layer(ROWS).numpy()
    assert np.allclose(output, twin(ROWS, *layer.get_weights()), rtol=0, atol=1e-7)


def test_order_of_two_tokens_matters_and_the_mask_is_that_of_the_ids():
    layer = PairEmbedding(10, 4, 1_000)
    layer(np.array([[3, 4, 0]]))
    assert not layer.pairs.embeddings.numpy().any()  # a pair that was never trained changes nothing
    layer.pairs.embeddings.assign(np.random.default_rng(0).normal(size=(1_000, 4)))
    output = layer(np.array([[3, 4, 0], [4, 3, 0]]))
    assert output._keras_mask.numpy().tolist() == [[True, True, False]] * 2
    assert not np.allclose(output[0, 1] - layer.tokens.embeddings[4], output[1, 1] - layer.tokens.embeddings[3])


def test_ids_whose_product_leaves_int32_still_find_a_bucket():
    layer = PairEmbedding(200_000, 2, 1_009)
    assert np.isfinite(layer(np.array([[199_999, 199_998]], "int32"))).all()


def test_config_survives():
    layer = PairEmbedding(10, 4, 100, name="embed")
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_model_with_pairs_is_the_same_after_saving_and_loading(name, tmp_path):
    model = zoo.build(f"{name}/tiny", pair_buckets=30)
    model.save(tmp_path / "model.keras")
    rows = np.array([[3, 4, 5, 0], [4, 3, 0, 0]], "int32")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert np.array_equal(loaded(rows, training=False), model(rows, training=False))
