"""Optimizers by name, and the learning-rate schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import UnknownNameError, UsageError
from zoo.settings import OF_SCHEDULES, Settings

if TYPE_CHECKING:
    import keras

OPTIMIZERS = {
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "lazy_adam": ("LazyAdam", {}),  # zoo's own
    "lion": ("Lion", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "sgd": ("SGD", {}),
}
OF_SCHEDULE = frozenset({"learning_rate", "schedule", "warmup", *OF_SCHEDULES})  # settings that set the rate of each step
# Smith and Topin, Super-convergence, 2018: first and last rate of the cycle, as fractions of its peak.
ONE_CYCLE_START, ONE_CYCLE_END, ONE_CYCLE_RISE = 1 / 25, 1e-4, 0.3


def make_optimizer(name: str, learning_rate: object = None, **arguments: Any) -> keras.optimizers.Optimizer:
    """Return a new optimizer by name; `momentum` and `nesterov` are SGD with momentum 0.9.

    Args:
        name: optimizer name; see `OPTIMIZERS`.
        learning_rate: number above 0, a Keras schedule, or None for Keras' default.
        **arguments: arguments of every Keras optimizer, for example `weight_decay`.

    Raises:
        UnknownNameError: no optimizer has this name; the message suggests the nearest one.
    """
    import keras

    from zoo.optimizers import LazyAdam

    if name not in OPTIMIZERS:
        raise UnknownNameError("optimizer", name, OPTIMIZERS)
    class_name, own = OPTIMIZERS[name]
    rate: dict[str, Any] = {} if learning_rate is None else {"learning_rate": learning_rate}
    kind: type[keras.optimizers.Optimizer] = LazyAdam if name == "lazy_adam" else getattr(keras.optimizers, class_name)
    return kind(**own, **rate, **arguments)


def optimizer_of(settings: Settings, total_batches: int) -> keras.optimizers.Optimizer:
    """Return the optimizer that the settings describe, with a learning-rate schedule over all batches.

    Raises:
        UsageError: `accumulation_steps` exceeds the number of batches, the schedule does not support warm-up, or `lazy_adam` is
            combined with clipping or accumulation.
    """
    if settings.accumulation_steps > total_batches:
        raise UsageError(
            f"The optimizer would never step. Received: accumulation_steps={settings.accumulation_steps} for "
            f"{total_batches} batches in total. Accumulate fewer batches, or train for more epochs."
        )
    if settings.optimizer == "lazy_adam" and (settings.accumulation_steps > 1 or settings.clip_norm):
        raise UsageError(
            "lazy_adam does not support accumulation or clipping, because Keras makes the gradients dense. Received: "
            f"accumulation_steps={settings.accumulation_steps}, clip_norm={settings.clip_norm}. Use optimizer=adam."
        )
    arguments: dict[str, Any] = {"global_clipnorm": settings.clip_norm}
    if settings.weight_decay is not None:
        arguments["weight_decay"] = settings.weight_decay
    if settings.accumulation_steps > 1:
        arguments["gradient_accumulation_steps"] = settings.accumulation_steps
    if settings.ema:
        arguments |= {"use_ema": True, "ema_momentum": settings.ema}
    return make_optimizer(settings.optimizer, learning_rate_schedule(settings, total_batches), **arguments)


def learning_rate_schedule(settings: Settings, total_steps: int) -> object:
    """Return the learning rate: a number, or a Keras schedule over all batches (Keras counts accumulated batches too).

    Raises:
        UsageError: the schedule does not support warm-up.
    """
    import keras

    from zoo.schedules import WarmUp

    schedules = keras.optimizers.schedules
    rate, warmup_steps = settings.learning_rate, round(settings.warmup * total_steps)
    steps = max(total_steps - warmup_steps, 1)  # after the warm-up
    if settings.schedule == "plateau" and settings.warmup:
        raise UsageError("schedule=plateau does not support warm-up. Received: warmup with schedule=plateau. Set warmup=0.")
    if settings.schedule == "one_cycle":
        rise = round((settings.warmup or ONE_CYCLE_RISE) * total_steps)
        return schedules.CosineDecay(
            rate * ONE_CYCLE_START, max(total_steps - rise, 1), ONE_CYCLE_END, warmup_target=rate, warmup_steps=rise
        )
    if settings.schedule == "cosine":  # Keras has its own warm-up here
        start, peak = (0.0, rate) if warmup_steps else (rate, None)
        return schedules.CosineDecay(start, steps, warmup_target=peak, warmup_steps=warmup_steps)
    if settings.schedule in ("constant", "plateau") and not warmup_steps:
        return rate
    if settings.schedule == "step":
        if min(settings.step_at) <= settings.warmup:
            raise UsageError(
                f"`step_at` must come after the warm-up. Received: step_at={list(settings.step_at)} with "
                f"warmup={settings.warmup}. Use later steps or a shorter warm-up."
            )
        falls = [round(share * total_steps) - warmup_steps for share in sorted(settings.step_at)]
        falling = schedules.PiecewiseConstantDecay(falls, [rate * settings.decay**done for done in range(len(falls) + 1)])
    else:
        falling = schedules.ExponentialDecay(rate, steps, settings.decay if settings.schedule == "exponential" else 1.0)
    return WarmUp(falling, warmup_steps) if warmup_steps else falling
