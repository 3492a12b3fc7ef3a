"""Validates with the optimizer's averaged weights, if it has any."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import keras

from zoo.training.snapshot import averaged_weights, weights_in_place


class ScoreAverages(keras.callbacks.Callback):
    """Replaces the weights by their moving averages during validation, and then restores the exact trained weights."""

    def __init__(self) -> None:
        super().__init__()
        self._averages = ExitStack()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Switch to the averages."""
        self._averages.enter_context(weights_in_place(self.model, averaged_weights(self.model)))

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the trained weights."""
        self._averages.close()
