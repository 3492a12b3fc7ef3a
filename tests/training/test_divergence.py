"""Diverging training stops, restores the last good checkpoint, and says what to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ZooError
from zoo.training.divergence import Diverged, Guard

RANDOM = np.random.default_rng(0)
VALUES = (RANDOM.normal(size=(64, 3)).astype(np.float32), RANDOM.normal(size=64).astype(np.float32))


class Poison(keras.callbacks.Callback):
    """Turns a weight into NaN before a batch, counted over all epochs."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.left = (batch,)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.left = (self.left[0] - 1,)
        if self.left[0] == 0:
            weight = self.model.trainable_weights[0]
            weight.assign(np.full(weight.shape, np.nan))


def test_nan_in_the_third_epoch_restores_the_last_checkpoint(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    settings = {"epochs": 5, "batch_size": 16, "checkpoint_seconds": 0, "learning_rate": 0.02, "optimizer": "sgd"}
    with pytest.raises(ZooError) as caught:  # 3 batches an epoch
        zoo.train(model, data=VALUES, out=tmp_path / "run", callbacks=[Poison(8)], verbose=0, **settings)
    said = str(caught.value)
    assert "Training diverged: the loss became nan. Received: optimizer=sgd, learning_rate=0.02" in said
    assert (
        "to the last checkpoint, in epoch 3, after 1 batches. Try learning_rate=0.002, or limit the gradients with clip_norm=1"
        in said
    )
    run = zoo.Run.open(tmp_path / "run")
    assert run.status == "failed"
    assert run.content["kept"] == {"epoch": 2, "batch": 1}
    assert len(run.history["loss"]) == 2
    for kept, own in zip(run.model.get_weights(), model.get_weights(), strict=True):
        assert np.isfinite(kept).all()
        np.testing.assert_array_equal(kept, own)  # the user's own model is restored too


def test_nan_in_the_first_batch_restores_the_untrained_model(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    before = model.get_weights()
    with pytest.raises(ZooError, match="to the last checkpoint, before training") as caught:
        zoo.train(model, data=VALUES, epochs=1, out=tmp_path / "run", callbacks=[Poison(1)], verbose=0)
    assert "To resume" not in caught.value.__notes__[0]  # it would diverge again
    for kept, own in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, own)


def test_too_high_a_learning_rate_is_detected(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"Training diverged.*Try learning_rate=0.01"):
        zoo.train("linear", data="diabetes", epochs=50, optimizer="sgd", learning_rate=50.0, out=tmp_path / "run", verbose=0)


def test_a_loss_of_a_thousand_times_the_first_is_divergence() -> None:
    guard = Guard()
    guard.on_train_batch_end(0, {"loss": 2.0})
    guard.on_train_batch_end(1, {"loss": 1999.0})
    with pytest.raises(Diverged, match=r"rose to 2e\+03, from 2 in the first batch"):
        guard.on_train_batch_end(2, {"loss": 2001.0})


def test_a_model_with_a_first_loss_near_zero_may_continue() -> None:
    guard = Guard()
    guard.on_train_batch_end(0, {"loss": 1e-5})
    guard.on_epoch_end(0, {"val_loss": 0.3})
    with pytest.raises(Diverged, match=r"rose to 1\.1e"):
        guard.on_epoch_end(1, {"val_loss": 1100.0})


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_the_validation_loss_is_watched_too(loss: float) -> None:
    with pytest.raises(Diverged, match=f"validation loss became {loss}"):
        Guard().on_epoch_end(0, {"loss": 1.0, "val_loss": loss})
