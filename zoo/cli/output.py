"""Output of the verbs: tables, JSON, and a quiet start of TensorFlow."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.distribution.cluster import workers_in_environment
from zoo.errors import ZooError
from zoo.processes.redirection import redirected_stderr


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """Print a table, with the columns in `right` right-aligned; rich would slow `zoo list` down by 50 of 200 ms."""
    cells = [list(columns), *([_as_text(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    for row in cells if any(columns) else cells[1:]:
        padded = []
        for cell, column, width in zip(row, columns, widths, strict=True):
            space = " " * (width - _width(cell))
            padded.append(space + cell if column in right else cell + space)
        print_line("  ".join(padded).rstrip())


def print_json(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print plain JSON."""
    print_line(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def print_line(text: str = "") -> None:
    """Print one line."""
    print(text)  # noqa: T201


def program() -> str:
    """Return the command that runs this program: "zoo", or its path if the shell cannot find it."""
    return "zoo" if shutil.which("zoo") else sys.argv[0]


def print_error(text: str) -> None:
    """Print one line on standard error."""
    print(text, file=sys.stderr)  # noqa: T201


def show_log() -> None:
    """Show zoo's log messages on standard error."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("zoo").setLevel(logging.INFO)


def start_tensorflow(*, with_workers: bool = False) -> bool:
    """Import TensorFlow and Keras quietly, and connect to the other workers in `TF_CONFIG` if requested.

    Returns:
        True if this process should print the output.
    """
    if with_workers and (count := workers_in_environment()) > 1:
        print_error(f"Waiting for the {count} workers in TF_CONFIG.")
    with quiet_start():
        import keras  # noqa: F401
        import tensorflow as tf

        if with_workers:
            from zoo.distribution.strategies import choose_strategy
            from zoo.distribution.workers import Worker

            is_chief = Worker.of(choose_strategy("auto")).is_chief  # before the first operation
        tf.constant(0)  # the first operation starts the runtime, which also prints messages
    return is_chief if with_workers else True


@contextmanager
def quiet_start() -> Iterator[None]:
    """Hide start-up messages of TensorFlow and LiteRT on standard error, which their C++ code writes before reading settings.

    If the block fails with an error other than zoo's, the messages are shown.
    """
    # 3, since at 2, each text model prints "oneDNN supports DT_BOOL only on ..." (TensorFlow 2.21); errors raise exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        try:
            with redirected_stderr(Path(log.name)):
                yield
        except ZooError:
            raise
        except Exception:
            print_error(log.read())
            raise


def _as_text(cell: Any) -> str:
    if cell is None:
        return "unknown"
    if isinstance(cell, float):
        return f"{cell:.4f}"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    if isinstance(cell, list | tuple):
        return ", ".join(str(part) for part in cell) or "none"
    return str(cell)


def _width(text: str) -> int:
    """Return the width on a terminal: Chinese, Japanese and Korean characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
