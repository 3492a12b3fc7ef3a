"""Optimizers by name, and the course of the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.config import Settings
from zoo.errors import UnknownNameError

if TYPE_CHECKING:
    import keras

OPTIMIZERS = {
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "lion": ("Lion", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "sgd": ("SGD", {}),
}


def make_optimizer(name: str, learning_rate: object = None) -> keras.optimizers.Optimizer:
    """Return Keras' optimizer of this name; `momentum` and `nesterov` are SGD with momentum 0.9.

    Args:
        name: see `OPTIMIZERS`.
        learning_rate: a number above 0 or a Keras schedule; None takes Keras' default.

    Raises:
        UnknownNameError: no such optimizer; the message has the nearest name.
    """
    import keras

    if name not in OPTIMIZERS:
        raise UnknownNameError("optimizer", name, OPTIMIZERS)
    class_name, arguments = OPTIMIZERS[name]
    given = arguments if learning_rate is None else {**arguments, "learning_rate": learning_rate}
    optimizer: keras.optimizers.Optimizer = getattr(keras.optimizers, class_name)(**given)
    return optimizer


def learning_rate_course(settings: Settings, total_steps: int) -> object:
    """Return the learning rate of each step: constant, or a linear rise followed by half a cosine down to 0."""
    import keras

    warmup_steps = round(settings.warmup * total_steps)
    if settings.schedule == "constant" and not warmup_steps:
        return settings.learning_rate
    if settings.schedule == "constant":
        return keras.optimizers.schedules.CosineDecay(
            0.0, 1, alpha=1.0, warmup_target=settings.learning_rate, warmup_steps=warmup_steps
        )
    if not warmup_steps:
        return keras.optimizers.schedules.CosineDecay(settings.learning_rate, total_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(total_steps - warmup_steps, 1), warmup_target=settings.learning_rate, warmup_steps=warmup_steps
    )
