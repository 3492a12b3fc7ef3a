"""Ctrl-C and SIGTERM as a wish to stop, which training grants between two batches."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_ASKED = threading.Event()


def ask_to_stop() -> None:
    """Ask as a signal does, also of a training in a thread, which signals do not reach, and of one that has not begun."""
    _ASKED.set()


class StopRequest:
    """Notes the first SIGINT or SIGTERM in place of being interrupted by it; the second interrupts at once.

    A context manager; outside the main thread, where Python takes no signals, it notes nothing.
    """

    def __init__(self) -> None:
        self._is_noted = False
        self._before: dict[int, object] = {}

    @property
    def is_made(self) -> bool:
        """Whether training is to stop."""
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
