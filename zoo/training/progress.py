"""The training progress bar."""

from __future__ import annotations

import time
from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.table import Column

from zoo.progress import progress_bars


class EpochBars(keras.callbacks.Callback):
    """A bar for the current epoch with the remaining time of all epochs, and one line per finished epoch.

    Without a terminal, only the lines appear. On a narrow terminal, the bar's scores are cut off, but the lines show them.

    Args:
        epochs: number of epochs.
        steps: batches per epoch.
        batch_size: examples per batch.
    """

    def __init__(self, epochs: int, steps: int, batch_size: int) -> None:
        super().__init__()
        self._epochs, self._steps, self._batch_size = epochs, steps, batch_size
        scores = TextColumn("{task.fields[scores]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"))
        self._progress = progress_bars("{task.description}", BarColumn(8), MofNCompleteColumn(), "{task.fields[left]}", scores)
        self._progress.expand = True
        self._bar = self._progress.add_task("", total=steps, scores="", left="")
        self._begun = self._shown = 0.0
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Show the bar."""
        self._progress.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Restart the bar."""
        self._epoch, self._begun = epoch, time.perf_counter()
        self._progress.update(self._bar, description=f"Epoch {epoch + 1}/{self._epochs}", left="", scores="")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Advance the bar, at most ten times a second."""
        if self._progress.disable or time.perf_counter() - self._shown < 0.1:
            return
        self._shown = time.perf_counter()
        left, scores = self._status(batch + 1, logs)
        begun_at = self._steps - self.params["steps"]  # above 0 after resuming in mid-epoch
        self._progress.update(self._bar, completed=begun_at + batch + 1, left=left, scores=scores)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's line."""
        words = (f"Epoch {epoch + 1}/{self._epochs}", _as_clock(time.perf_counter() - self._begun))
        line = "  ".join([*words, *self._status(self.params["steps"], logs)])
        self._progress.console.print(line, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()

    def _status(self, done: int, logs: dict[str, Any] | None) -> tuple[str, str]:
        """Return the remaining time, and speed and scores, after a number of batches of the epoch."""
        seconds = time.perf_counter() - self._begun
        batches_left = self.params["steps"] - done + self._steps * (self._epochs - self._epoch - 1)
        scores = [f"{name} {float(value):.4f}" for name, value in (logs or {}).items() if name != "learning_rate"]
        speed = f"{done * self._batch_size / max(seconds, 1e-9):,.0f}/s"
        return f"{_as_clock(seconds / done * batches_left)} left", "  ".join([speed, *scores])


def _as_clock(seconds: float) -> str:
    """Return minutes and seconds, such as "1:05"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
