"""The metrics against scikit-learn, for every form of label or target, and inside `fit` and `evaluate`."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score, f1_score, log_loss, r2_score

import zoo
from zoo.errors import DataError
from zoo.metrics import R2, Accuracy, MacroF1

CLASSES = 4
FORMS = {
    "integers": lambda labels: labels,
    "column": lambda labels: labels[:, np.newaxis],
    "one-hot": lambda labels: np.eye(CLASSES, dtype="float32")[labels],
}
WRONG_LABELS = {
    "out of range": [0, 4],
    "negative": [-1, 0],
    "fractional": [0.5, 1.0],
    "nan": [float("nan"), 1.0],
    "several labels": [[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
}


def labels_and_logits(present=CLASSES, rows=100):
    """Random labels below `present`, and logits that never point at a class from `present` up."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(rows, CLASSES)).astype("float32")
    logits[:, present:] = -10.0
    return generator.integers(0, present, rows), logits


def in_batches(metric, targets, predictions, weights=None):
    """Return the metric's result after batches of 30."""
    for start in range(0, len(predictions), 30):
        part = slice(start, start + 30)
        metric.update_state(targets[part], predictions[part], sample_weight=None if weights is None else weights[part])
    return float(metric.result())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("present", [4, 2], ids=["all classes", "two classes absent"])
@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (Accuracy, accuracy_score),
        (lambda: MacroF1(CLASSES), lambda *args, **kwargs: f1_score(*args, average="macro", **kwargs)),
    ],
    ids=["accuracy", "macro F1"],
)
def test_metric_equals_scikit_learn(form, weighted, present, make, reference):
    labels, logits = labels_and_logits(present)
    weights = np.random.default_rng(1).uniform(0.1, 2.0, len(labels)).astype("float32") if weighted else None
    expected = reference(labels, logits.argmax(axis=1), sample_weight=weights)
    assert in_batches(make(), FORMS[form](labels), logits, weights) == pytest.approx(expected, abs=1e-6)  # float32 sums


def test_macro_f1_counts_a_class_that_is_only_predicted_as_zero():
    # labels 0 0 1, predictions 0 2 1: F1 of class 0 is 2/3, of class 1 is 1, of class 2 is 0; class 3 is left out
    metric = MacroF1(CLASSES)
    metric.update_state([0, 0, 1], np.eye(CLASSES, dtype="float32")[[0, 2, 1]])
    assert float(metric.result()) == pytest.approx((2 / 3 + 1 + 0) / 3, abs=1e-6)


def test_macro_f1_also_accepts_weights_as_a_column():
    labels, logits = labels_and_logits()
    weights = np.random.default_rng(1).uniform(0.1, 2.0, (len(labels), 1)).astype("float32")
    assert in_batches(MacroF1(CLASSES), labels, logits, weights) == in_batches(MacroF1(CLASSES), labels, logits, weights[:, 0])


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1(CLASSES)], ids=lambda metric: metric.name)
def test_reset_clears_everything(metric):
    labels, logits = labels_and_logits()
    first = in_batches(metric, labels, logits)
    assert first > 0
    metric.reset_state()
    assert float(metric.result()) == 0.0
    assert in_batches(metric, labels, logits) == first


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1(CLASSES)], ids=lambda metric: metric.name)
@pytest.mark.parametrize("labels", WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_wrong_labels_are_refused_by_the_metrics(metric, labels):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Labels must be integers from 0 to 3|multi-label"):
        metric.update_state(tf.constant(labels), np.zeros((2, CLASSES), "float32"))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [None, 1, 3], ids=["(n,)", "(n, 1)", "(n, 3)"])
def test_r2_equals_scikit_learn(outputs, weighted):
    generator = np.random.default_rng(0)
    shape = (100,) if outputs is None else (100, outputs)
    targets = generator.normal(size=shape)
    predictions = targets + generator.normal(0.0, 0.5, shape)
    weights = generator.uniform(0.1, 2.0, 100) if weighted else None
    expected = r2_score(targets, predictions, sample_weight=weights)
    column = predictions.reshape(100, outputs or 1)  # a model's output always has two axes
    assert in_batches(R2(), targets, column, weights) == pytest.approx(expected, abs=1e-6)


def test_r2_is_exact_for_targets_far_from_zero():
    generator = np.random.default_rng(0)
    targets = (10_000 + generator.normal(size=1000)).astype("float32")
    predictions = (targets + generator.normal(0.0, 0.5, 1000)).astype("float32")
    assert in_batches(R2(), targets, predictions[:, np.newaxis]) == pytest.approx(r2_score(targets, predictions), abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "name"),
    [(Accuracy(name="mine"), "mine"), (MacroF1(7, name="mine"), "mine"), (MacroF1(7), "macro_f1"), (R2(), "r2")],
)
def test_config_round_trip(metric, name):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.name == name
    assert again.get_config() == metric.get_config()
    assert getattr(again, "num_classes", None) == getattr(metric, "num_classes", None)


def compiled_model():
    """A softmax regression of 2 features and 4 classes, with fixed weights."""
    keras.utils.set_random_seed(3)
    return zoo.build("linear", input_shape=(2,), num_classes=CLASSES, optimizer="sgd", learning_rate=0.1)


def rows_and_labels():
    generator = np.random.default_rng(5)
    return generator.normal(size=(64, 2)).astype("float32"), generator.integers(0, CLASSES, 64)


def data_of(container, form):
    """Return the arguments of `fit` and `evaluate` for data in a container and labels in a form."""
    features, labels = rows_and_labels()
    pair = (features, FORMS[form](labels))
    return pair if container == "numpy" else (tf.data.Dataset.from_tensor_slices(pair).batch(16),)


@pytest.fixture(scope="module")
def fitted():
    """Return a model for each container and form that it was fitted on."""
    models = {}
    for container, form in itertools.product(("numpy", "tf.data"), FORMS):
        models[container, form] = model = compiled_model()
        batch_size = 16 if container == "numpy" else None
        model.fit(*data_of(container, form), epochs=2, batch_size=batch_size, shuffle=False, verbose=0)
    return models


@pytest.mark.parametrize("container", ["numpy", "tf.data"])
@pytest.mark.parametrize("fitted_on", FORMS)
def test_fit_on_one_form_and_evaluate_on_any_gives_scikit_learn_numbers(fitted, fitted_on, container):
    features, labels = rows_and_labels()
    model = fitted[container, fitted_on]
    logits = np.asarray(model(features, training=False), "float64")
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for form in FORMS:
        scores = model.evaluate(*data_of(container, form), return_dict=True, verbose=0)
        assert scores["loss"] == pytest.approx(log_loss(labels, probabilities, labels=range(CLASSES)), rel=1e-5)
        assert scores["accuracy"] == pytest.approx(accuracy_score(labels, logits.argmax(axis=1)), abs=1e-6)
        assert scores["macro_f1"] == pytest.approx(f1_score(labels, logits.argmax(axis=1), average="macro"), abs=1e-6)


def test_fit_gives_the_same_weights_on_every_form_and_changes_them(fitted):
    first, *others, fresh = (
        np.concatenate([*map(np.ravel, each.get_weights())]) for each in (*fitted.values(), compiled_model())
    )
    assert all(np.array_equal(first, other) for other in others)
    assert not np.array_equal(first, fresh)


@pytest.fixture(scope="module")
def model():
    """Return a compiled model that no test fits successfully."""
    return compiled_model()


@pytest.mark.parametrize("labels", WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_wrong_labels_stop_fit_with_the_rule(model, labels):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Labels must be integers from 0 to 3|multi-label"):
        model.fit(np.zeros((2, 2), "float32"), np.array(labels), verbose=0)


def test_one_hot_labels_of_another_width_stop_fit_with_the_fix():
    with pytest.raises(DataError, match=r"Received: shape \(None, 3\)\. Build the model with num_classes="):
        compiled_model().fit(np.zeros((3, 2), "float32"), np.eye(3, dtype="float32"), verbose=0)


MIRRORED = """
import json, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras, zoo

generator = np.random.default_rng(5)
features, labels = generator.normal(size=(64, 2)).astype("float32"), generator.integers(0, 4, 64)
forms = {"integers": labels, "column": labels[:, None], "one-hot": np.eye(4, dtype="float32")[labels]}

def train(form):
    keras.utils.set_random_seed(3)
    model = zoo.build("linear", input_shape=(2,), num_classes=4, optimizer="sgd", learning_rate=0.1)
    model.fit(features, forms[form], epochs=2, batch_size=16, shuffle=False, verbose=0)
    scores = {}
    for name, labels in forms.items():
        scores[name] = model.evaluate(features, labels, batch_size=16, return_dict=True, verbose=0)
    return {"weights": np.concatenate([weight.ravel() for weight in model.get_weights()]).tolist(), "scores": scores}

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
results = {"one device": train("integers")}
for form in forms:
    with strategy.scope():
        results[form] = train(form)
print(json.dumps(results))
"""


@pytest.mark.slow
def test_two_mirrored_devices_give_the_numbers_of_one_for_every_form():
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run([sys.executable, "-c", MIRRORED], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    alone = results.pop("one device")
    for form in FORMS:
        assert results[form]["weights"] == pytest.approx(alone["weights"], abs=1e-6)  # float32, summed in another order
        for other in FORMS:
            assert results[form]["scores"][other] == pytest.approx(alone["scores"]["integers"], abs=1e-6)
