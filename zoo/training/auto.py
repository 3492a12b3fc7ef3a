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

from zoo.errors import UsageError
from zoo.pipeline.splits import Splits
from zoo.settings import Settings
from zoo.training.batches import fitting_batch_size, training_batches
from zoo.training.learning_rate import sweep_learning_rate
from zoo.training.snapshot import restored_afterwards

logger = logging.getLogger(__name__)
BATCH_SIZES = (32, 64, 128, 256, 512, 1024)
LEAST_GAIN = 1.15  # minimum speed-up (examples per second) for doubling the batch size or halving the precision
LEAST_STEPS = 600  # minimum number of batches in the whole training run after increasing the batch size
FEWEST_STEPS = 300  # with fewer batches in the whole training run, the batch size is reduced
SMALLEST = 8  # minimum batch size
LEAST_TRAINING = 30.0  # seconds; below this, half precision saves less than its probe costs
WARM_UP, MOST_STEPS = 3, 20  # untimed steps, which trace the graph; timed steps
SHARE = 0.1  # fraction of the budget for one measurement
LOWEST, SWEEP_STEPS = 1e-5, 120  # first rate of a sweep; number of steps up to a rate of 10
OUT_OF_BUDGET = "the time budget ran out"


def choose_settings(
    asked: Collection[str],
    build: Callable[[Settings], keras.Model],
    data: Splits,
    settings: Settings,
    devices: int = 1,
    verbose: int = 1,
) -> dict[str, Any]:
    """Choose settings by probes; return each choice with its attempts and reason, and the time taken.

    When the time budget has run out, the remaining settings do not change. A probe always finishes its first steps.

    Args:
        asked: names of the settings to choose, some of `zoo.settings.AUTO_NAMES`.
        build: function that returns a new compiled model for settings.
        data: training data.
        settings: initial values, and the time budget in seconds, `auto_seconds`.
        devices: number of devices that will share each batch; probes use one; default 1.
        verbose: 0 shows nothing, 1 shows a progress bar of the learning-rate sweep; default 1.
    """
    started = time.perf_counter()
    record: dict[str, Any] = {"budget_s": settings.auto_seconds}
    if "precision" in asked:
        settings = settings.model_copy(update={"precision": "float32"})  # until it is chosen
    steady = settings.model_copy(
        update={"schedule": "constant", "warmup": 0.0, "batch_size": SMALLEST}  # a constant rate for the sweep, any batch size
    )

    @cache  # probes share one model per precision, so that it is traced once
    def model_in(precision: str | None) -> keras.Model:
        return build(steady.model_copy(update={"precision": precision}))

    probes: dict[str, Callable[..., Choice]] = {
        "batch_size": partial(_batch_size, devices=devices),
        "precision": _precision,
        "learning_rate": partial(_learning_rate, verbose=verbose),
    }
    for name in [each for each in probes if each in asked]:
        value, tried, why = probes[name](model_in, data, settings, started + settings.auto_seconds)
        settings = settings.model_copy(update={name: value})
        record[name] = {"chosen": value, "tried": tried, "why": why}
        logger.info("%s=%s: %s", name, value, why)
    return {**record, "seconds": time.perf_counter() - started}


Choice = tuple[Any, Any, str]  # value, attempts, reason
Models = Callable[[str | None], keras.Model]  # the model for each precision


def _batch_size(model_in: Models, data: Splits, settings: Settings, end: float, devices: int) -> Choice:
    """Return the fastest size, or the nearest one that gives every device an example."""
    size, speeds, why = _fastest_size(model_in, data, settings, end)
    fitting = fitting_batch_size(data, size, devices) if devices > 1 else size
    if fitting in (None, size):
        return size, speeds, why
    return fitting, speeds, f"{why}; then the nearest size that gives every device an example"


def _fastest_size(model_in: Models, data: Splits, settings: Settings, end: float) -> Choice:
    rows = len(data.targets("train"))
    passes = settings.epochs / settings.accumulation_steps  # number of steps per row
    largest = BATCH_SIZES[-1] if settings.steps_per_epoch else int(passes * rows / LEAST_STEPS)
    possible = [size for size in BATCH_SIZES if size <= min(largest, rows)]
    if len(possible) < 2:
        size = BATCH_SIZES[0] if settings.steps_per_epoch else int(passes * rows / FEWEST_STEPS)
        size = min(max(size, SMALLEST), BATCH_SIZES[0], rows)
        return size, {}, f"{settings.epochs} epochs of {rows} rows are too few for a larger size"
    speeds: dict[str, float] = {}
    chosen = settings.batch_size
    for size in possible:
        if time.perf_counter() > end:
            return chosen, speeds, OUT_OF_BUDGET
        try:
            batched = settings.model_copy(update={"batch_size": size})
            speeds[str(size)] = _examples_per_second(model_in(settings.precision), data, batched)
        except tf.errors.ResourceExhaustedError:
            return chosen, speeds, f"batches of {size} do not fit in memory"
        if size > possible[0] and speeds[str(size)] < LEAST_GAIN * speeds[str(chosen)]:
            return chosen, speeds, f"batches of {size} are less than {LEAST_GAIN:g} times as fast"
        chosen = size
    return chosen, speeds, "larger sizes leave too few steps" if largest < 2 * chosen else "it is the fastest"


def _precision(model_in: Models, data: Splits, settings: Settings, end: float) -> Choice:
    speeds: dict[str, float] = {}
    rows = settings.batch_size * settings.steps_per_epoch if settings.steps_per_epoch else len(data.targets("train"))
    for precision in ("float32", "mixed_bfloat16"):
        if time.perf_counter() > end:
            return "float32", speeds, OUT_OF_BUDGET
        speeds[precision] = _examples_per_second(model_in(precision), data, settings)
        if settings.epochs * rows / speeds[precision] < LEAST_TRAINING:
            return "float32", speeds, f"training takes under {LEAST_TRAINING:g} s, so little can be saved"
    ratio = speeds["mixed_bfloat16"] / speeds["float32"]
    chosen = "mixed_bfloat16" if ratio >= LEAST_GAIN else "float32"
    return chosen, speeds, f"mixed_bfloat16 is {ratio:.2f} times as fast; {LEAST_GAIN:g} is required"


def _learning_rate(model_in: Models, data: Splits, settings: Settings, end: float, verbose: int) -> Choice:
    seconds = end - time.perf_counter()
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


def _examples_per_second(model: keras.Model, data: Splits, settings: Settings) -> float:
    """Train for some steps and return the median speed, without the first steps, which trace the graph.

    The model and its optimizer are restored afterwards.
    """
    stream = training_batches(data.with_batches(settings.batch_size, data.seed), settings)
    times: list[float] = []
    end = time.perf_counter() + settings.auto_seconds * SHARE

    def record(batch: int, logs: Any) -> None:  # noqa: ARG001 - Keras passes it by name
        times.append(time.perf_counter())
        model.stop_training = batch > WARM_UP and times[-1] > end

    with restored_afterwards(model):
        watch = keras.callbacks.LambdaCallback(on_train_batch_end=record)
        model.fit(stream, steps_per_epoch=WARM_UP + MOST_STEPS, shuffle=False, verbose=0, callbacks=[watch])
    return settings.batch_size / statistics.median(after - before for before, after in pairwise(times[WARM_UP - 1 :]))
