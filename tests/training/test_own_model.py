"""The user's own model trains as configured, and stays ready for the next call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.artefacts.checkpoints import Checkpoints
from zoo.errors import UnknownNameError, UsageError, ZooError
from zoo.training import batches

RANDOM = np.random.default_rng(0)
VALUES = (RANDOM.normal(size=(80, 3)).astype(np.float32), RANDOM.normal(size=80).astype(np.float32))


def classifier(activation: str | None = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=activation)])


def compiled(rate: Any, metrics: tuple[str, ...] = ("accuracy",)) -> keras.Model:
    model = classifier()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, metrics=list(metrics))
    return model


@pytest.mark.parametrize(
    "refused",
    [{"label_smoothing": 0.1}, {"augment_shift": 0.1}, {"class_weight": {"tulip": 2.0}}, {"precision": "mixed_bfloat16"}],
)
def test_an_error_leaves_an_uncompiled_model_uncompiled(tmp_path: Path, refused: dict[str, Any]) -> None:
    model = classifier("softmax")
    with pytest.raises(UsageError):
        zoo.train(model, data="iris", epochs=1, out=tmp_path / "refused", verbose=0, **refused)
    assert not model.compiled
    zoo.train(model, data="iris", epochs=1, learning_rate=0.01, out=tmp_path / "run", verbose=0)
    assert not model.loss.get_config()["from_logits"]


@pytest.mark.slow
def test_a_model_whose_schedule_has_ended_is_refused(tmp_path: Path) -> None:
    model = classifier()
    zoo.train(model, data="iris", epochs=1, out=tmp_path / "first", verbose=0)
    with pytest.raises(UsageError, match=r"learning rate is 0: the model.s schedule has ended.*model\.compiled = False"):
        zoo.train(model, data="iris", epochs=1, out=tmp_path / "second", verbose=0)
    assert not (tmp_path / "second").exists()
    model.compiled = False
    before = model.get_weights()
    zoo.train(model, data="iris", epochs=1, out=tmp_path / "third", verbose=0)
    assert not np.array_equal(before[0], model.get_weights()[0])


class Stop(keras.callbacks.Callback):
    """Ctrl-C after the third batch of its first training."""

    def __init__(self) -> None:
        super().__init__()
        self.left = [3]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left[0] -= 1
        if self.left[0] == 0:
            import signal

            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
def test_a_schedule_that_starts_at_0_can_be_resumed(tmp_path: Path) -> None:
    stop = Stop()
    rising = keras.optimizers.schedules.CosineDecay(0.0, 100, warmup_target=1e-2, warmup_steps=4)
    with pytest.raises(KeyboardInterrupt):
        zoo.train(compiled(rising), data="iris", epochs=2, batch_size=16, out=tmp_path / "run", callbacks=[stop], verbose=0)
    run = zoo.train(resume=tmp_path / "run", callbacks=[stop], verbose=0)
    assert run.status == "finished"
    assert run.settings["learning_rate"] == 0


def test_a_stop_request_before_training_is_ignored(tmp_path: Path) -> None:
    model = compiled(0.01)
    model.stop_training = True
    run = zoo.train(model, data="iris", epochs=2, out=tmp_path / "run", verbose=0)
    kept = Checkpoints(run.directory / "checkpoints", 10)
    newest, _first = kept
    newest.unlink()
    assert kept.load_newest()[1]["is_stopped"] is False


def test_weights_that_are_not_finite_are_rejected_with_the_reason(tmp_path: Path) -> None:
    model = classifier()
    model.set_weights([np.full(weight.shape, np.nan) for weight in model.get_weights()])
    with pytest.raises(UsageError, match="weight of the model is not a finite number"):
        zoo.train(model, data="iris", epochs=1, out=tmp_path / "run", verbose=0)


@pytest.mark.filterwarnings("ignore:Early stopping conditioned on metric")  # Keras' message, before ours
def test_a_score_that_the_model_does_not_have_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"score to monitor\. Received: 'val_accuracy'"):
        zoo.train(compiled(0.01, ()), data="iris", epochs=3, early_stopping=1, out=tmp_path / "run", verbose=0)


class Late(keras.callbacks.Callback):
    """Adds a score from the second epoch on, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = (error,)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs |= {"note": "fine", "matrix": np.eye(2), "nothing": None, "epoch": 77}  # not scores
        if epoch == 1:
            logs["late"] = 0.5
            if self.error[0]:
                raise self.error[0]


def test_a_late_score_is_in_the_history_and_other_values_are_not(tmp_path: Path) -> None:
    run = zoo.train(classifier(), data="iris", epochs=3, out=tmp_path / "run", callbacks=[Late()], verbose=0)
    history = zoo.Run.open(run.directory).history
    assert np.isnan(history["late"][0])
    assert history["late"][1] == 0.5
    assert not {"note", "matrix", "nothing"} & set(history)
    assert (run.directory / "history.csv").read_text().splitlines()[2].startswith("2,")


@pytest.mark.parametrize("given", [Late(), [Late], None])
def test_an_invalid_list_of_callbacks_is_rejected(tmp_path: Path, given: Any) -> None:
    with pytest.raises(UsageError, match="`callbacks` must be a list of"):
        zoo.train("mlp", data="iris", out=tmp_path / "run", callbacks=given, verbose=0)


@pytest.mark.slow
def test_after_divergence_the_advice_can_be_followed(tmp_path: Path) -> None:
    model = classifier()
    with pytest.raises(ZooError, match=r"Try learning_rate=0\.01"):
        zoo.train(model, data="iris", epochs=3, optimizer="sgd", learning_rate=1e30, out=tmp_path / "run", verbose=0)
    zoo.train(model, data="iris", epochs=1, learning_rate=0.01, out=tmp_path / "again", verbose=0)


def test_an_error_of_a_callback_is_not_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^mine\b") as caught:
        zoo.train(classifier(), data="iris", epochs=3, out=tmp_path / "run", callbacks=[Late(ValueError("mine"))], verbose=0)
    assert not isinstance(caught.value, ZooError)


@pytest.mark.slow
def test_the_sweep_of_a_run_has_its_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = zoo.train("mlp", data="iris", epochs=1, batch_size=20, out=tmp_path / "run", verbose=0)
    seen = []
    stream = batches.training_stream

    def noted(data: zoo.Splits, *arguments: Any) -> Any:
        seen.append(data.batch_size)
        return stream(data, *arguments)

    monkeypatch.setattr(batches, "training_stream", noted)
    zoo.find_learning_rate(run, verbose=0)
    assert seen == [20]


@pytest.mark.slow
def test_the_sweep_of_a_run_has_its_class_weights(tmp_path: Path) -> None:
    settings = {"class_weight": {"setosa": 50}, "batch_size": 16}
    run = zoo.train("mlp", data="iris", epochs=1, out=tmp_path / "run", verbose=0, **settings)
    same, other = (zoo.find_learning_rate(run, steps=12, verbose=0, **given) for given in ({}, {"class_weight": {"setosa": 1}}))
    repeated = zoo.find_learning_rate(run, steps=12, verbose=0, class_weight={"setosa": 50})
    assert same.losses == repeated.losses != other.losses


def test_the_sweep_of_a_run_reads_other_data_as_the_run_did(tmp_path: Path) -> None:
    rows = pd.DataFrame({"kind": ["a", "b"] * 50, "size": range(100), "label": ["x", "y"] * 50, "class": ["n", "m"] * 50})
    reads = {"data_arguments": {"label_column": "label"}, "verbose": 0}
    run = zoo.train("linear", data=rows, epochs=1, out=tmp_path / "run", **reads)
    rows["kind"] = "a"
    assert zoo.find_learning_rate(run, data=rows, steps=12, verbose=0).suggestion > 0


def test_a_sweep_of_weights_that_are_not_finite_is_rejected() -> None:
    model = compiled(0.01)
    model.layers[0].kernel.assign(np.full((4, 3), np.nan))
    with pytest.raises(UsageError, match="not a finite number"):
        zoo.find_learning_rate(model, data="iris", verbose=0)


def test_a_sweep_ignores_the_schedule() -> None:
    plain = zoo.find_learning_rate("mlp", data="iris", steps=12, verbose=0)
    settings = {"schedule": "step", "step_at": (0.1,), "warmup": 0.5, "learning_rate": "auto"}
    assert zoo.find_learning_rate("mlp", data="iris", steps=12, verbose=0, **settings).losses == plain.losses


def test_a_sweep_accepts_negative_losses(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss=lambda truth, answer: -keras.ops.exp(-keras.ops.square(truth - answer)))
    sweep = zoo.find_learning_rate(model, data=VALUES, verbose=0)
    assert max(sweep.losses) < 0
    assert len(sweep.rates) > 40
    assert sweep.suggestion > 1e-4


@pytest.mark.slow
def test_a_sweep_changes_images_and_weights_classes_as_training_does() -> None:
    plain, weighted, changed = (
        zoo.find_learning_rate("mlp", data="digits", steps=12, verbose=0, **settings)
        for settings in ({}, {"class_weight": {"3": 5.0}}, {"augment_shift": 0.3})
    )
    assert plain.losses[0] != weighted.losses[0]
    assert plain.losses[0] != changed.losses[0]
    with pytest.raises(UsageError, match="Augmentation is for images only"):
        zoo.find_learning_rate("mlp", data="iris", augment_shift=0.1, verbose=0)
