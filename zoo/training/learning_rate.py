"""The learning-rate finder: a short training run in which the rate rises until the loss rises too."""

from __future__ import annotations

import inspect
import math
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from zoo.artefacts.files import write_picture
from zoo.distribution.strategies import strategy_of
from zoo.errors import UsageError
from zoo.pipeline.splits import Splits
from zoo.progress import track
from zoo.settings import Settings
from zoo.training.batches import training_batches
from zoo.training.snapshot import restored_afterwards

LEAST_STEPS = 10  # minimum for a suggestion; with fewer steps, the smoothed loss is mostly noise
SMOOTHING = 0.9  # momentum of the moving mean of the loss
# Distances above the lowest smoothed loss, as fractions of it:
NEAR = 0.01  # still as good as the lowest
RISEN = 0.2  # the minimum has been passed
TOO_HIGH = 1.0  # the sweep ends
FALLEN = 0.05  # minimum distance of the first losses for a reliable sweep
USUAL = 3.0  # multiple of the optimizer's default rate above which a suggestion is reduced


@dataclass(frozen=True)
class LearningRateSweep:
    """Result of the learning-rate finder.

    Args:
        rates: learning rate of each batch, in rising order.
        losses: loss of each batch.
        smoothed: losses after smoothing by a bias-corrected moving mean.
        suggestion: suggested peak rate of a schedule.
        has_risen: whether the loss rose again, so that its minimum is known.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    smoothed: Sequence[float]
    suggestion: float
    has_risen: bool

    @property
    def lowest_loss(self) -> float:
        """The lowest smoothed loss after the first steps."""
        return _above(self.smoothed, 0.0)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write a plot of loss against rate to a PNG file.

        Raises:
            ArtefactError: the file exists, or cannot be written.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, ".", color="#b9c4cf", label="batch loss")
        axes.plot(self.rates, self.smoothed, color="#2f6f4f", label="smoothed")
        axes.axvline(self.suggestion, color="#a4551e", linestyle="--", label=f"suggestion {self.suggestion:.2g}")
        axes.set_xscale("log")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        low, high = min(self.smoothed), max(self.smoothed[0], *self.smoothed[: len(self.smoothed) // 2])
        axes.set_ylim(low - 0.1 * (high - low), high + 0.3 * (high - low))
        axes.legend()
        write_picture(path, figure)


def sweep_learning_rate(
    model: keras.Model,
    data: Splits,
    settings: Settings,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 140,
    seconds: float = math.inf,
    verbose: int = 1,
) -> LearningRateSweep:
    """Suggest a learning rate by training with an exponentially rising rate; restore the model and its optimizer.

    Args:
        model: compiled model; the rate or schedule of its optimizer is ignored.
        data: data with a training part, which is read from its start, independently of other readers.
        settings: augmentation and class weights.
        lowest: rate of the first step; default 1e-6.
        highest: rate of the last step; the sweep ends earlier if the loss rises; default 10.0.
        steps: number of optimizer steps, at least 10; default 140.
        seconds: time limit of the sweep in seconds; default `math.inf`.
        verbose: 0 shows nothing, 1 shows a progress bar; default 1.

    Raises:
        UsageError: a bound is invalid, or the loss was not finite from the first step.

    References:
        Smith, Cyclical learning rates for training neural networks, WACV 2017, section 3.3.
    """
    are_numbers = isinstance(lowest, int | float) and isinstance(highest, int | float) and isinstance(steps, int)
    if not are_numbers or not 0 < lowest < highest < math.inf or steps < LEAST_STEPS:
        raise UsageError(
            "A sweep needs 0 < `lowest` < `highest` < infinity and at least 10 `steps`. "
            f"Received: lowest={lowest!r}, highest={highest!r}, steps={steps!r}."
        )
    optimizer = model.optimizer
    stream = training_batches(data, settings, strategy=strategy_of(model))
    swept = getattr(optimizer, "inner_optimizer", optimizer)
    config = swept.get_config()
    batches = steps * (config.get("gradient_accumulation_steps") or 1)
    bar = track(range(batches if verbose else 0), "Sweeping the learning rate")
    rates: list[float] = np.geomspace(lowest, highest, batches).tolist()
    losses: list[float] = []
    end = time.monotonic() + seconds

    def set_rate(batch: int, logs: Any) -> None:  # noqa: ARG001 - Keras passes it by name
        model.reset_metrics()  # so that the loss is that of one batch
        model.optimizer.learning_rate = rates[batch]

    def record(batch: int, logs: dict[str, Any]) -> None:  # noqa: ARG001
        next(bar, None)
        losses.append(float(logs["loss"]))
        model.stop_training = not math.isfinite(losses[-1]) or time.monotonic() > end or _has_risen(smooth(losses), TOO_HIGH)

    with restored_afterwards(model):
        try:
            if swept is not optimizer or not isinstance(optimizer.learning_rate, keras.Variable):  # a schedule cannot be set
                with model.distribute_strategy.scope():
                    model.optimizer = type(swept).from_config({**config, "learning_rate": lowest})
                model.train_function = None  # Keras would keep using the function of the other optimizer
            watch = keras.callbacks.LambdaCallback(on_train_batch_begin=set_rate, on_train_batch_end=record)
            model.fit(stream, steps_per_epoch=batches, shuffle=False, verbose=0, callbacks=[watch])
        finally:
            bar.close()
            if model.optimizer is not optimizer:
                model.optimizer = optimizer
                model.train_function = None
            model.reset_metrics()
    return _suggest(rates, losses, _usual_rate(swept))


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the bias-corrected exponential moving mean of losses (Kingma and Ba, 2015, section 3)."""
    mean, found = 0.0, []
    for count, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        found.append(mean / (1 - SMOOTHING**count))
    return found


def _usual_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Return a plausible upper rate for an optimizer, from the default of its class; infinite without a default."""
    parameter = inspect.signature(type(optimizer)).parameters.get("learning_rate")
    return USUAL * parameter.default if parameter is not None and isinstance(parameter.default, float) else math.inf


def _above(smoothed: Sequence[float], share: float) -> float:
    """Return the lowest loss after the first steps plus a fraction of its magnitude; losses may be negative."""
    lowest = min(smoothed[LEAST_STEPS - 1 :])
    return lowest + share * abs(lowest)


def _has_risen(smoothed: Sequence[float], share: float) -> bool:
    return len(smoothed) >= LEAST_STEPS and smoothed[-1] > _above(smoothed, share)


def _suggest(rates: Sequence[float], losses: Sequence[float], usual: float) -> LearningRateSweep:
    """Return the sweep with a suggestion rounded to two digits.

    The suggestion is a tenth of the highest rate whose smoothed loss is as good as the lowest. If that is above `usual`, or
    if the loss hardly fell, it is the geometric mean of both: while the loss is near that of guessing, a sweep tolerates rates
    that harm training, and the place of the lowest loss is random. On zoo's recipes, the suggestion is 0.1 to 6
    times the rate chosen by training. The rate of the steepest descent would be as low as a thousandth of it.
    """
    finite = [loss for loss in losses if math.isfinite(loss)]  # only the last loss may be infinite or NaN
    if len(finite) < LEAST_STEPS:
        raise UsageError(
            f"A suggestion needs 10 steps with a finite loss. Received: {len(finite)}. "
            "Check the data, lower the first rate, or allow more time."
        )
    smoothed = smooth(finite)
    tenth = max(rate for rate, loss in zip(rates, smoothed, strict=False) if loss <= _above(smoothed, NEAR)) / 10
    first = statistics.mean(finite[:LEAST_STEPS])
    has_fallen = first - _above(smoothed, 0.0) > FALLEN * abs(first)
    suggestion = tenth if usual == math.inf or (has_fallen and tenth <= usual) else math.sqrt(tenth * usual)
    has_risen = len(finite) < len(losses) or _has_risen(smoothed, RISEN)
    seen, suggestion = tuple(rates[: len(finite)]), float(f"{suggestion:.2g}")
    return LearningRateSweep(seen, tuple(finite), tuple(smoothed), suggestion, has_risen)
