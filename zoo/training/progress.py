"""The training progress bar."""

from __future__ import annotations

import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from zoo.progress import shows_bars

NARROW = 70  # terminal width below which the bar is short


class EpochBars(keras.callbacks.Callback):
    """A bar for the current epoch with the remaining time of all epochs, and one line per finished epoch.

    Without a terminal, only the lines appear. On a narrow one, the scores next to the bar are cut off; the lines show them.

    Args:
        epochs: number of epochs.
        steps: batches per epoch.
        batch_size: examples per batch.
    """

    def __init__(self, epochs: int, steps: int, batch_size: int) -> None:
        super().__init__()
        self._epochs, self._steps, self._batch_size = epochs, steps, batch_size
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(8 if self._console.width < NARROW else 20), MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"), _Scores(), console=self._console, transient=True,
            disable=not shows_bars(self._console),
        )  # fmt: skip
        self._bar = self._progress.add_task("", total=steps, scores="", left="")
        self._begun = self._shown = 0.0
        self._epoch = self._epoch_steps = self._done_before = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Show the bar."""
        self._epoch_steps = self.params["steps"]  # fewer than `steps` after resuming in mid-epoch
        self._progress.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Restart the bar."""
        self._epoch, self._begun = epoch, time.perf_counter()
        self._done_before = self._steps - self._epoch_steps
        self._progress.reset(
            self._bar,
            total=self._steps,
            completed=self._done_before,
            description=f"Epoch {epoch + 1}/{self._epochs}",
            left="",
            scores="",
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Advance the bar, at most ten times a second."""
        now = time.perf_counter()
        if self._progress.disable or now - self._shown < 0.1:
            return
        self._shown = now
        done = batch + 1
        batches_left = self._epoch_steps - done + self._steps * (self._epochs - self._epoch - 1)
        self._progress.update(
            self._bar,
            completed=self._done_before + done,
            left=f"{_as_clock((now - self._begun) / done * batches_left)} left",
            scores=f"{self._speed(done, now)}  {_as_text(logs)}",
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's line."""
        now = time.perf_counter()
        left = (now - self._begun) * self._steps / self._epoch_steps * (self._epochs - epoch - 1)
        time_left = f"  {_as_clock(left)} left" if left else ""
        line = f"Epoch {epoch + 1}/{self._epochs}  {_as_clock(now - self._begun)}{time_left}"
        line = f"{line}  {self._speed(self._epoch_steps, now)}  {_as_text(logs)}"
        self._console.print(line, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()

    def _speed(self, batches: int, now: float) -> str:
        return f"{batches * self._batch_size / max(now - self._begun, 1e-9):,.0f}/s"


class _Scores(ProgressColumn):
    """The text next to the bar, as far as it fits."""

    def render(self, task: Task) -> Text:
        """Return the text, truncated instead of wrapped."""
        return Text(task.fields["scores"], no_wrap=True, overflow="ellipsis")


def _as_text(logs: dict[str, Any] | None) -> str:
    return "  ".join(f"{name} {float(value):.4f}" for name, value in (logs or {}).items() if name != "learning_rate")


def _as_clock(seconds: float) -> str:
    """Return minutes and seconds: "1:05"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
