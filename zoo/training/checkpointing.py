"""Saves history, checkpoints and the model during training."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import keras

from zoo.artefacts.checkpoints import Checkpoints
from zoo.artefacts.run import RunWriter
from zoo.distribution.strategies import learning_rate_of
from zoo.distribution.workers import Agreement
from zoo.errors import UnknownNameError
from zoo.processes.signals import StopRequest
from zoo.settings import Settings
from zoo.training.divergence import Diverged
from zoo.training.snapshot import (
    Snapshot,
    Weights,
    averaged_weights,
    plain_state,
    restore_plain_state,
    weights_in_place,
)

RATES = 60  # number of learning rates to record; evaluating a schedule outside a graph takes 3 ms


class Checkpointing(keras.callbacks.Callback):
    """Saves the state of training, so that it can resume from any batch with bit-identical results.

    It must be the last callback, since it saves the state of the others.

    Args:
        writer: writer of the run directory.
        checkpoints: checkpoints of the run.
        settings: number of epochs, seconds between checkpoints, and which epoch's model to save.
        stateful: other callbacks with state to save.
        steps: batches per epoch.
        watched: name and direction of the validation score to watch: the `monitor` and `mode` of Keras' callbacks.
        stop: stop request from a signal.
        agreement: agreement of all workers to stop and write checkpoints together.
        begin: state from which the next call of `fit` starts.
    """

    def __init__(
        self,
        writer: RunWriter,
        checkpoints: Checkpoints,
        settings: Settings,
        stateful: Sequence[keras.callbacks.Callback],
        *,
        steps: int,
        watched: Mapping[str, str],
        stop: StopRequest,
        agreement: Agreement,
        begin: Snapshot,
    ) -> None:
        super().__init__()
        self._writer, self._checkpoints, self._settings, self._stateful = writer, checkpoints, settings, stateful
        self._steps, self._watched, self._stop, self._agreement = steps, watched, stop, agreement
        self.begin: Snapshot | None = begin
        self._is_rest_of_epoch = self._wants_end = False
        self.epoch, self.step, self.best = begin.epoch, begin.step, begin.best
        self.rows: list[dict[str, float]] = list(begin.facts.get("rows", ()))
        self.learning_rates: list[list[float]] = list(begin.facts.get("learning_rates", ()))
        self.epoch_seconds: list[float] = list(begin.facts.get("epoch_seconds", ()))
        self._best_score: float | None = begin.facts.get("best_score")
        self._rate_steps = max(1, settings.epochs * steps // RATES)
        self._written = time.monotonic()
        self._epoch_begun = 0.0
        self._begun: float = time.perf_counter() - begin.facts.get("seconds", 0.0)

    @property
    def seconds(self) -> float:
        """Total training time so far, over all sessions."""
        return time.perf_counter() - self._begun

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the state of the other callbacks, which have just reset it."""
        if self.begin is not None and "callbacks" in self.begin.facts:
            restore_plain_state(self._stateful, self.begin.facts["callbacks"])
            self.begin.restore_random_state()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start counting batches; in the middle of an epoch, restore the metrics, which Keras has just reset."""
        self.epoch, self.step = epoch, 0
        self._epoch_begun = time.perf_counter()
        if self.begin is not None:
            self.step = self.begin.step
            self._is_rest_of_epoch = self.step > 0
            if self._is_rest_of_epoch:
                self.begin.restore(self.model, "metrics")
            self.begin = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a checkpoint when one is due, or when a stop was requested."""
        self.step += 1
        done = self.epoch * self._steps + self.step
        if done % self._rate_steps == 0:
            self.learning_rates.append([done / self._steps, learning_rate_of(self.model)])
        if self.step == self._steps:
            return  # validation comes first
        self._wants_end |= bool(self.model.stop_training)
        must_stop, is_due, ends = self._agreement.at_step(done, self._stop.is_made, self._is_due(), self._wants_end)
        self.model.stop_training = ends  # a callback of one worker may have set it; all workers end at the same step
        if must_stop:
            self._save_all()
            raise KeyboardInterrupt
        if is_due:
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the scores; write checkpoint and model when they are due."""
        self.epoch_seconds.append(time.perf_counter() - self._epoch_begun)
        scores = numbers_in(logs)
        scores["learning_rate"] = learning_rate_of(self.model)
        self.rows.append({"epoch": epoch + 1, **scores})
        self.epoch, self.step = epoch + 1, 0
        self._update_best(scores)
        self._writer.save_history(self.rows)
        self._wants_end |= bool(self.model.stop_training)
        must_stop, is_due, ends = self._agreement.now(self._stop.is_made, self._is_due(), self._wants_end)
        self.model.stop_training = ends
        is_last = ends or self.epoch == self._settings.epochs
        if is_last or self._is_rest_of_epoch or must_stop or is_due:
            self._save_all()
        if must_stop and not is_last:
            raise KeyboardInterrupt

    def final_weights(self) -> Weights | None:
        """Return the weights to save: the best epoch's or the averaged ones; None for the model's current weights."""
        return self.best if self.best is not None else averaged_weights(self.model)

    def save_model(self) -> None:
        """Write the model with the weights to save."""
        with weights_in_place(self.model, self.final_weights()):
            self._writer.save_model(self.model, epoch=self.epoch, batch=self.step)

    def save(self) -> None:
        """Write a checkpoint now.

        Raises:
            Diverged: a variable is not finite.
            ArtefactError: the disk is full.
        """
        now = Snapshot.of(
            self.model,
            self.epoch,
            self.step,
            best=self.best,
            best_score=self._best_score,
            rows=self.rows,
            learning_rates=self.learning_rates,
            seconds=self.seconds,
            epoch_seconds=self.epoch_seconds,
            callbacks=plain_state(self._stateful),
            is_stopped=bool(self.model.stop_training),
        )
        if not now.is_finite:
            raise Diverged("a weight is no longer a finite number")
        facts = {**now.facts, "epoch": now.epoch, "step": now.step, "settings": self._writer.settings}
        self._checkpoints.save(now.epoch * self._steps + now.step, now.arrays, facts)
        self._written = time.monotonic()

    def _save_all(self) -> None:
        self.save()
        self.save_model()

    def _is_due(self) -> bool:
        return time.monotonic() - self._written >= self._settings.checkpoint_seconds

    def _update_best(self, scores: dict[str, float]) -> None:
        if not self._settings.follows_score:
            return
        name = self._watched["monitor"]
        if name not in scores:  # a user's compiled model
            raise UnknownNameError("score to monitor", name, scores)
        score = scores[name] if self._watched["mode"] == "max" else -scores[name]
        if self._settings.keep == "best" and (self._best_score is None or score > self._best_score):
            self._best_score = score
            self.best = averaged_weights(self.model) or self.model.get_weights()


def numbers_in(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the scores of an epoch, without values that are not single numbers, which a user's callback may add."""
    found = {}
    for name, value in (logs or {}).items():
        with suppress(TypeError, ValueError):
            if name != "epoch" and not isinstance(value, str):  # a column of the history itself
                found[name] = float(value)
    return found


def newest_snapshot(checkpoints: Checkpoints) -> Snapshot:
    """Return the newest intact snapshot of a run.

    Raises:
        ArtefactError: there is no intact snapshot.
    """
    arrays, facts = checkpoints.load_newest()
    return Snapshot(facts["epoch"], facts["step"], arrays, facts)
