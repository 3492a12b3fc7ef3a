"""Settings with the value "auto" are chosen within the budget, recorded and used by the run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import UsageError
from zoo.settings import Settings
from zoo.training import auto

ALL = {"learning_rate": "auto", "batch_size": "auto", "precision": "auto"}


@pytest.mark.slow
def test_everything_is_chosen_and_recorded_and_can_be_repeated(tmp_path: Path) -> None:
    run = zoo.train("mlp", data="digits", epochs=2, out=tmp_path / "run", verbose=0, **ALL)
    record = json.loads((run.directory / "run.json").read_text())["auto"]
    assert set(record) == {"budget_s", "seconds", "precision", "batch_size", "learning_rate"}
    for name in ALL:
        assert run.settings[name] == record[name]["chosen"]
        assert record[name]["why"]
    assert record["batch_size"]["chosen"] == 8  # 2 epochs of 1,257 rows allow no larger size
    assert 1e-4 < record["learning_rate"]["chosen"] < 1
    assert record["learning_rate"]["tried"]["steps"] > 20
    assert record["precision"]["tried"]["float32"] > 0
    assert record["precision"]["why"].startswith("training takes under 30 s")
    assert "auto" not in (run.directory / "config.yaml").read_text().replace("auto_seconds", "")
    again = zoo.train(config=run.directory / "config.yaml", out=tmp_path / "again", verbose=0)
    assert again.history == run.history


@pytest.mark.slow
def test_a_small_budget_is_respected_and_leaves_settings_unchanged(tmp_path: Path) -> None:
    run = zoo.train("mlp", data="digits", epochs=1, auto_seconds=1e-9, out=tmp_path / "run", verbose=0, **ALL)
    record = run.content["auto"]
    assert record["learning_rate"] == {"chosen": 0.002, "tried": {}, "why": "the time budget ran out"}
    assert run.settings["learning_rate"] == 0.002
    assert record["precision"]["why"] == "the time budget ran out"


@pytest.mark.slow
def test_the_sweep_ends_with_the_budget(tmp_path: Path) -> None:
    from zoo.training.learning_rate import sweep_learning_rate

    data = zoo.load_data("mnist_sample")
    model = zoo.build("cnn", data=data)
    begun = time.monotonic()
    settings = Settings(model="cnn", data="mnist_sample", task="image_classification")
    sweep = sweep_learning_rate(model, data, settings, steps=100_000, seconds=8, verbose=0)
    assert time.monotonic() - begun < 30  # tracing included
    assert len(sweep.rates) < 100_000


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> dict[Any, float]:
    """Fixed speeds instead of measurements: by batch size or by precision."""
    table: dict[Any, float] = {}

    def speed(model: Any, data: Any, settings: Settings) -> float:
        return table[model] if model in table else table[settings.batch_size]

    monkeypatch.setattr(auto, "_examples_per_second", speed)
    return table


class Rows:
    def __init__(self, count: int) -> None:
        self.count = count

    def targets(self, part: str) -> np.ndarray:
        return np.zeros(self.count)


def chosen(asked: str, rows: int = 200_000, **settings: Any) -> tuple[Any, str]:
    given = Settings(model="m", data="d", task="t", batch_size=128, **settings)
    record = auto.choose_settings([asked], lambda settings: settings.precision, Rows(rows), given)
    return record[asked]["chosen"], record[asked]["why"]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({32: 100, 64: 190, 128: 300, 256: 310}, 128),
        ({32: 100, 64: 110}, 32),
        ({32: 1, 64: 2, 128: 4, 256: 8, 512: 16, 1024: 32}, 1024),
    ],
)
def test_batch_size_doubles_while_that_is_faster(speeds: dict[Any, float], measured: dict[int, float], expected: int) -> None:
    speeds |= measured
    assert chosen("batch_size")[0] == expected


@pytest.mark.parametrize(
    ("rows", "settings", "expected"),
    [
        (9600, {"epochs": 10}, 128),
        (9600, {"epochs": 5}, 64),
        (9600, {"epochs": 1}, 32),
        (9600, {"epochs": 1, "steps_per_epoch": 1000}, 256),
        (1000, {"epochs": 5}, 16),
        (106, {"epochs": 60}, 21),
        (106, {"epochs": 5}, 8),
        (5, {"epochs": 5}, 5),
    ],
)
def test_batch_size_leaves_enough_steps(speeds: dict[Any, float], rows: int, settings: dict[str, int], expected: int) -> None:
    speeds |= {32: 100, 64: 200, 128: 400, 256: 800, 512: 801}
    assert chosen("batch_size", rows, **settings)[0] == expected


@pytest.mark.parametrize(
    ("half", "full", "expected", "words"),
    [
        (1200, 1000, "mixed_bfloat16", "1.20 times"),
        (1100, 1000, "float32", "1.10 times"),
        (90_000, 70_000, "float32", "under 30 s"),
    ],
)
def test_half_precision_is_chosen_if_clearly_faster(
    speeds: dict[Any, float], half: float, full: float, expected: str, words: str
) -> None:
    speeds |= {"mixed_bfloat16": half, "float32": full}
    found, why = chosen("precision")
    assert found == expected
    assert words in why


@pytest.mark.slow
def test_precision_reaches_the_layers_and_keras_global_policy_stays(tmp_path: Path) -> None:
    run = zoo.train("mlp", data="iris", epochs=1, precision="mixed_bfloat16", out=tmp_path / "run", verbose=0)
    assert {layer.compute_dtype for layer in run.model.layers if layer.count_params()} == {"bfloat16", "float32"}
    assert keras.config.dtype_policy().name == "float32"
    assert zoo.Run.open(run.directory).predict(np.zeros((2, 4))).probabilities.dtype == np.float32


def test_auto_for_the_users_own_model_is_rejected(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(UsageError, match=r'"auto" needs a model by name. Received: learning_rate'):
        zoo.train(model, data="iris", learning_rate="auto", out=tmp_path / "run", verbose=0)


def test_probes_share_one_model_and_restore_it() -> None:
    built = []

    def build(settings: Settings) -> keras.Model:
        keras.utils.set_random_seed(settings.seed)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        built.append((model, model.get_weights()))
        return model

    data = zoo.load_data("iris")
    settings = Settings(model="m", data="iris", task="t", epochs=1000)
    record = auto.choose_settings(["precision", "batch_size", "learning_rate"], build, data, settings, verbose=0)
    assert record["batch_size"]["chosen"] in (32, 64)  # of 106 rows
    assert len(built) == 1
    model, before = built[0]
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert int(model.optimizer.iterations) == 0
