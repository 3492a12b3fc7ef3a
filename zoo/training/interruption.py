"""Ctrl-C and SIGTERM as stop requests, which training handles between two batches."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_ASKED = threading.Event()


def ask_to_stop() -> None:
    """Request a stop as a signal does; this also works for training in a thread, and before training starts."""
    _ASKED.set()


class StopRequest:
    """Records the first SIGINT or SIGTERM instead of being interrupted; a second one interrupts at once.

    A context manager. Outside the main thread, where Python handles no signals, it does nothing.
    """

    def __init__(self) -> None:
        self._is_noted = False
        self._before: dict[int, object] = {}

    @property
    def is_made(self) -> bool:
        """Whether training should stop."""
        return self._is_noted or _ASKED.is_set()

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        _ASKED.clear()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal.signal returned

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_noted:
            raise KeyboardInterrupt
        self._is_noted = True
