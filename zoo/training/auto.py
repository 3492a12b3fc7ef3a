"""Settings chosen by short measured probes: batch size, numeric precision, learning rate, in this order."""

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
LEAST_GAIN = 1.15  # of examples a second, for which a batch is doubled or precision is halved
LEAST_STEPS = 600  # batches in all of training, which a batch size above the first leaves
FEWEST_STEPS = 300  # batches in all of training, for which a batch is smaller than the first
SMALLEST = 8  # rows of a batch, however few there are for so many
LEAST_TRAINING = 30.0  # seconds, below which half precision saves less than its probe takes
WARM_UP, MOST_STEPS = 3, 20  # steps that are not timed, which trace the graph; steps that are
SHARE = 0.35  # of the budget that batch size and precision may each take
LOWEST, SWEEP_STEPS = 1e-5, 120  # rate that a sweep begins with, and steps up to 10
OUT_OF_BUDGET = "the budget was used up"


def choose_settings(
    asked: Collection[str],
    build: Callable[[Settings], keras.Model],
    data: Splits,
    settings: Settings,
    *,
    devices: int = 1,
    verbose: int = 1,
) -> tuple[Settings, dict[str, Any]]:
    """Return the settings with those that were asked for chosen by probes, and a record of what was tried and why.

    A probe that finds the budget used up leaves its setting as it is; one that has begun takes its first steps all the same.

    Args:
        asked: some of `zoo.settings.AUTO_NAMES`.
        build: returns a fresh compiled model for settings.
        data: to train on.
        settings: the values to begin with, and the budget in seconds, `auto_seconds`.
        devices: that will share each batch; probes take one.
        verbose: 0 shows nothing, 1 a progress bar for the sweep of the learning rate.
    """
    begun = time.perf_counter()
    record: dict[str, Any] = {"budget_s": settings.auto_seconds}
    if "precision" in asked:
        settings = settings.model_copy(update={"precision": "float32"})  # to begin with
    steady = settings.model_copy(
        update={"schedule": "constant", "warmup": 0.0, "batch_size": SMALLEST}  # a rate that a sweep can set, and any batches
    )

    @cache  # the probes share a model for each precision, so that it is traced once
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
                why = why if fitting == value else f"{why}; then the nearest that leaves no device without an example"
                value = fitting or value
            settings = settings.model_copy(update={name: value})
            record[name] = {"chosen": value, "tried": tried, "why": why}
    for name in asked:
        logger.info("%s=%s: %s", name, record[name]["chosen"], record[name]["why"])
    return settings, {**record, "seconds": time.perf_counter() - begun}


Choice = tuple[Any, Any, str]  # the value, what was tried, and why
Models = Callable[[str | None], keras.Model]  # the model to probe, by precision


def _batch_size(model_in: Models, data: Splits, settings: Settings, seconds: float) -> Choice:
    rows = len(data.targets("train"))
    first = BATCH_SIZES[0]
    passes = settings.epochs / settings.accumulation_steps  # which give a step for each row
    largest = BATCH_SIZES[-1] if settings.steps_per_epoch else int(passes * rows / LEAST_STEPS)
    possible = [size for size in BATCH_SIZES if size <= min(largest, rows)]
    if len(possible) < 2:
        size = first if settings.steps_per_epoch else int(passes * rows / FEWEST_STEPS)
        size = min(max(size, SMALLEST), first, rows)
        return size, {}, f"{settings.epochs} epochs of {rows} rows have no room for more"
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
            return chosen, speeds, f"batches of {size} do not fit into memory"
        if size != chosen and speeds[str(size)] < LEAST_GAIN * speeds[str(chosen)]:
            return chosen, speeds, f"batches of {size} have less than {LEAST_GAIN:g} times the speed"
        chosen = size
    return chosen, speeds, "larger ones leave few steps in all" if largest < 2 * chosen else "it is the fastest"


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
            return "float32", speeds, f"training takes under {LEAST_TRAINING:g} s, of which little can be saved"
    ratio = speeds["mixed_bfloat16"] / speeds["float32"]
    chosen = "mixed_bfloat16" if ratio >= LEAST_GAIN else "float32"
    return chosen, speeds, f"mixed_bfloat16 has {ratio:.2f} times the speed; {LEAST_GAIN:g} is asked for"


def _learning_rate(model_in: Models, data: Splits, settings: Settings, seconds: float, verbose: int) -> Choice:
    if seconds <= 0:
        return settings.learning_rate, {}, OUT_OF_BUDGET
    batched = data.with_batches(settings.batch_size, settings.seed)
    try:
        sweep = sweep_learning_rate(
            model_in(settings.precision), batched, settings, lowest=LOWEST, steps=SWEEP_STEPS, seconds=seconds, verbose=verbose
        )
    except UsageError:
        return settings.learning_rate, {}, "the budget left fewer than 10 steps, or their losses were not finite"
    tried = {"from": sweep.rates[0], "to": sweep.rates[-1], "steps": len(sweep.rates), "lowest_loss": sweep.lowest_loss}
    if not sweep.has_risen:
        return settings.learning_rate, tried, "the loss had not risen when the sweep, or the budget, ended"
    return sweep.suggestion, tried, "the sweep's suggestion, from the highest rate with a loss as good as the lowest"


def _examples_per_second(model: keras.Model, data: Splits, settings: Settings, seconds: float) -> float:
    """Train for some steps and return the median speed of those after the first, which trace the graph.

    The model and its optimizer are afterwards as they were.
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
    """Notes when each batch ended, and stops when the time is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.perf_counter() + seconds
        self.times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.times.append(time.perf_counter())
        if len(self.times) > WARM_UP + 1 and self.times[-1] > self._end:
            self.model.stop_training = True
