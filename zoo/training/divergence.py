"""Watches the loss and stops training that has diverged."""

from __future__ import annotations

import math
from typing import Any

import keras

EXPLODED = 1000.0  # limit, as a multiple of the first batch's loss
LEAST_LOSS = 1.0  # lower bound for the first loss, since a trained model may have a loss near 0


class Diverged(Exception):  # noqa: N818 - `fit` catches it and raises a full message
    """The loss is not a number, or far above that of the first batch."""


class Guard(keras.callbacks.Callback):  # checkpoints contain this name
    """Raises `Diverged` if the running mean loss of an epoch or the validation loss is not finite or has exploded."""

    def __init__(self) -> None:
        super().__init__()
        self.first_loss: float | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the training loss."""
        loss = float((logs or {})["loss"])
        if self.first_loss is None:
            self.first_loss = loss
        self._check("loss", loss)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the validation loss, which is the first to show the last update of an epoch."""
        self._check("validation loss", float((logs or {}).get("val_loss", 0.0)))

    def _check(self, name: str, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(f"the {name} became {loss}")
        if self.first_loss is not None and loss > EXPLODED * max(abs(self.first_loss), LEAST_LOSS):
            raise Diverged(f"the {name} rose to {loss:.3g}, from {self.first_loss:.3g} in the first batch")
