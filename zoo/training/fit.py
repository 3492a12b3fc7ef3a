"""Trains a model from the start or from a checkpoint, and records everything in a run directory."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from zoo.artefacts.checkpoints import Checkpoints
from zoo.artefacts.run import RunWriter, place_of
from zoo.distribution.strategies import strategy_of
from zoo.distribution.workers import Agreement, Worker, explain_lost_workers
from zoo.errors import CheckpointError, UsageError, ZooError, one_line
from zoo.pipeline.splits import Splits
from zoo.processes.signals import StopRequest
from zoo.settings import Settings, resolve
from zoo.training.averaging import ScoreAverages
from zoo.training.batches import training_batches, validation_batches
from zoo.training.checkpointing import Checkpointing, newest_snapshot, numbers_in
from zoo.training.divergence import Diverged, Guard
from zoo.training.progress import EpochBars
from zoo.training.snapshot import Snapshot
from zoo.yaml_settings import read_config

HIGH_RATE = 0.01  # highest learning rate to suggest


@dataclass(frozen=True)
class Training:
    """A training run that is ready to start or to resume.

    Args:
        model: compiled model; its optimizer has its variables.
        splits: the data in batches.
        writer: writer of the run directory.
        settings: resolved settings.
        strategy: strategy to train under; default None.
        is_resumed: whether to resume from the newest checkpoint; default False.
    """

    model: keras.Model
    splits: Splits
    writer: RunWriter
    settings: Settings
    strategy: tf.distribute.Strategy | None = None
    is_resumed: bool = False


def fit(training: Training, callbacks: Sequence[keras.callbacks.Callback] = (), verbose: int = 0) -> dict[str, float]:
    """Train the model and write it to the run directory; the model has the saved weights afterwards.

    The training part repeats endlessly, and `steps_per_epoch` divides it into epochs: an endless iterator needs no tear-down.

    Args:
        training: the run to train.
        callbacks: the user's callbacks; checkpoints include their plain attributes; default `()`.
        verbose: 0 shows nothing, 1 shows a progress bar; default 0.

    Returns:
        Timings in seconds: `fit_s`, the total, and `epoch_s`, the median epoch.

    Raises:
        ZooError: training diverged, the data do not fit the model, or the disk is full.
        KeyboardInterrupt: SIGINT or SIGTERM was received; a checkpoint has been written.
    """
    model, data, writer, settings = training.model, training.splits, training.writer, training.settings
    steps = settings.steps_per_epoch or int(data.train.cardinality())
    checkpoints = Checkpoints(writer.directory / "checkpoints", settings.keep_checkpoints)
    monitor = settings.monitor or data.info.task.monitor
    watched: dict[str, str] = {"monitor": f"val_{monitor}", "mode": data.info.task.direction(monitor)}
    strategy = strategy_of(model)
    validation, validation_steps = validation_batches(data, strategy)
    stateful = [Guard(), *_scheduled(settings, watched), *callbacks]
    logs = _Logs(str(writer.directory / "logs"), write_graph=False)
    bars = [EpochBars(settings.epochs, steps, data.batch_size)] if verbose else []
    begin = newest_snapshot(checkpoints) if training.is_resumed else Snapshot(0, 0, {})  # nothing to restore
    if training.is_resumed:
        _check_unchanged(begin, training)
    with StopRequest() as stop:
        checkpointing = Checkpointing(
            writer, checkpoints, settings, stateful, steps=steps, watched=watched, stop=stop, agreement=Agreement(strategy),
            begin=begin,
        )  # fmt: skip
        checkpointing.set_model(model)

        def train_from(begin: Snapshot) -> None:
            """Train from the middle of an epoch to its end, or from the start of one to the end of training."""
            if begin.arrays:
                begin.restore(model, "model", "optimizer")
            checkpointing.begin = begin
            model.fit(
                training_batches(data, settings, begin.epoch * steps + begin.step, strategy),
                validation_data=validation,
                validation_steps=validation_steps,
                initial_epoch=begin.epoch,
                epochs=begin.epoch + 1 if begin.step else settings.epochs,
                steps_per_epoch=steps - begin.step,
                shuffle=False,
                verbose=0,
                callbacks=[ScoreAverages(), *stateful, logs, *bars, checkpointing],
            )

        try:
            with explain_lost_workers() if Worker.of(strategy).count > 1 else nullcontext():
                if not training.is_resumed:
                    model.stop_training = False  # a sweep or an earlier stop may have set it
                    checkpointing.save()
                if begin.step:
                    scored = validation if validation is not None else data.train
                    model.evaluate(scored, steps=1, verbose=0)  # creates the metrics' variables, which are also restored
                    train_from(begin)
                    begin = newest_snapshot(checkpoints)  # after `fit`, the model may hold the optimizer's averages
                if begin.epoch < settings.epochs and not begin.facts.get("is_stopped"):
                    train_from(begin)
                else:
                    begin.restore(model, "model", "optimizer")
                    checkpointing.save_model()
        except Diverged as problem:
            good = newest_snapshot(checkpoints)
            good.restore(model, "model", "optimizer")
            checkpointing.epoch, checkpointing.step = good.epoch, good.step
            checkpointing.save_model()
            raise ZooError(_advice(problem, good, settings)) from problem
        except tf.errors.ResourceExhaustedError as error:
            raise ZooError(
                f"Out of memory. Received: batch_size={settings.batch_size}. Use a smaller batch_size (with "
                "accumulation_steps for the same effective size) or a smaller model."
            ) from error
        except ValueError as error:  # from a loss or metric of the user's compiled model
            if isinstance(error, ZooError) or checkpointing.epoch_seconds or checkpointing.step:  # some batches have succeeded
                raise
            raise ZooError(
                f"The model's loss or metrics do not accept these data: {one_line(error)}. Received: "
                f"{data.info.task_name}, targets of shape {data.train.element_spec[1].shape}. Compile the model for these."
            ) from error
        finally:
            for bar in bars:
                bar.close()
    weights = checkpointing.final_weights()
    if weights is not None:
        model.set_weights(weights)
    writer.update(learning_rates=checkpointing.learning_rates)
    return {"fit_s": checkpointing.seconds, "epoch_s": statistics.median(checkpointing.epoch_seconds)}


def _check_unchanged(begin: Snapshot, training: Training) -> None:
    """Reject settings in `run.json` or `config.yaml` that differ from the checkpoint's.

    Raises:
        CheckpointError: the message names the file and the settings.
        UsageError: `config.yaml` is missing, or a setting in it is not accepted.
    """
    then, config = resolve(begin.facts["settings"]).to_flat(), training.writer.directory / "config.yaml"
    try:
        written = resolve(read_config(config))
    except UsageError as error:
        error.add_note(f"This is in {config}. The file must not change after the run has written it.")
        raise
    for file, now in (("run.json", training.settings.to_flat()), (config.name, written.to_flat())):
        changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
        if changed:
            raise CheckpointError(
                f"The settings in {file} differ from the checkpoint's. Received: "
                f"{', '.join(f'{name}={now.get(name)} (checkpoint: {then.get(name)})' for name in changed)}. Restore them, or "
                f"start a new run: zoo train --config {config}"
            )


class _Logs(keras.callbacks.TensorBoard):
    """TensorBoard logs per epoch, without the scalars per batch that Keras computes only to discard them."""

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log nothing."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the numbers."""
        super().on_epoch_end(epoch, numbers_in(logs))


def _scheduled(settings: Settings, watched: Mapping[str, Any]) -> list[keras.callbacks.Callback]:
    """Return the Keras callbacks that the settings ask for; they watch a validation score."""
    found = []
    if settings.schedule == "plateau":
        patience = settings.plateau_patience
        found.append(keras.callbacks.ReduceLROnPlateau(**watched, factor=settings.decay, patience=patience))
    if settings.early_stopping:
        found.append(keras.callbacks.EarlyStopping(**watched, patience=settings.early_stopping))
    return found


def _advice(problem: Diverged, good: Snapshot, settings: Settings) -> str:
    """Return the message about a diverged run, with what to change."""
    can_clip = not settings.clip_norm and settings.optimizer not in ("lazy_adam", "own")
    clip = ", or limit the gradients with clip_norm=1" if can_clip else ""
    return (
        f"Training diverged: {problem}. Received: optimizer={settings.optimizer}, learning_rate={settings.learning_rate:g}. "
        f"The model has been restored to the last checkpoint, {place_of(good.epoch, good.step)}. "
        f"Try learning_rate={min(settings.learning_rate / 10, HIGH_RATE):g}{clip}."
    )
