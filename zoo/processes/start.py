"""Starts an engine: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from zoo.processes.forkserver import ForkServer
from zoo.processes.machine import shares
from zoo.processes.ray_cluster import RayCluster
from zoo.processes.tasks import Engine


def start_engine(
    ray: str | None, workers: int, folder: Path, preload: Sequence[str], *, is_group: bool = False
) -> AbstractContextManager[Engine]:
    """Start an engine; use it as a context manager.

    Args:
        ray: address of a Ray cluster; None starts processes of this machine.
        workers: number of tasks that run in parallel.
        folder: folder for temporary files.
        preload: names of modules that processes of this machine import once and share.
        is_group: whether the tasks work together; see `RayCluster`; default False.

    Raises:
        UsageError: there are too few cores or GPUs, the cluster does not exist, or the system cannot fork.
    """
    if ray is not None:
        return RayCluster(ray, workers, folder, is_group=is_group)
    return ForkServer(folder, preload, shares(workers))


def shared_folder(ray: str | None, directory: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder that only this user can read; next to `directory` if a cluster's machines must see it."""
    parent = None
    if ray is not None:
        parent = directory.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=parent, prefix=".zoo-", ignore_cleanup_errors=True)
