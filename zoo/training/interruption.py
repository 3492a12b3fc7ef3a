"""Ctrl-C and SIGTERM as a wish to stop, which training grants between two batches."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class StopRequest:
    """Notes the first SIGINT or SIGTERM in place of being interrupted by it; the second interrupts at once.

    A context manager; outside the main thread, where Python takes no signals, it notes nothing.
    """

    def __init__(self) -> None:
        self.is_made = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal.signal returned

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_made:
            raise KeyboardInterrupt
        self.is_made = True
