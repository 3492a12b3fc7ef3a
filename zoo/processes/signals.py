"""Turns SIGINT and SIGTERM into stop requests, which code handles at a safe point."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def signal_handler(handler: Callable[[int, FrameType | None], Any] | signal.Handlers, *numbers: int) -> Iterator[None]:
    """Handle signals with `handler` inside the block; do nothing outside the main thread, where Python handles no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)


class StopRequest:
    """Records SIGINT and SIGTERM instead of interrupting the program; a context manager.

    Args:
        limit: int, number of the signal that raises KeyboardInterrupt immediately; default 2.
    """

    def __init__(self, limit: int = 2) -> None:
        self._limit, self.count = limit, 0
        self._handler = signal_handler(self._note, signal.SIGINT, signal.SIGTERM)

    @property
    def is_made(self) -> bool:
        """Whether a stop was requested."""
        return self.count > 0

    def __enter__(self) -> StopRequest:
        self._handler.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._handler.__exit__(None, None, None)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= self._limit:
            raise KeyboardInterrupt
