"""One training run: fit, keep each finished epoch, and leave a directory that says what happened."""

from __future__ import annotations

import statistics
import time
from typing import Any

import keras
import tensorflow as tf

from zoo.artefacts.run import RunWriter
from zoo.errors import ZooError, one_line
from zoo.pipeline.splits import Splits
from zoo.training.progress import EpochBars


def fit(model: keras.Model, data: Splits, writer: RunWriter, *, epochs: int, verbose: int) -> dict[str, float]:
    """Train a compiled model and keep its last finished epoch in the run directory.

    The training part is repeated without end and cut into epochs by their steps: an iterator that never ends has no
    tear-down to wait for.

    Args:
        model: compiled.
        data: train and validation parts.
        writer: of the run directory.
        epochs: passes over the training part.
        verbose: 0 shows nothing, 1 a progress bar.

    Returns:
        Timings in seconds: `fit_s` in all, and `epoch_s`, the median epoch.

    Raises:
        ZooError: the data do not fit the model, or the disk is full.
    """
    steps = int(data.train.cardinality())
    keeper = _Keeper(writer)
    bars = EpochBars(epochs, steps) if verbose else None
    begun = time.perf_counter()
    try:
        model.fit(
            data.train.repeat(),
            validation_data=data.validation,
            epochs=epochs,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[keeper, *([bars] if bars else [])],
        )
    except tf.errors.InvalidArgumentError as error:
        raise ZooError(f"Training failed: {_first_line(error)}") from error
    except ValueError as error:  # Keras, of a loss or metric that a user's model was compiled with
        raise ZooError(
            f"The model's loss or metrics do not take these data: {one_line(error)}. Received: "
            f"{data.info.task_name}, targets of shape {data.train.element_spec[1].shape}. Compile the model for these."
        ) from error
    finally:
        if bars:
            bars.close()
    return {"fit_s": time.perf_counter() - begun, "epoch_s": statistics.median(keeper.seconds)}


class _Keeper(keras.callbacks.Callback):
    """Keeps the model and the scores of each finished epoch."""

    def __init__(self, writer: RunWriter) -> None:
        super().__init__()
        self._writer = writer
        self._begun = 0.0
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.seconds.append(time.perf_counter() - self._begun)
        scores = {name: float(value) for name, value in (logs or {}).items()}
        self._writer.keep_epoch(self.model, epoch + 1, scores)


def _first_line(error: tf.errors.InvalidArgumentError) -> str:
    lines = [line.strip() for line in str(error.message).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("Graph execution error", "Detected at", "File ", "<frozen"))]
    said = [line for line in lines if line.startswith(("assertion failed", "Labels", "One-hot"))]
    return (said or lines or ["an invalid argument"])[0][:500]
