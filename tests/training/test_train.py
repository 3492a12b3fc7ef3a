"""`zoo.train`: precedence of settings, seeds, the user's own models, and the files after an interruption."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo import registry
from zoo.artefacts import checkpoints
from zoo.errors import ArtefactError, UsageError, ZooError

RANDOM = np.random.default_rng(0)
TABLE = (RANDOM.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2)


def trained(out: Path, model: Any = "linear", data: Any = TABLE, **settings: Any) -> zoo.Run:
    return zoo.train(model, data=data, out=out, verbose=0, **{"epochs": 2, **settings})


def test_later_settings_override_task_recipe_yaml_keyword(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = registry.RecipeInfo("linear@x", "", "", {}, 0.1, {"epochs": 3, "batch_size": 16, "seed": 5, "model.l2": 0.1})
    monkeypatch.setattr(registry, "find_recipe", lambda model, data: recipe)
    yaml = tmp_path / "config.yaml"
    yaml.write_text("batch_size: 8\nseed: 6\ndata.split_seed: 3\n")
    settings = zoo.train("linear", data="iris", config=yaml, seed=7, out=tmp_path / "run", verbose=0).settings
    assert settings["learning_rate"] == 0.01  # the task
    assert settings["epochs"] == 3  # the recipe
    assert settings["model.l2"] == 0.1
    assert settings["batch_size"] == 8  # the file
    assert settings["data.split_seed"] == 3
    assert settings["seed"] == 7  # the keyword


@pytest.mark.slow
def test_a_variant_keeps_its_arguments_against_its_models_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = registry.RecipeInfo("mlp@iris", "", "", {}, 0.1, {"model.units": [5], "model.dropout": 0.1})
    monkeypatch.setattr(registry, "find_recipe", lambda model, data: recipe)
    plain, large = (trained(tmp_path / name[-5:], name, "iris", epochs=1) for name in ("mlp", "mlp/large"))
    assert plain.settings["model.units"] == [5]
    assert [layer.units for layer in large.model.layers if hasattr(layer, "units")] == [256, 256, 3]
    assert large.settings["model.dropout"] == 0.1


@pytest.mark.slow
def test_the_same_seed_gives_equal_weights_and_another_does_not(tmp_path: Path) -> None:
    weights = [
        trained(tmp_path / name, "mlp", seed=seed, model_arguments={"dropout": 0.5}).model.get_weights()
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    assert all(np.array_equal(left, right) for left, right in zip(weights[0], weights[1], strict=True))
    assert not all(np.array_equal(left, right) for left, right in zip(weights[0], weights[2], strict=True))


def test_history_csv_equals_keras_history(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", epochs=3)
    with (run.directory / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    last = run.model.evaluate(zoo.load_data(TABLE, batch_size=32).validation, return_dict=True, verbose=0)
    assert float(rows[-1]["val_loss"]) == pytest.approx(last["loss"], rel=1e-5)


def softmax(**compiled: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    if compiled:
        model.compile(**compiled)
    return model


def functional() -> keras.Model:
    row = keras.Input((3,))
    return keras.Model(row, keras.layers.Softmax()(keras.layers.Dense(2)(row)))


@keras.saving.register_keras_serializable(package="tests")
class Registered(keras.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)

    def call(self, rows: Any) -> Any:
        return self.dense(rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        softmax,
        lambda: softmax(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"]),
        lambda: keras.Sequential([keras.layers.Dense(2)]),
        functional,
        Registered,
    ],
    ids=["sequential", "compiled", "no-input", "functional-softmax", "subclass"],
)
def test_the_users_own_model_trains_evaluates_and_predicts(tmp_path: Path, make: Callable[[], keras.Model]) -> None:
    keras.utils.set_random_seed(0)
    features, labels = TABLE
    easy = (features + 40 * (labels[:, None] - 0.5), labels)  # two clouds far apart
    model = make()
    rate = {} if model.compiled else {"learning_rate": 0.1}
    run = trained(tmp_path / "run", model, easy, epochs=8, batch_size=4, **rate)
    assert run.metrics["accuracy"] == 1.0
    again = zoo.Run.open(run.directory)
    assert zoo.evaluate(again, easy).metrics["accuracy"] == 1.0
    np.testing.assert_allclose(again.predict(easy[0]).probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert again.predict(easy[0]).labels == labels.tolist()
    assert zoo.evaluate(again.model, easy).metrics["accuracy"] == 1.0


def test_a_compiled_model_keeps_its_optimizer(tmp_path: Path) -> None:
    model = softmax(optimizer=keras.optimizers.SGD(0.125), loss="sparse_categorical_crossentropy")
    settings = trained(tmp_path / "run", model).settings
    assert (settings["optimizer"], settings["learning_rate"]) == ("own", 0.125)


class Unsavable(Registered):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.extra = width


def dense(*shape: int, units: int = 2) -> keras.Model:
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(units)])


@pytest.mark.parametrize(
    ("make", "settings", "error", "words"),
    [
        (lambda: dense(5), {}, UsageError, r"does not take these data.*\(2, 3\).*Build it with the input shape \(3,\)"),
        (lambda: dense(3, units=1), {}, UsageError, r"output shape \(None, 1\); accepted: \(None, 2\)"),
        (lambda: softmax(optimizer="adam", loss="categorical_crossentropy"), {}, UsageError, "sparse_categorical_crossentropy"),
        (
            lambda: softmax(optimizer="adam", loss="mse"),
            {"optimizer": "sgd"},
            UsageError,
            "Received: optimizer. Omit them",
        ),
        (lambda: keras.layers.Dense(2), {}, UsageError, "a keras.Model. Received: Dense"),
        (lambda: 3, {}, UsageError, "Received: int"),
    ],
    ids=["input", "width", "one-hot-loss", "optimizer", "layer", "int"],
)
def test_a_model_that_does_not_fit_is_refused_and_leaves_nothing(
    tmp_path: Path, make: Callable[[], Any], settings: dict[str, Any], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        trained(tmp_path / "run", make(), **settings)
    assert not (tmp_path / "run").exists()


def test_a_model_that_cannot_be_saved_fails_before_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"cannot be saved.*get_config"):
        trained(tmp_path / "run", Unsavable(3))
    assert not (tmp_path / "run").exists()


def test_a_loss_that_does_not_fit_the_labels_is_rejected_clearly(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"loss or metrics do not accept these data.*targets of shape \(None,\)"):
        trained(tmp_path / "run", softmax(optimizer="adam", loss="binary_crossentropy"))


def test_ctrl_c_while_the_data_are_read_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.pipeline.prepare.prepare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_checkpoint_and_training_resumes_with_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = np.savez, []

    def save_until_full(file: Any, **arrays: Any) -> None:
        saved.append(file.name)
        if len(saved) == 8:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(file, **arrays)

    monkeypatch.setattr(checkpoints.np, "savez", save_until_full)
    settings = {"epochs": 5, "batch_size": 8, "checkpoint_seconds": 0}
    with pytest.raises(ArtefactError, match=r"No space left on device.*Free space") as caught:
        trained(tmp_path / "run", **settings)
    assert f"To resume: zoo.train(resume='{tmp_path / 'run'}', data=...)" in caught.value.__notes__[0]
    run = zoo.Run.open(tmp_path / "run")
    assert run.status == "failed"
    assert len(run.predict(TABLE[0])) == 40
    assert not list((tmp_path / "run").rglob(".partial*"))
    again = zoo.train(resume=run, data=TABLE, verbose=0)
    monkeypatch.undo()
    whole = trained(tmp_path / "whole", **settings)
    assert again.history == whole.history
    for left, right in zip(again.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.slow
def test_a_real_sigint_ends_the_command_and_keeps_the_last_epoch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())"]
    arguments = ["train", "cnn", "--data", "digits", "--set", "epochs=100000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        begun = time.monotonic()
        while not (tmp_path / "run" / "history.csv").exists() and time.monotonic() - begun < 240:
            time.sleep(0.2)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "Interrupted." in said
    assert f"is saved in {tmp_path / 'run' / 'model.keras'}" in said
    assert "Traceback" not in said
    run = zoo.Run.open(tmp_path / "run")
    assert run.status == "interrupted"
    assert run.predict(np.zeros((8, 8))).probabilities.shape == (1, 10)


def test_a_lambda_is_refused_before_training_since_it_could_not_be_loaded(tmp_path: Path) -> None:
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: x / 2), keras.layers.Dense(3)]
    with pytest.raises(ArtefactError, match=r"cannot be saved and loaded again.*replace lambdas by layers"):
        zoo.train(keras.Sequential(layers), data="iris", epochs=1, out=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


def test_an_output_wider_than_the_classes_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5)])
    with pytest.raises(UsageError, match=r"output shape \(None, 5\); accepted: \(None, 3\)"):
        zoo.train(model, data="iris", epochs=1, out=tmp_path / "run", verbose=0)


@pytest.mark.slow
@pytest.mark.long
def test_every_model_has_the_same_weights_in_two_fresh_processes(tmp_path: Path) -> None:
    code = """
import hashlib, json, sys, tempfile
import zoo
from zoo import registry
from zoo.tasks import find_task

found = {}
for name in zoo.list_models("*/tiny"):
    for task in registry.find_model(name)[0].tasks:
        data = find_task(task).default_data
        given = registry.find_model(name)[0].defaults
        with tempfile.TemporaryDirectory() as out:
            arguments = {"dropout": 0.2} if "dropout" in given else {}
            if data == "reviews_sample":
                small = {"vocabulary_size": 300, "max_length": 20}
                arguments |= {"token_dropout": 0.1, "pair_buckets": 50}
            else:
                small = {}
            run = zoo.train(name.partition("/")[0], data=data, epochs=1, batch_size=256, out=out, seed=3, baseline=False,
                            ema=0.9, verbose=0, model_arguments=arguments, data_arguments=small)
            weights = b"".join(weight.tobytes() for weight in run.model.get_weights())
        found[f"{name} {task}"] = [hashlib.sha256(weights).hexdigest(), run.history]
print(json.dumps(found))
"""
    answers = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600).stdout
        for _ in range(2)
    ]
    first, second = map(json.loads, answers)
    assert len(first) >= 10
    assert first == second


@pytest.mark.slow
def test_splits_ignore_a_recipes_reading_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"epochs": 3, "data.ignore_columns": ["nothing"]}
    recipe = registry.RecipeInfo("linear@x", "", "", {}, 0.1, settings)
    monkeypatch.setattr(registry, "find_recipe", lambda model, data: recipe)
    run = zoo.train("linear", data=zoo.load_data(TABLE), out=tmp_path / "run", verbose=0)
    assert run.settings["epochs"] == 3
    assert run.settings["data.ignore_columns"] == []


@pytest.mark.slow
def test_a_returned_run_works_without_its_directory(tmp_path: Path) -> None:
    run = zoo.train("linear", data="iris", epochs=2, out=tmp_path / "run", verbose=0)
    shutil.rmtree(run.directory)
    assert len(run.history["loss"]) == 2
    assert run.model.get_weights()
