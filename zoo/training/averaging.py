"""Validates with averaged weights, if the optimizer keeps any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from zoo.training.snapshot import averaged_weights, held_weights


class ScoreAverages(keras.callbacks.Callback):
    """Gives the model its moving averages during validation, and then restores the trained weights exactly."""

    def __init__(self) -> None:
        super().__init__()
        self._put_back: Callable[[], None] | None = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Switch to the averages."""
        averages = averaged_weights(self.model)
        if averages is not None:
            self._put_back = held_weights(self.model)
            self.model.set_weights(averages)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the trained weights."""
        if self._put_back is not None:
            self._put_back()
            self._put_back = None
