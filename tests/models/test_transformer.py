"""The Transformer against a NumPy twin, and what keeps it fast."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import registry
from zoo.errors import UsageError


def transformer(**arguments):
    entry, variant = registry.find_model("transformer/tiny")
    keras.utils.set_random_seed(0)
    return entry.factory(**entry.arguments(variant, arguments))


def normalized(x, gamma, beta):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def attention(x, is_token, query, key, value, output):
    """Return `softmax(Q K^T / sqrt(d)) V O` of one row, over its tokens only; kernels `(width, heads, head width)`."""
    queries, keys, values = (np.einsum("tc,chd->htd", x, kernel) for kernel in (query, key, value))
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(query.shape[-1])  # (heads, time, time)
    scores[:, :, ~is_token] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return np.einsum("htd,hdc->tc", weights @ values, output)


def twin(model, row, *, positions, normalization, pooling, num_layers):
    """Return the logits of one row, in float64, written from the papers."""
    weights = iter([weight.numpy().astype("float64") for weight in model.weights])
    x, is_token = next(weights)[row], row != 0  # (time, width)
    time, width = x.shape
    if positions == "learned":
        x = x + next(weights)[:time]
    else:
        angle = np.arange(time)[:, np.newaxis] / 10_000 ** (2 * (np.arange(width) // 2) / width)
        x = x * np.sqrt(width) + np.where(np.arange(width) % 2, np.cos(angle), np.sin(angle))
    for _ in range(num_layers):
        if normalization == "pre":
            x = x + attention(normalized(x, next(weights), next(weights)), is_token, *(next(weights) for _ in range(4)))
            hidden = np.maximum(normalized(x, next(weights), next(weights)) @ next(weights) + next(weights), 0)
            x = x + hidden @ next(weights) + next(weights)
        else:
            x = x + attention(x, is_token, *(next(weights) for _ in range(4)))
            x = normalized(x, next(weights), next(weights))
            x = x + np.maximum(x @ next(weights) + next(weights), 0) @ next(weights) + next(weights)
            x = normalized(x, next(weights), next(weights))
    x = normalized(x, next(weights), next(weights)) if normalization == "pre" else x
    logits = getattr(x[is_token], pooling)(axis=0) @ next(weights) + next(weights)
    assert next(weights, None) is None
    return logits


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
@pytest.mark.parametrize("normalization", ["pre", "post"])
@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_logits_equal_the_numpy_twin(positions, normalization, pooling):
    options = {"positions": positions, "normalization": normalization, "pooling": pooling, "num_layers": 2}
    model = transformer(**options)
    generator = np.random.default_rng(0)
    # Non-zero values for all biases and shifts, too.
    model.set_weights([generator.normal(0.5, 0.5, weight.shape) for weight in model.weights])
    rows = np.array([[3, 4, 5, 6, 7], [3, 9, 3, 0, 0], [8, 0, 0, 0, 0]])
    expected = [twin(model, row, **options) for row in rows]
    # Logits up to 30, after two blocks of float32 sums over 8 to 16 numbers.
    assert np.allclose(model(rows, training=False), expected, rtol=1e-5, atol=1e-5)


def test_weights_come_in_the_order_of_the_twin():
    names = [weight.path.split("/", 1)[1] for weight in transformer().weights[2:8]]
    assert names == ["gamma", "beta", "query/kernel", "key/kernel", "value/kernel", "attention_output/kernel"]


@pytest.mark.parametrize("training", [False, True])
def test_attention_takes_the_fast_path_of_keras_and_a_padding_mask(training, monkeypatch):
    """Dropout of attention weights, or returned scores, would disable it."""
    from keras.src import ops

    calls, original = [], ops.dot_product_attention

    def spy(**arguments):
        calls.append(arguments)
        return original(**arguments)

    model = transformer(dropout=0.3, num_layers=2)
    monkeypatch.setattr(ops, "dot_product_attention", spy)
    model(np.array([[3, 4, 0]]), training=training)
    assert len(calls) == 2
    for call in calls:
        assert call["mask"].numpy()[0, 0, 0].tolist() == [True, True, False]


def test_with_unknown_columns_a_long_text_is_truncated_to_the_positions():
    model = transformer(max_sequence_length=4)
    call = tf.function(lambda ids: model(ids, training=False), input_signature=[tf.TensorSpec((None, None), tf.int32)])
    assert np.allclose(call([[0, 2, 3, 4, 5, 6, 7]]), model(np.array([[2, 3, 4, 5]]), training=False), rtol=0, atol=1e-6)


def test_too_long_a_text_is_rejected_with_known_columns_and_fits_sinusoids():
    rows = np.full((1, 5), 2)
    with pytest.raises(UsageError, match=r"5 token ids per row, max_sequence_length=4.*positions='sinusoidal'"):
        transformer(max_sequence_length=4)(rows)
    assert np.isfinite(transformer(max_sequence_length=4, positions="sinusoidal")(rows)).all()


def test_order_of_the_tokens_matters_through_positions_alone():
    rows, turned = np.array([[2, 3, 4]]), np.array([[4, 3, 2]])
    for positions in ("learned", "sinusoidal"):
        model = transformer(positions=positions)
        assert not np.allclose(model(rows, training=False), model(turned, training=False), rtol=0, atol=1e-4)
    model = transformer()
    model.get_layer("positions").embeddings.assign(np.zeros((100, 8)))
    assert np.allclose(model(rows, training=False), model(turned, training=False), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("hidden_dim", "num_heads", "fix"), [(100, 8, "96 or 104"), (3, 8, "8")])
def test_heads_that_do_not_divide_the_width_are_refused(hidden_dim, num_heads, fix):
    message = rf"hidden_dim={hidden_dim}, num_heads={num_heads}\. Try hidden_dim={fix}\."
    with pytest.raises(UsageError, match=message):
        transformer(hidden_dim=hidden_dim, num_heads=num_heads)
