"""Settings chosen by short measured probes: numeric precision, batch size, learning rate, in this order."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import Any

import keras
import tensorflow as tf

from zoo.config import Settings
from zoo.errors import UsageError
from zoo.pipeline.splits import Splits
from zoo.training.learning_rate import sweep_learning_rate

logger = logging.getLogger(__name__)
BATCH_SIZES = (32, 64, 128, 256, 512, 1024)
LEAST_GAIN = 1.15  # of examples a second, for which a batch is doubled or precision is halved
LEAST_STEPS = 300  # batches in all of training, which a batch size leaves
SMALLEST = 8  # rows of a batch, however few there are for so many
SHORT_STEP = 0.004  # seconds, below which a step is mostly overhead that no precision shortens
WARM_UP, MOST_STEPS = 3, 20  # steps that are not timed, which trace the graph; steps that are
SHARE = 0.35  # of the budget that precision and batch size may each take


def choose_settings(
    asked: Collection[str], build: Callable[[Settings], keras.Model], data: Splits, settings: Settings, *, verbose: int = 1
) -> tuple[Settings, dict[str, Any]]:
    """Return the settings with those that were asked for chosen by probes, and a record of what was tried and why.

    A probe that finds the budget used up leaves its setting as it is; one that has begun takes its first steps all the same.

    Args:
        asked: some of `zoo.config.AUTO_NAMES`.
        build: returns a fresh compiled model for settings.
        data: to train on.
        settings: the values to begin with, and the budget in seconds, `auto_seconds`.
        verbose: 0 shows nothing, 1 a progress bar for the sweep of the learning rate.
    """
    begun = time.perf_counter()
    record: dict[str, Any] = {"budget_s": settings.auto_seconds}

    def left() -> float:
        return settings.auto_seconds - (time.perf_counter() - begun)

    for name, probe in (("precision", _precision), ("batch_size", _batch_size)):
        if name in asked:
            value, tried, why = probe(build, data, settings, min(left(), SHARE * settings.auto_seconds))
            settings = settings.model_copy(update={name: value})
            record[name] = {"chosen": value, "tried": tried, "why": why}
    if "learning_rate" in asked:
        rate, tried, why = _learning_rate(build, data, settings, left(), verbose)
        settings = settings.model_copy(update={"learning_rate": rate})
        record["learning_rate"] = {"chosen": rate, "tried": tried, "why": why}
    for name in asked:
        logger.info("%s=%s: %s", name, record[name]["chosen"], record[name]["why"])
    return settings, {**record, "seconds": time.perf_counter() - begun}


Choice = tuple[Any, Any, str]  # the value, what was tried, and why


def _precision(build: Callable[[Settings], keras.Model], data: Splits, settings: Settings, seconds: float) -> Choice:
    speeds: dict[str, float] = {}
    for precision in ("float32", "mixed_bfloat16"):
        if seconds <= 0:
            return "float32", speeds, "the budget was used up"
        begun = time.perf_counter()
        model = build(settings.model_copy(update={"precision": precision}))
        speeds[precision] = _examples_per_second(model, data, settings.batch_size, seconds / 2)
        seconds -= time.perf_counter() - begun
        if settings.batch_size / speeds[precision] < SHORT_STEP:
            return "float32", speeds, f"a step takes under {1000 * SHORT_STEP:g} ms, which is mostly overhead"
    ratio = speeds["mixed_bfloat16"] / speeds["float32"]
    chosen = "mixed_bfloat16" if ratio >= LEAST_GAIN else "float32"
    return chosen, speeds, f"mixed_bfloat16 has {ratio:.2f} times the speed; {LEAST_GAIN:g} is asked for"


def _batch_size(build: Callable[[Settings], keras.Model], data: Splits, settings: Settings, seconds: float) -> Choice:
    rows = len(data.targets("train"))
    largest = settings.epochs * rows // LEAST_STEPS if settings.steps_per_epoch is None else BATCH_SIZES[-1]
    largest = min(max(largest, SMALLEST), rows)
    possible = [size for size in BATCH_SIZES if size <= largest] or [largest]
    if len(possible) == 1:
        return possible[0], {}, f"{settings.epochs} epochs of {rows} rows leave no more for {LEAST_STEPS} steps in all"
    if seconds <= 0:
        return settings.batch_size, {}, "the budget was used up"
    model = build(settings)
    speeds: dict[str, float] = {}
    chosen, end = possible[0], time.perf_counter() + seconds
    for size in possible:
        left = end - time.perf_counter()
        if speeds and left <= 0:
            return chosen, speeds, "the budget was used up"
        try:
            speeds[str(size)] = _examples_per_second(model, data, size, left / 2)
        except tf.errors.ResourceExhaustedError:
            return chosen, speeds, f"batches of {size} do not fit into memory"
        if size != chosen and speeds[str(size)] < LEAST_GAIN * speeds[str(chosen)]:
            return chosen, speeds, f"batches of {size} have less than {LEAST_GAIN:g} times the speed"
        chosen = size
    return (
        chosen,
        speeds,
        f"larger ones leave fewer than {LEAST_STEPS} steps in all" if largest < 2 * chosen else "it is the fastest",
    )


def _learning_rate(
    build: Callable[[Settings], keras.Model], data: Splits, settings: Settings, seconds: float, verbose: int
) -> Choice:
    if seconds <= 0:
        return settings.learning_rate, {}, "the budget was used up"
    batched = data.with_batches(settings.batch_size, settings.seed)
    try:
        sweep = sweep_learning_rate(build(settings), batched, seconds=seconds, verbose=verbose)
    except UsageError:
        return settings.learning_rate, {}, "the budget left fewer than 10 steps, or their losses were not finite"
    tried = {"from": sweep.rates[0], "to": sweep.rates[-1], "steps": len(sweep.rates), "lowest_loss": min(sweep.smoothed)}
    if not sweep.has_risen:
        return settings.learning_rate, tried, "the loss had not risen when the sweep, or the budget, ended"
    return sweep.suggestion, tried, "the sweep's suggestion, from the rate with the lowest smoothed loss"


def _examples_per_second(model: keras.Model, data: Splits, batch_size: int, seconds: float) -> float:
    """Train for some steps and return the median speed of those after the first, which trace the graph."""
    watch = _Watch(seconds)
    stream = data.with_batches(batch_size, data.seed).training_stream()
    model.fit(stream, steps_per_epoch=WARM_UP + MOST_STEPS, shuffle=False, verbose=0, callbacks=[watch])
    timed = watch.times[WARM_UP - 1 :] if len(watch.times) > WARM_UP else watch.times[-2:]
    return batch_size * (len(timed) - 1) / (timed[-1] - timed[0])


class _Watch(keras.callbacks.Callback):
    """Notes when each batch ended, and stops when the time is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.perf_counter() + seconds
        self.times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.times.append(time.perf_counter())
        if len(self.times) > WARM_UP + 1 and self.times[-1] > self._end:
            self.model.stop_training = True
