"""The classification loss against scikit-learn, for every form of label."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss

from zoo.losses import ClassificationCrossentropy

FORMS = {
    "integers": lambda labels: labels,
    "column": lambda labels: labels[:, np.newaxis],
    "one-hot": lambda labels: np.eye(4, dtype="float32")[labels],
}


@pytest.fixture(scope="module")
def example():
    """200 labels of 4 classes, their logits, and the logits' softmax in float64."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0.0, 3.0, (200, 4)).astype("float32")
    shares = np.exp(logits.astype("float64"))
    return generator.integers(0, 4, 200), logits, shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("form", FORMS)
def test_loss_equals_scikit_learn_log_loss(example, form):
    labels, logits, probabilities = example
    value = float(ClassificationCrossentropy()(FORMS[form](labels), logits))
    assert value == pytest.approx(log_loss(labels, probabilities, labels=range(4)), rel=1e-6)  # float32: 200 sums of 1e-7


def test_every_form_gives_exactly_the_same_number(example):
    labels, logits, _ = example
    assert len({float(ClassificationCrossentropy()(form(labels), logits)) for form in FORMS.values()}) == 1


@pytest.mark.parametrize("form", FORMS)
def test_sample_weights_scale_each_example(example, form):
    labels, logits, probabilities = example
    weights = np.random.default_rng(1).uniform(0.0, 2.0, 200)
    value = float(ClassificationCrossentropy()(FORMS[form](labels), logits, sample_weight=weights.astype("float32")))
    expected = -(weights * np.log(probabilities[np.arange(200), labels])).sum() / 200  # Keras divides by the batch size
    assert value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_smoothed_loss_mixes_the_labels_loss_and_the_mean_over_classes(example, form):
    labels, logits, probabilities = example
    value = float(ClassificationCrossentropy(0.2)(FORMS[form](labels), logits))
    own = -np.log(probabilities[np.arange(200), labels]).mean()
    spread = -np.log(probabilities).mean()
    assert value == pytest.approx(0.8 * own + 0.2 * spread, rel=1e-6)


def test_label_smoothing_is_kept_in_the_configuration():
    again = ClassificationCrossentropy.from_config(ClassificationCrossentropy(0.1).get_config())
    assert again.label_smoothing == 0.1


def test_uniform_logits_cost_the_logarithm_of_the_number_of_classes():
    assert float(ClassificationCrossentropy()([1, 2], np.zeros((2, 3), "float32"))) == pytest.approx(np.log(3), rel=1e-6)


def test_large_logits_do_not_overflow():
    losses = ClassificationCrossentropy(reduction=None)([0, 1], np.array([[1e4, 0.0], [1e4, 0.0]], "float32"))
    assert losses.numpy().tolist() == [0.0, 1e4]


def test_bfloat16_logits_are_summed_in_float32(example):
    labels, logits, _ = example
    rounded = tf.cast(logits, tf.bfloat16)
    loss = ClassificationCrossentropy()
    value = loss(labels, rounded)
    assert value.dtype == tf.float32
    assert float(value) == float(loss(labels, tf.cast(rounded, tf.float32)))


def test_label_out_of_range_is_nan_if_xla_drops_the_assertion():
    loss = ClassificationCrossentropy(reduction=None)
    compiled = tf.function(lambda labels, logits: loss(labels, logits), jit_compile=True)
    losses = compiled(tf.constant([0, 2]), tf.zeros((2, 2))).numpy()
    assert losses[0] == pytest.approx(np.log(2), rel=1e-6)
    assert np.isnan(losses[1])


def test_config_round_trip_keeps_name_and_reduction():
    loss = ClassificationCrossentropy(name="mine", reduction="sum")
    again = ClassificationCrossentropy.from_config(loss.get_config())
    assert (again.name, again.reduction) == ("mine", "sum")


def test_loss_is_serialized_under_package_zoo():
    import keras

    plain = keras.losses.serialize(ClassificationCrossentropy())
    assert plain["registered_name"] == "zoo>ClassificationCrossentropy"
    assert isinstance(keras.losses.deserialize(plain), ClassificationCrossentropy)
