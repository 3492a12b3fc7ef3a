"""The tasks: loss, metrics and default settings."""

from __future__ import annotations

import pytest

from zoo import registry
from zoo import settings as configuration
from zoo.artefacts.loading import default_data
from zoo.errors import UnknownNameError, UsageError
from zoo.tasks import TASKS, find_task
from zoo.tasks.regression import Regression


@pytest.mark.parametrize(
    ("name", "output_argument", "loss", "metrics"),
    [
        ("image_classification", "num_classes", "classification_crossentropy", ["accuracy", "macro_f1"]),
        ("tabular_classification", "num_classes", "classification_crossentropy", ["accuracy", "macro_f1"]),
        ("regression", "num_outputs", "mean_squared_error", ["mae", "rmse", "r2"]),
    ],
)
def test_task_provides_its_loss_and_metrics(name, output_argument, loss, metrics):
    task = find_task(name)
    assert task.output_argument == output_argument
    assert task.loss().name == loss
    assert [metric.name for metric in task.metrics(3)] == metrics


@pytest.mark.parametrize("name", TASKS)
def test_default_data_is_embedded_and_for_this_task(name):
    entry = registry.find_dataset(TASKS[name].default_data)
    assert entry.task == name
    assert "embedded" in entry.tags


def test_a_task_without_default_data_needs_data(monkeypatch):
    monkeypatch.setitem(TASKS.entries, "strength", Regression("strength", "table"))
    with pytest.raises(UsageError, match="A model for strength needs data"):
        default_data("strength")


@pytest.mark.parametrize("name", TASKS)
def test_settings_of_a_task_are_settings(name):
    settings = configuration.resolve({"model": "mlp", "data": "x", "task": name}, TASKS[name].settings)
    assert {key: settings.to_flat()[key] for key in TASKS[name].settings} == TASKS[name].settings


@pytest.mark.parametrize("name", TASKS)
def test_each_task_has_a_model(name):
    assert TASKS[name].name == name
    assert registry.list_models(task=name)


def test_unknown_task_gets_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Unknown task. Received: 'image_clasification'. Did you mean 'image_classif"):
        find_task("image_clasification")
