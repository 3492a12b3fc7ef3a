"""Redirects standard error of C++ code that ignores Python's `sys.stderr`, and writes before it reads any setting."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def redirected_stderr(log: Path) -> Iterator[None]:
    """Redirect standard error to the end of a file."""
    sys.stderr.flush()
    before = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
