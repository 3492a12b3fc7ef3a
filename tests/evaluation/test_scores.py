"""Every score equals scikit-learn's on the model's own predictions."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn import metrics

import zoo
from zoo.evaluation.scores import score
from zoo.tasks.answers import Evaluation


@pytest.fixture(scope="module")
def digits() -> tuple[keras.Model, zoo.Splits]:
    data = zoo.load_data("digits", batch_size=64)
    keras.utils.set_random_seed(0)
    model = zoo.build("linear", data=data, learning_rate=0.01)
    model.fit(data.train, epochs=2, verbose=0, shuffle=False)
    return model, data


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_classification_scores_equal_scikit_learns(digits: tuple[keras.Model, zoo.Splits], part: str) -> None:
    model, data = digits
    pairs = [(features, labels) for features, labels in getattr(data, part)]
    logits = np.concatenate([model(features, training=False) for features, _ in pairs])
    truth = np.concatenate([labels for _, labels in pairs])
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    predicted = logits.argmax(axis=1)

    found = score(model, data, part)
    assert found.num_examples == len(truth)
    expected = {
        "loss": metrics.log_loss(truth, probabilities, labels=range(10)),
        "accuracy": metrics.accuracy_score(truth, predicted),
        "precision": metrics.precision_score(truth, predicted, average="macro", zero_division=0),
        "recall": metrics.recall_score(truth, predicted, average="macro", zero_division=0),
        "macro_f1": metrics.f1_score(truth, predicted, average="macro"),
        "micro_f1": metrics.f1_score(truth, predicted, average="micro"),
    }
    assert found.metrics == pytest.approx(expected, rel=1e-5)
    report = metrics.classification_report(truth, predicted, output_dict=True, zero_division=0)
    for label in range(10):
        row = report[str(label)]
        assert found.per_class[str(label)] == pytest.approx(
            {"precision": row["precision"], "recall": row["recall"], "f1": row["f1-score"], "support": row["support"]}
        )
    assert found.confusion == tuple(map(tuple, metrics.confusion_matrix(truth, predicted).tolist()))


def test_scores_equal_keras_scores_of_the_same_model(digits: tuple[keras.Model, zoo.Splits]) -> None:
    model, data = digits
    found = score(model, data, "test").metrics
    keras_scores = model.evaluate(data.test, return_dict=True, verbose=0)
    for name in ("loss", "accuracy", "macro_f1"):
        assert found[name] == pytest.approx(keras_scores[name], rel=1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
def test_regression_scores_equal_scikit_learns(outputs: int) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 4)).astype(np.float32)
    targets = (features @ random.normal(size=(4, outputs)) + 0.1 * random.normal(size=(60, outputs))).astype(np.float32)
    data = zoo.load_data((features, targets if outputs > 1 else targets[:, 0]), task="regression")
    model = zoo.build("linear", data=data)
    found = score(model, data, "test")
    rows = np.concatenate([batch for batch, _ in data.test])
    truth, predicted = data.targets("test"), model.predict(rows, verbose=0)
    assert truth.shape == predicted.shape == (9, outputs)
    assert found.metrics == pytest.approx(
        {
            "loss": metrics.mean_squared_error(truth, predicted),
            "mae": metrics.mean_absolute_error(truth, predicted),
            "rmse": metrics.mean_squared_error(truth, predicted) ** 0.5,
            "r2": metrics.r2_score(truth, predicted),
        },
        rel=1e-4,
    )
    assert not found.per_class
    assert not found.confusion


def test_a_model_that_ends_in_a_softmax_is_scored_on_its_probabilities(digits: tuple[keras.Model, zoo.Splits]) -> None:
    model, data = digits
    ends_in_softmax = keras.Sequential([*model.layers, keras.layers.Softmax()])
    assert score(ends_in_softmax, data, "test").metrics == pytest.approx(score(model, data, "test").metrics, rel=1e-5)


def test_a_hopeless_prediction_has_a_finite_loss() -> None:
    data = zoo.load_data((np.arange(20, dtype=np.float32).reshape(-1, 1) * 1000, np.arange(20) % 2))
    model = zoo.build("linear", input_shape=(1,), num_classes=2)
    model.layers[-1].set_weights([np.float32([[1e6, -1e6]]), np.zeros(2, np.float32)])
    assert np.isfinite(score(model, data, "test").metrics["loss"])


def test_dictionary_has_the_metrics_at_top_level() -> None:
    plain = Evaluation({"accuracy": 0.5}, 2, {"a": {"f1": 1.0}}, ((1, 0), (0, 1))).to_dict()
    assert plain == {
        "accuracy": 0.5,
        "num_examples": 2,
        "per_class": {"a": {"f1": 1.0}},
        "confusion": ((1, 0), (0, 1)),
    }
