"""TensorFlow's start, without the lines that it writes before any setting is read."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep TensorFlow's start-up lines off standard error: its C++ writes them before any setting is read.

    They are shown after all when the block fails.
    """
    # 3, since at 2 every text model says "oneDNN supports DT_BOOL only on ..." (TensorFlow 2.21); errors are exceptions too.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(before, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
