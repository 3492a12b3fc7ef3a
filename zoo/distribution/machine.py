"""Cores, GPUs and ports of this machine, without TensorFlow, which takes 4 s to import."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from zoo.errors import UsageError

Resource = TypeVar("Resource")
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # opened before a fork, after which nothing may be loaded
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux' prctl


def end_with(parent: int, number: int) -> None:
    """Signal this process when its parent dies, if the system supports that; exit if the parent is already dead."""
    if LIBC is not None:
        LIBC.prctl(DIE_WITH_PARENT, number)
        if os.getppid() != parent:
            os._exit(1)


def share_of(resources: Sequence[Resource], index: int, count: int) -> list[Resource]:
    """Return the cores or GPUs of a worker.

    Example:
        >>> [share_of([0, 1, 2, 3, 4], index, 2) for index in range(2)]
        [[0, 1, 2], [3, 4]]
    """
    whole, rest = divmod(len(resources), count)
    start = index * whole + min(index, rest)
    return list(resources[start : start + whole + (index < rest)])


def check_machine(count: int) -> None:
    """Reject more workers than cores, or than GPUs if there are any.

    Raises:
        UsageError: there are too many workers.
    """
    if 0 < len(gpus()) < count:
        raise UsageError(f"Each worker needs its own GPU. Received: {count} workers for {len(gpus())} GPUs. Use fewer workers.")
    if 0 < len(cores()) < count:
        raise UsageError(
            f"Each worker needs its own core. Received: {count} workers for {len(cores())} cores. Use fewer workers."
        )


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use; empty if the system does not report them."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def gpus() -> list[str]:
    """Return the names of this machine's GPUs, as in CUDA_VISIBLE_DEVICES; TensorFlow would take 4 s to import."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    listed = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number, _ in enumerate(listed.iterdir())] if listed.is_dir() else []


def free_ports(count: int) -> list[int]:
    """Return free ports of this machine."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
