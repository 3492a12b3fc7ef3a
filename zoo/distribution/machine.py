"""What this machine has for workers: cores, GPUs, ports; without TensorFlow, which would take 4 s to ask."""

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
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # opened before a fork, which may not load anything
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux' prctl


def end_with(parent: int, number: int) -> None:
    """Let this process get a signal when its parent dies, where the system can; end now if it has died already."""
    if LIBC is not None:
        LIBC.prctl(DIE_WITH_PARENT, number)
        if os.getppid() != parent:
            os._exit(1)


def share_of(resources: Sequence[Resource], index: int, count: int) -> list[Resource]:
    """Return which cores or GPUs are a worker's.

    Example:
        >>> [share_of([0, 1, 2, 3, 4], index, 2) for index in range(2)]
        [[0, 1, 2], [3, 4]]
    """
    whole, rest = divmod(len(resources), count)
    start = index * whole + min(index, rest)
    return list(resources[start : start + whole + (index < rest)])


def check_machine(count: int) -> None:
    """Refuse more workers than there are cores, or GPUs where there are any.

    Raises:
        UsageError: there are.
    """
    if 0 < len(gpus()) < count:
        raise UsageError(f"Each worker has a GPU of its own. Received: {count} workers for {len(gpus())}. Take fewer.")
    if 0 < len(cores()) < count:
        raise UsageError(f"Each worker has a core of its own. Received: {count} workers for {len(cores())}. Take fewer.")


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use; none where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def gpus() -> list[str]:
    """Return the names of this machine's GPUs, as CUDA_VISIBLE_DEVICES has them; TensorFlow would take 4 s to ask."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    listed = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number, _ in enumerate(listed.iterdir())] if listed.is_dir() else []


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
