"""Chooses settings with short measured probes: batch size, then precision, then learning rate."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Collection
from functools import cache, partial
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

from zoo.distribution.strategies import build_optimizer
from zoo.errors import UsageError
from zoo.pipeline.splits import Splits
from zoo.settings import Settings
from zoo.training.batches import fitting_batch_size, training_batches
from zoo.training.learning_rate import sweep_learning_rate
from zoo.training.snapshot import Snapshot

logger = logging.getLogger(__name__)
BATCH_SIZES = (32, 64, 128, 256, 512, 1024)
LEAST_GAIN = 1.15  # minimum speed-up (examples per second) for doubling the batch size or halving the precision
LEAST_STEPS = 600  # minimum number of batches in all of training after increasing the batch size
FEWEST_STEPS = 300  # with fewer batches in all of training, the batch size is reduced
SMALLEST = 8  # minimum batch size
LEAST_TRAINING = 30.0  # seconds; below this, half precision saves less than its probe costs
WARM_UP, MOST_STEPS = 3, 20  # untimed steps, which trace the graph; timed steps
SHARE = 0.35  # fraction of the budget for each of batch size and precision
LOWEST, SWEEP_STEPS = 1e-5, 120  # first rate of a sweep; number of steps up to a rate of 10
OUT_OF_BUDGET = "the time budget ran out"


def choose_settings(
    asked: Collection[str],
    build: Callable[[Settings], keras.Model],
    data: Splits,
    settings: Settings,
    *,
    devices: int = 1,
    verbose: int = 1,
) -> tuple[Settings, dict[str, Any]]:
    """Return the settings, with the requested ones chosen by probes, and a record of what was tried and why.

    If the budget has run out, a probe leaves its setting unchanged. A probe that has started always finishes its first steps.

    Args:
        asked: names of the settings to choose, some of `zoo.settings.AUTO_NAMES`.
        build: function that returns a new compiled model for settings.
        data: training data.
        settings: initial values, and the time budget in seconds, `auto_seconds`.
        devices: number of devices that will share each batch; probes use one; default 1.
        verbose: 0 for no output, 1 for a progress bar of the learning-rate sweep; default 1.
    """
    begun = time.perf_counter()
    record: dict[str, Any] = {"budget_s": settings.auto_seconds}
    if "precision" in asked:
        settings = settings.model_copy(update={"precision": "float32"})  # as a start
    steady = settings.model_copy(
        update={"schedule": "constant", "warmup": 0.0, "batch_size": SMALLEST}  # a constant rate for the sweep, any batch size
    )

    @cache  # probes share one model per precision, so that it is traced once
    def model_in(precision: str | None) -> keras.Model:
        return build(steady.model_copy(update={"precision": precision}))

    probes: dict[str, Callable[..., Choice]] = {
        "batch_size": _batch_size,
        "precision": _precision,
        "learning_rate": partial(_learning_rate, verbose=verbose),
    }
    for name, probe in probes.items():
        if name in asked:
            left = settings.auto_seconds - (time.perf_counter() - begun)
            share = left if name == "learning_rate" else min(left, SHARE * settings.auto_seconds)
            value, tried, why = probe(model_in, data, settings, share)
            if name == "batch_size" and devices > 1:
                fitting = fitting_batch_size(data, value, devices)
                why = why if fitting == value else f"{why}; then the nearest size that gives every device an example"
                value = fitting or value
            settings = settings.model_copy(update={name: value})
            record[name] = {"chosen": value, "tried": tried, "why": why}
    for name in asked:
        logger.info("%s=%s: %s", name, record[name]["chosen"], record[name]["why"])
    return settings, {**record, "seconds": time.perf_counter() - begun}


Choice = tuple[Any, Any, str]  # value, attempts, reason
Models = Callable[[str | None], keras.Model]  # the model for each precision


def _batch_size(model_in: Models, data: Splits, settings: Settings, seconds: float) -> Choice:
    rows = len(data.targets("train"))
    first = BATCH_SIZES[0]
    passes = settings.epochs / settings.accumulation_steps  # number of steps per row
    largest = BATCH_SIZES[-1] if settings.steps_per_epoch else int(passes * rows / LEAST_STEPS)
    possible = [size for size in BATCH_SIZES if size <= min(largest, rows)]
    if len(possible) < 2:
        size = first if settings.steps_per_epoch else int(passes * rows / FEWEST_STEPS)
        size = min(max(size, SMALLEST), first, rows)
        return size, {}, f"{settings.epochs} epochs of {rows} rows are too few for a larger size"
    if seconds <= 0:
        return settings.batch_size, {}, OUT_OF_BUDGET
    speeds: dict[str, float] = {}
    chosen, end = first, time.perf_counter() + seconds
    for size in possible:
        left = end - time.perf_counter()
        if speeds and left <= 0:
            return chosen, speeds, OUT_OF_BUDGET
        try:
            batched = settings.model_copy(update={"batch_size": size})
            speeds[str(size)] = _examples_per_second(model_in(settings.precision), data, batched, left / 2)
        except tf.errors.ResourceExhaustedError:
            return chosen, speeds, f"batches of {size} do not fit in memory"
        if size != chosen and speeds[str(size)] < LEAST_GAIN * speeds[str(chosen)]:
            return chosen, speeds, f"batches of {size} are less than {LEAST_GAIN:g} times as fast"
        chosen = size
    return chosen, speeds, "larger sizes leave too few steps" if largest < 2 * chosen else "it is the fastest"


def _precision(model_in: Models, data: Splits, settings: Settings, seconds: float) -> Choice:
    speeds: dict[str, float] = {}
    batches = settings.steps_per_epoch
    rows = settings.batch_size * batches if batches else len(data.targets("train"))
    end = time.perf_counter() + seconds
    for precision in ("float32", "mixed_bfloat16"):
        left = end - time.perf_counter()
        if left <= 0:
            return "float32", speeds, OUT_OF_BUDGET
        speeds[precision] = _examples_per_second(model_in(precision), data, settings, left / 2)
        if settings.epochs * rows / speeds[precision] < LEAST_TRAINING:
            return "float32", speeds, f"training takes under {LEAST_TRAINING:g} s, so little can be saved"
    ratio = speeds["mixed_bfloat16"] / speeds["float32"]
    chosen = "mixed_bfloat16" if ratio >= LEAST_GAIN else "float32"
    return chosen, speeds, f"mixed_bfloat16 is {ratio:.2f} times as fast; {LEAST_GAIN:g} is required"


def _learning_rate(model_in: Models, data: Splits, settings: Settings, seconds: float, verbose: int) -> Choice:
    if seconds <= 0:
        return settings.learning_rate, {}, OUT_OF_BUDGET
    batched = data.with_batches(settings.batch_size, settings.seed)
    try:
        sweep = sweep_learning_rate(
            model_in(settings.precision), batched, settings, lowest=LOWEST, steps=SWEEP_STEPS, seconds=seconds, verbose=verbose
        )
    except UsageError:
        return settings.learning_rate, {}, "the time budget allowed fewer than 10 steps, or their losses were not finite"
    tried = {"from": sweep.rates[0], "to": sweep.rates[-1], "steps": len(sweep.rates), "lowest_loss": sweep.lowest_loss}
    if not sweep.has_risen:
        return settings.learning_rate, tried, "the loss had not risen when the sweep or the time budget ended"
    return sweep.suggestion, tried, "the sweep's suggestion, from the highest rate with a near-minimal loss"


def _examples_per_second(model: keras.Model, data: Splits, settings: Settings, seconds: float) -> float:
    """Train for some steps and return the median speed, without the first steps, which trace the graph.

    The model and its optimizer are restored afterwards.
    """
    watch = _Watch(seconds)
    batched = data.with_batches(settings.batch_size, data.seed)
    stream = training_batches(batched, settings)
    build_optimizer(model)
    fresh = Snapshot.of(model, 0, 0)
    try:
        model.fit(stream, steps_per_epoch=WARM_UP + MOST_STEPS, shuffle=False, verbose=0, callbacks=[watch])
    finally:
        fresh.restore(model, "model", "optimizer")
        fresh.restore_random_state()
    return settings.batch_size / statistics.median(after - before for before, after in pairwise(watch.times[WARM_UP - 1 :]))


class _Watch(keras.callbacks.Callback):
    """Records the end of each batch, and stops when the time is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.perf_counter() + seconds
        self.times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.times.append(time.perf_counter())
        if len(self.times) > WARM_UP + 1 and self.times[-1] > self._end:
            self.model.stop_training = True
