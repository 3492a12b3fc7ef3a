"""The training progress bar."""

from __future__ import annotations

from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class EpochBars(keras.callbacks.Callback):
    """One bar for the epoch at hand, and one line for each epoch that is done; without a terminal, the lines alone.

    Args:
        epochs: how many there will be.
        steps: batches in an epoch.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._steps = steps
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[scores]}"), console=self._console, transient=True,
            disable=not (self._console.is_terminal or self._console.is_jupyter),
        )  # fmt: skip
        self._bar = self._progress.add_task("", total=steps, scores="")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Show the bar."""
        self._progress.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin the bar anew."""
        self._progress.reset(self._bar, total=self._steps, description=f"Epoch {epoch + 1}/{self._epochs}", scores="")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the bar on."""
        self._progress.update(self._bar, completed=batch + 1)
        if batch % 20 == 0 and not self._progress.disable:
            self._progress.update(self._bar, scores=_as_text(logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's line."""
        self._console.print(f"Epoch {epoch + 1}/{self._epochs}  {_as_text(logs)}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def _as_text(logs: dict[str, Any] | None) -> str:
    return "  ".join(f"{name} {float(value):.4f}" for name, value in (logs or {}).items())
