"""A warm-up for any Keras learning-rate schedule."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Learning-rate schedule with a linear warm-up from 0, followed by another schedule from its start.

    Keras offers this for `CosineDecay` only.

    Args:
        after: Keras schedule that follows the warm-up, which ends at the schedule's first value.
        steps: number of warm-up steps, at least 1.

    Example:
        >>> import keras
        >>> rate = WarmUp(keras.optimizers.schedules.ExponentialDecay(0.8, 10, 0.5), steps=4)
        >>> [round(float(rate(step)), 3) for step in (0, 2, 4, 14)]
        [0.0, 0.4, 0.8, 0.4]

    References:
        Goyal et al., Accurate, large minibatch SGD, arXiv 2017, section 2.2.
    """

    def __init__(self, after: keras.optimizers.schedules.LearningRateSchedule, steps: int) -> None:
        super().__init__()
        self.after = after
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step; the first step is 0."""
        step = ops.cast(step, "float32")
        rising = self.after(0) * step / self.steps
        return ops.where(step < self.steps, rising, self.after(ops.maximum(step - self.steps, 0.0)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for serialisation."""
        return {"after": keras.saving.serialize_keras_object(self.after), "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WarmUp:
        """Return the schedule that `get_config` describes."""
        return cls(keras.saving.deserialize_keras_object(config["after"]), config["steps"])
