"""Settings have their documented effects, from `zoo.train` to the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import UnknownNameError, UsageError

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(200, 4)).astype(np.float32)
LABELS = (FEATURES[:, 0] + RANDOM.normal(size=200) > 1).astype(np.int64)  # about one in four
TABLE = (FEATURES, LABELS)


def train(out: Path, model: Any = "mlp", data: Any = TABLE, **settings: Any) -> zoo.Run:
    constant = {"schedule": "constant", "warmup": 0.0, "batch_size": 20, "epochs": 3}
    return zoo.train(model, data=data, out=out, verbose=0, **{**constant, **settings})


@pytest.mark.slow
def test_full_batch_gradient_descent_reaches_the_closed_form_of_linear_regression(tmp_path: Path) -> None:
    """y = x w + b + noise: 100 steps of plain gradient descent reach the solution of the normal equations."""
    targets = FEATURES @ np.array([1.0, -2.0, 0.5, 3.0]) + 4 + RANDOM.normal(size=200) * 0.1
    data = zoo.load_data((FEATURES, targets.astype(np.float32)), batch_size=200)
    run = train(tmp_path / "run", "linear", data, optimizer="sgd", learning_rate=0.02, epochs=100, batch_size=200)
    ((rows, values),) = data.train.as_numpy_iterator()
    design = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    closed_form = np.linalg.solve(design.T @ design, design.T @ values[:, 0])
    found = run.model.predict(np.concatenate([np.eye(4), np.zeros((1, 4))]).astype(np.float32), verbose=0)[:, 0]
    np.testing.assert_allclose([*(found[:4] - found[4]), found[4]], closed_form, atol=1e-4)


class Follow(keras.callbacks.Callback):
    """Keeps the trained weights after every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append([weight.numpy().copy() for weight in self.model.trainable_weights])


@pytest.mark.slow
def test_averaged_weights_are_scored_saved_and_returned(tmp_path: Path) -> None:
    follow = Follow()
    run = train(tmp_path / "run", "mlp", ema=0.8, callbacks=[follow])
    average = follow.seen[0]
    for weights in follow.seen[1:]:
        average = [0.8 * old + 0.2 * new for old, new in zip(average, weights, strict=True)]
    for model in (run.model, zoo.Run.open(run.directory).model):
        for expected, weight in zip(average, model.trainable_weights, strict=True):
            np.testing.assert_allclose(weight.numpy(), expected, atol=1e-6)
    assert not np.allclose(average[0], follow.seen[-1][0], atol=1e-4)
    scores = run.model.evaluate(zoo.load_data(TABLE).validation, return_dict=True, verbose=0)
    assert run.history["val_loss"][-1] == pytest.approx(scores["loss"], rel=1e-5)


@pytest.mark.slow
def test_scoring_averages_does_not_change_training(tmp_path: Path) -> None:
    with_averages, without = Follow(), Follow()
    train(tmp_path / "a", ema=0.8, callbacks=[with_averages])
    train(tmp_path / "b", callbacks=[without])
    for left, right in zip(with_averages.seen, without.seen, strict=True):
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_accumulation_takes_one_step_for_several_batches(tmp_path: Path) -> None:
    follow = Follow()
    train(tmp_path / "run", accumulation_steps=3, epochs=1, callbacks=[follow])  # 7 batches
    changed = [not np.array_equal(left[0], right[0]) for left, right in zip(follow.seen, follow.seen[1:], strict=False)]
    assert changed == [False, True, False, False, True, False]


@pytest.mark.slow
def test_balanced_and_explicit_class_weights_have_their_effects(tmp_path: Path) -> None:
    loss = {}
    for number, weight in enumerate([None, "balanced", {"1": 3.0}]):
        run = train(tmp_path / f"run{number}", "linear", class_weight=weight, epochs=1, batch_size=140, learning_rate=1e-9)
        loss[number] = run.history["loss"][0]
    model, data = run.model, zoo.load_data(TABLE, batch_size=140)
    ((rows, labels),) = data.train.as_numpy_iterator()
    each = keras.losses.sparse_categorical_crossentropy(labels, model.predict(rows, verbose=0), from_logits=True).numpy()
    share = np.bincount(labels) / len(labels)
    assert loss[0] == pytest.approx(each.mean(), rel=1e-4)
    assert loss[1] == pytest.approx((each * (0.5 / share)[labels]).mean(), rel=1e-4)
    assert loss[2] == pytest.approx((each * np.where(labels == 1, 3.0, 1.0)).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("data", "weight", "error", "words"),
    [
        (TABLE, {"2": 1.0}, UnknownNameError, "Unknown label in class_weight. Received: '2'"),
        ("diabetes", "balanced", UsageError, "`class_weight` is for classification only"),
    ],
)
def test_invalid_class_weights_are_rejected(tmp_path: Path, data: Any, weight: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        train(tmp_path / "run", "linear", data, class_weight=weight)


@pytest.mark.slow
def test_training_stops_early_and_keeps_the_best_model(tmp_path: Path) -> None:
    asked = {
        "optimizer": "momentum",
        "learning_rate": 0.3,
        "epochs": 60,
        "early_stopping": 4,
        "keep": "best",
        "monitor": "loss",
    }
    run = train(tmp_path / "run", **asked)
    losses = run.history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 4 < 60
    for model in (run.model, zoo.Run.open(run.directory).model):
        assert model.evaluate(zoo.load_data(TABLE).validation, return_dict=True, verbose=0)["loss"] == pytest.approx(
            losses[best], rel=1e-5
        )


@pytest.mark.slow
def test_the_last_epoch_is_kept_by_default(tmp_path: Path) -> None:
    run = train(tmp_path / "run", optimizer="momentum", learning_rate=0.3, epochs=8)
    scores = run.model.evaluate(zoo.load_data(TABLE).validation, return_dict=True, verbose=0)
    assert scores["loss"] == pytest.approx(run.history["val_loss"][-1], rel=1e-5)


@pytest.mark.slow
def test_the_rate_falls_at_a_plateau_and_the_history_has_it(tmp_path: Path) -> None:
    asked = {"schedule": "plateau", "plateau_patience": 1, "decay": 0.5, "learning_rate": 0.25, "epochs": 10}
    run = train(tmp_path / "run", "linear", optimizer="sgd", **asked)
    rates = run.history["learning_rate"]
    assert rates[0] == 0.25
    assert set(rates) == {0.25 * 0.5**number for number in range(round(np.log2(0.25 / rates[-1])) + 1)}
    assert rates[-1] < 0.25


def test_a_plateau_ignores_the_tasks_default_warmup(tmp_path: Path) -> None:
    run = zoo.train("mlp", data="iris", epochs=2, schedule="plateau", out=tmp_path / "run", verbose=0)
    assert run.settings["warmup"] == 0


@pytest.mark.slow
def test_drops_are_sorted(tmp_path: Path) -> None:
    runs = [
        train(tmp_path / name, schedule="step", step_at=falls, decay=0.5, epochs=4)
        for name, falls in (("a", (0.25, 0.75)), ("b", (0.75, 0.25)))
    ]
    assert runs[0].history["learning_rate"] == runs[1].history["learning_rate"]


@pytest.mark.slow
def test_settings_come_from_yaml_and_from_set_alike(tmp_path: Path) -> None:
    from zoo.yaml_settings import parse_assignments

    yaml = tmp_path / "config.yaml"
    yaml.write_text(
        "schedule: step\nstep_at: [0.4, 0.8]\ndecay: 0.5\nema: 0.9\nclass_weight: {'0': 1, '1': 2}\nclip_norm: 1e-1\n"
    )
    words = ["schedule=step", "step_at=[0.4, 0.8]", "decay=0.5", "ema=0.9", "class_weight={'0': 1, '1': 2}", "clip_norm=1e-1"]
    plain = {"model": "linear", "data": TABLE, "epochs": 1, "verbose": 0}
    from_yaml = zoo.train(**plain, config=yaml, out=tmp_path / "a").settings
    assert from_yaml == zoo.train(**plain, **parse_assignments(words), out=tmp_path / "b").settings
    assert from_yaml["step_at"] == [0.4, 0.8]
    assert from_yaml["class_weight"] == {"0": 1.0, "1": 2.0}


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule", ["step", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cosine", "one_cycle", "exponential"))]
)
def test_accumulation_does_not_change_the_learning_rate_schedule(tmp_path: Path, schedule: str) -> None:
    settings = {"schedule": schedule, "warmup": 0.2, "epochs": 6}
    alone, gathered = (train(tmp_path / f"run{steps}", accumulation_steps=steps, **settings) for steps in (1, 3))
    assert gathered.history["learning_rate"] == alone.history["learning_rate"]
    assert len(set(alone.history["learning_rate"])) > 2


@pytest.mark.parametrize(
    ("data", "settings", "error", "words"),
    [
        (TABLE, {"accumulation_steps": 100, "epochs": 2}, UsageError, "accumulation_steps=100 for 14 batches in total"),
        (
            TABLE,
            {"monitor": "r2", "keep": "best"},
            UnknownNameError,
            "Unknown score of tabular_classification to monitor. Received: 'r2'",
        ),
        ("diabetes", {"monitor": "accuracy", "keep": "best"}, UnknownNameError, "to monitor. Received: 'accuracy'"),
        ("diabetes", {"label_smoothing": 0.1}, UsageError, "classification has label smoothing. Received: label_smoothing=0.1"),
        (TABLE, {"class_weight": {"0": 0, "1": 0}}, UsageError, "at least one label has a weight above 0"),
        (TABLE, {"class_weight": {"1": -1}}, UsageError, "number of at least 0 for each label"),
        (TABLE, {"class_weight": {"1": float("nan")}}, UsageError, "number of at least 0 for each label"),
        (
            TABLE,
            {"step_at": (0.3, 0.1), "schedule": "step", "warmup": 0.2},
            UsageError,
            "`step_at` must come after the warm-up",
        ),
        (
            TABLE,
            {"monitor": "loss"},
            UsageError,
            "`monitor` is for early_stopping, keep=best or schedule=plateau. Received: monitor=loss",
        ),
        (TABLE, {"optimizer": "lazy_adam", "clip_norm": 1.0}, UsageError, "lazy_adam does not support accumulation"),
        (TABLE, {"step_at": (0.3,), "schedule": "cosine"}, UsageError, "`step_at` is for schedule=step"),
        (TABLE, {"decay": 0.5, "schedule": "constant"}, UsageError, "`decay` is for schedule=step or exponential or plateau"),
        (TABLE, {"plateau_patience": 1, "schedule": "step"}, UsageError, "plateau_patience=1 with schedule=step"),
    ],
)
def test_useless_or_harmful_settings_are_rejected(
    tmp_path: Path, data: Any, settings: dict[str, Any], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        train(tmp_path / "run", "linear", data, **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_numeric_labels_may_have_weights_by_number(tmp_path: Path) -> None:
    by_text, by_number = (
        train(tmp_path / f"run{number}", class_weight=weight, epochs=1) for number, weight in enumerate(({"1": 3}, {1: 3.0}))
    )
    assert by_text.history == by_number.history


def test_a_monitor_that_a_compiled_model_lacks_is_named(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(UnknownNameError, match=r"score to monitor\. Received: .val_accuracy."):
        zoo.train(model, data=TABLE, keep="best", epochs=1, out=tmp_path / "run", verbose=0)
