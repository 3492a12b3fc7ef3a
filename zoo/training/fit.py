"""One training run: fit, from its beginning or from a checkpoint, and leave a directory that says what happened."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo.artefacts.checkpoints import Checkpoints
from zoo.artefacts.run import RunWriter, place_of
from zoo.distribution.strategies import strategy_of
from zoo.distribution.workers import Agreement, Worker, told_of_losses
from zoo.errors import CheckpointError, UsageError, ZooError, one_line
from zoo.pipeline.splits import Splits
from zoo.settings import Settings
from zoo.training.averaging import ScoreAverages
from zoo.training.batches import training_batches, validation_batches
from zoo.training.guard import Diverged, Guard
from zoo.training.interruption import StopRequest
from zoo.training.keeper import Keeper, newest_snapshot, numbers_in
from zoo.training.progress import EpochBars
from zoo.training.snapshot import Snapshot

HIGH_RATE = 0.01  # learning rate that nothing above is advised


def fit(
    model: keras.Model,
    data: Splits,
    writer: RunWriter,
    settings: Settings,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    resume: bool = False,
    verbose: int = 1,
) -> dict[str, float]:
    """Train a compiled model, keep what it learns in the run directory, and leave the model as the run keeps it.

    The training part is repeated without end and cut into epochs by their steps: an iterator that never ends has no
    tear-down to wait for.

    Args:
        model: compiled; its optimizer has its variables.
        data: train and validation parts.
        writer: of the run directory.
        settings: epochs, augmentation, class weights, early stopping, what to keep and how often.
        callbacks: the user's own. Their plain attributes are part of a checkpoint.
        resume: whether to go on from the newest checkpoint.
        verbose: 0 shows nothing, 1 a progress bar.

    Returns:
        Timings in seconds: `fit_s` in all, and `epoch_s`, the median epoch.

    Raises:
        ZooError: training diverged, the data do not fit the model, or the disk is full.
        KeyboardInterrupt: SIGINT or SIGTERM came; a checkpoint is written.
    """
    steps = settings.steps_per_epoch or int(data.train.cardinality())
    checkpoints = Checkpoints(writer.directory / "checkpoints", settings.keep_checkpoints)
    monitor = settings.monitor or data.info.task.monitor
    direction = data.info.task.direction(monitor)
    strategy = strategy_of(model)
    validation, validation_steps = validation_batches(data, strategy)
    stateful = [Guard(), *_scheduled(settings, monitor, direction), *callbacks]
    logs = _Logs(str(writer.directory / "logs"), write_graph=False)
    bars = EpochBars(settings.epochs, steps, data.batch_size) if verbose else None
    begin = newest_snapshot(checkpoints) if resume else Snapshot(0, 0, {})  # nothing to restore: the model is as it begins
    _check_settings(begin, writer.settings)
    with StopRequest() as stop:
        keeper = Keeper(
            writer, checkpoints, stateful, epochs=settings.epochs, steps=steps, seconds=settings.checkpoint_seconds,
            monitor=(f"val_{monitor}", direction) if settings.follows_score else None,
            keeps_best=settings.keep == "best", stop=stop, agreement=Agreement(strategy), begin=begin,
        )  # fmt: skip
        keeper.set_model(model)

        def go_on(begin: Snapshot) -> None:
            """Train from a place in the middle of an epoch to its end, else to the end of all."""
            if begin.arrays:
                begin.restore(model, "model", "optimizer")
            keeper.go_on_from(begin)
            first_batch = begin.epoch * steps + begin.step
            model.fit(
                training_batches(data, settings, first_batch, strategy),
                validation_data=validation,
                validation_steps=validation_steps,
                initial_epoch=begin.epoch,
                epochs=begin.epoch + 1 if begin.step else settings.epochs,
                steps_per_epoch=steps - begin.step,
                shuffle=False,
                verbose=0,
                callbacks=[ScoreAverages(), *stateful, logs, *([bars] if bars else []), keeper],
            )

        try:
            with told_of_losses(is_one_of_several=Worker.of(strategy).count > 1):
                if not resume:
                    model.stop_training = False  # as a sweep, or an early stop before, may have left it
                    _save_first(keeper)
                if begin.step:
                    scored = validation if validation is not None else data.train
                    model.evaluate(scored, steps=1, verbose=0)  # makes the metrics' variables, which come back too
                    go_on(begin)
                    begin = newest_snapshot(checkpoints)  # in the model, `fit` leaves averages where the optimizer keeps any
                if begin.epoch < settings.epochs and not begin.facts.get("is_stopped"):
                    go_on(begin)
                else:
                    begin.restore(model, "model", "optimizer")
                    keeper.keep_model()
        except Diverged as problem:
            good = newest_snapshot(checkpoints)
            good.restore(model, "model", "optimizer")
            keeper.epoch, keeper.step = good.epoch, good.step
            keeper.keep_model()
            raise ZooError(_advice(problem, keeper, settings)) from problem
        except UsageError:
            raise  # some are ValueErrors too
        except tf.errors.ResourceExhaustedError as error:
            raise ZooError(
                f"The memory is used up. Received: batch_size={settings.batch_size}. Take a smaller one, with "
                "accumulation_steps for the same step, or a smaller model."
            ) from error
        except tf.errors.InvalidArgumentError as error:
            raise ZooError(f"Training failed: {_first_line(error)}") from error
        except ValueError as error:  # Keras, of a loss or metric that a user's model was compiled with
            if keeper.epoch_seconds or keeper.step:  # of something else, since these took some batches
                raise
            raise ZooError(
                f"The model's loss or metrics do not take these data: {one_line(error)}. Received: "
                f"{data.info.task_name}, targets of shape {data.train.element_spec[1].shape}. Compile the model for these."
            ) from error
        finally:
            if bars:
                bars.close()
    weights = keeper.final_weights()
    if weights is not None:
        model.set_weights(weights)
    writer.update(learning_rates=keeper.learning_rates)
    return {"fit_s": keeper.seconds, "epoch_s": statistics.median(keeper.epoch_seconds)}


def _save_first(keeper: Keeper) -> None:
    """Write the checkpoint of the untrained model.

    Raises:
        UsageError: a weight is not a finite number.
    """
    try:
        keeper.save()
    except Diverged as problem:
        raise UsageError("A weight of the model is not a finite number before training. Build or load it anew.") from problem


def _check_settings(begin: Snapshot, settings: Mapping[str, Any]) -> None:
    """Refuse settings that are not those of the checkpoint.

    Raises:
        CheckpointError: `run.json` was changed meanwhile.
    """
    then = begin.facts.get("settings", settings)
    changed = sorted(name for name in {*then, *settings} if then.get(name) != settings.get(name))
    if changed:
        raise CheckpointError(
            f"The settings in run.json are not those of the checkpoint. Received: "
            f"{', '.join(f'{name}={settings.get(name)} (then {then.get(name)})' for name in changed)}. Put them back, or "
            "train anew with them."
        )


class _Logs(keras.callbacks.TensorBoard):
    """TensorBoard's logs of each epoch, without those scalars of each batch that Keras makes only to drop them."""

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log nothing."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the numbers."""
        super().on_epoch_end(epoch, numbers_in(logs))


def _scheduled(settings: Settings, monitor: str, direction: str) -> list[keras.callbacks.Callback]:
    """Return Keras' own callbacks that follow a validation score."""
    watched = {"monitor": f"val_{monitor}", "mode": direction}
    found = []
    if settings.schedule == "plateau":
        patience = settings.plateau_patience
        found.append(keras.callbacks.ReduceLROnPlateau(**watched, factor=settings.decay, patience=patience))
    if settings.early_stopping:
        found.append(keras.callbacks.EarlyStopping(**watched, patience=settings.early_stopping))
    return found


def _advice(problem: Diverged, keeper: Keeper, settings: Settings) -> str:
    """Return what became of a diverged run, and what to change."""
    can_clip = not settings.clip_norm and settings.optimizer not in ("lazy_adam", "own")
    clip = ", or limit the gradients with clip_norm=1" if can_clip else ""
    return (
        f"Training diverged: {problem}. Received: optimizer={settings.optimizer}, learning_rate={settings.learning_rate:g}. "
        f"The model is again what it was at the last checkpoint, {place_of(keeper.epoch, keeper.step)}. "
        f"Try learning_rate={min(settings.learning_rate / 10, HIGH_RATE):g}{clip}."
    )


def _first_line(error: tf.errors.InvalidArgumentError) -> str:
    lines = [line.strip() for line in str(error.message).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("Graph execution error", "Detected at", "File ", "<frozen"))]
    said = [line for line in lines if line.startswith(("assertion failed", "Labels", "One-hot"))]
    return (said or lines or ["an invalid argument"])[0][:500]
