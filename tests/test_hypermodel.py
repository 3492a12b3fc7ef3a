"""zoo.HyperModel with keras-tuner's own tuners."""

from __future__ import annotations

import keras_tuner
import numpy as np
import pytest

import zoo
from zoo.errors import UsageError

OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")
SPACE = {"*": "default", "learning_rate": [0.001, 0.01], "batch_size": [16, 32]}
TUNERS = {
    keras_tuner.RandomSearch: {"max_trials": 2},
    keras_tuner.BayesianOptimization: {"max_trials": 2},
    keras_tuner.GridSearch: {"max_trials": 2},
    keras_tuner.Hyperband: {"max_epochs": 2},
}


@pytest.fixture(scope="module")
def arrays():
    generator = np.random.default_rng(0)
    return generator.normal(size=(48, 4)).astype("float32"), np.arange(48) % 3


def tuner_of(kind, hypermodel, directory, **arguments):
    return kind(
        hypermodel, objective=OBJECTIVE, directory=directory, project_name="search", seed=1, **{**TUNERS[kind], **arguments}
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", TUNERS, ids=lambda kind: kind.__name__)
def test_every_tuner_of_keras_tuner_accepts_it_with_its_own_data(kind, tmp_path):
    hypermodel = zoo.HyperModel("linear", data="iris", epochs=1, space=SPACE)
    assert isinstance(hypermodel, keras_tuner.HyperModel)
    tuner = tuner_of(kind, hypermodel, tmp_path)
    tuner.search(verbose=0)
    assert all(trial.score is not None for trial in tuner.oracle.trials.values())
    (best,) = tuner.get_best_hyperparameters()
    assert set(best.values) >= {"learning_rate", "batch_size"}
    (model,) = tuner.get_best_models()
    assert model.output_shape == (None, 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [keras_tuner.RandomSearch, keras_tuner.GridSearch], ids=lambda kind: kind.__name__)
def test_data_settings_are_frozen_if_data_are_passed(kind, tmp_path, arrays):
    x, y = arrays
    hypermodel = zoo.HyperModel("linear", data="iris", epochs=1, space=SPACE)
    tuner = tuner_of(kind, hypermodel, tmp_path, max_trials=4)
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    values = [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]
    assert {each["batch_size"] for each in values} == {32}
    assert sorted(each["learning_rate"] for each in values) == [0.001, 0.01]  # each once


@pytest.mark.slow
def test_without_data_the_space_is_architecture_and_optimizer(tmp_path, arrays):
    x, y = arrays
    arguments = {"num_classes": 3, "input_shape": (4,)}
    hypermodel = zoo.HyperModel("mlp", task="tabular_classification", model_arguments=arguments)
    assert set(hypermodel.space) == {
        "optimizer", "learning_rate", "weight_decay", "label_smoothing", "model.units", "model.dropout", "model.l2",
    }  # fmt: skip
    tuner = tuner_of(keras_tuner.RandomSearch, hypermodel, tmp_path)
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    assert all(trial.score is not None for trial in tuner.oracle.trials.values())


@pytest.mark.slow
def test_a_search_without_data_ends_the_search_of_keras_tuner(tmp_path):
    hypermodel = zoo.HyperModel("linear", task="tabular_classification", model_arguments={"num_classes": 3})
    tuner = tuner_of(keras_tuner.RandomSearch, hypermodel, tmp_path, max_trials=2)
    with pytest.raises(UsageError, match="nothing to train on"):
        tuner.search(epochs=1, verbose=0)


def test_splits_are_not_read_again(tmp_path):
    data = zoo.load_data("reviews_sample")
    hypermodel = zoo.HyperModel("lstm", data=data)
    assert not [name for name in hypermodel.space if name.startswith("data.")]
    assert "batch_size" in hypermodel.space
    with pytest.raises(UsageError, match="Searching this needs data"):
        zoo.HyperModel("lstm", data=data, space={"data.max_length": [8, 16]})


@pytest.mark.slow
def test_each_trial_has_its_own_vocabulary(tmp_path):
    space = {"*": "default", "data.vocabulary_size": [50, 100]}
    hypermodel = zoo.HyperModel("lstm", data="reviews_sample", space=space, model_arguments={"units": 2, "embedding_dim": 2})
    for size in (50, 100):
        hp = keras_tuner.HyperParameters()
        hp.values["data.vocabulary_size"] = size
        model = hypermodel.build(hp)
        assert hypermodel._splits(hypermodel._plan({"data.vocabulary_size": size})).info.preprocessor.vocabulary_size == size
        assert (size, 2) in {tuple(weight.shape) for weight in model.weights}


def test_the_same_hyperparameters_build_the_same_model():
    hypermodel = zoo.HyperModel("linear", data="iris", space=SPACE)
    weights = [hypermodel.build(keras_tuner.HyperParameters()).get_weights() for _ in range(2)]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))


def test_a_round_of_hyperband_has_a_complete_learning_rate_schedule():
    space = {"*": "default", "learning_rate": [0.01, 0.1]}
    hp = keras_tuner.HyperParameters()
    hp.values |= {"learning_rate": 0.01, "tuner/epochs": 9, "tuner/initial_epoch": 3}
    of_round = zoo.HyperModel("linear", data="iris", epochs=1, schedule="cosine", space=space).build(hp)
    plain = zoo.HyperModel("linear", data="iris", epochs=6, schedule="cosine", space=space).build(keras_tuner.HyperParameters())
    rates = [model.optimizer.get_config()["learning_rate"] for model in (of_round, plain)]
    assert rates[0] == rates[1]
    assert "config" in rates[0]  # it is a schedule


def test_a_space_that_is_not_a_mapping_is_rejected():
    with pytest.raises(UsageError, match="A space must map settings"):
        zoo.HyperModel("linear", data="iris", space="learning_rate=[0.1]")


@pytest.mark.slow
def test_executions_of_a_trial_differ_in_their_seed(tmp_path):
    hypermodel = zoo.HyperModel("linear", data="iris", epochs=1, space={"*": "default", "learning_rate": [0.001, 0.01]})
    hp = keras_tuner.HyperParameters()
    hp.values["learning_rate"] = 0.01
    histories = [hypermodel.fit(hp, hypermodel.build(hp), verbose=0).history["loss"] for _ in range(2)]
    assert histories[0] != histories[1]
