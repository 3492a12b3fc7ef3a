"""One training in several processes of this machine, each with its share of cores and GPUs."""

from __future__ import annotations

import json
import shlex
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.distribution.cluster import STARTED_BY
from zoo.errors import UsageError, WorkerLostError, ZooError
from zoo.processes.forkserver import Child, ForkServer
from zoo.processes.machine import free_ports, shares
from zoo.processes.signals import StopRequest
from zoo.processes.tasks import POLL_SECONDS, ProcessDiedError

GRACE = 30.0  # seconds that workers have to end by themselves when one has failed
CHIEF_GRACE = 120.0  # the same for the chief, which may be saving
SIGNALS = 3  # the last one kills
PRELOAD = ("tensorflow", "keras")


def train_in_processes(train: Callable[..., Any], arguments: Any, count: int, directory: Path) -> Any:
    """Call `train(arguments)` in several processes that train together, and return what the first one returns.

    The first one, the chief, writes to this terminal. Ctrl-C and SIGTERM reach all of them. When one fails, the others get time
    to end by themselves before they are killed.

    Args:
        train: a function of an importable module.
        arguments: its argument, picklable.
        count: number of processes, int, at least 2.
        directory: the run directory, for the hint on how to resume.

    Raises:
        UsageError: there are too few cores or GPUs, or a worker raised it.
        WorkerLostError: a worker was killed.
        ZooError: a worker failed.
        KeyboardInterrupt: the workers were stopped.
    """
    parts = shares(count)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    with (
        tempfile.TemporaryDirectory(prefix="zoo-workers-", ignore_cleanup_errors=True) as folder,
        ForkServer(Path(folder), PRELOAD, parts) as server,
        StopRequest(limit=SIGNALS) as stop,
    ):
        workers: list[Child] = []
        for index in range(count):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = {"TF_CONFIG": json.dumps(task), "TMPDIR": folder, STARTED_BY: f"--workers {count}"}
            workers.append(server.start(train, arguments, worker=index, environment=environment, has_log=index > 0))
        first = _supervise(server, workers, stop)
        outcomes = [_outcome(worker) for worker in workers]
    if first is None:
        return outcomes[0]
    raise _failure(first, outcomes, directory, is_stopped=stop.is_made)


def _supervise(server: ForkServer, workers: list[Child], stop: StopRequest) -> int | None:
    """Wait until all have ended; return the number of the first one that failed, a killed one before others."""
    first, failed_at, signals = None, 0.0, 0
    while running := [worker for worker in workers if worker.is_running]:
        server.wait(running, POLL_SECONDS)
        if stop.count > signals:
            signals = stop.count
            for worker in running:
                worker.interrupt()
        if first is None:
            first, failed_at = _first_failure(workers), time.monotonic()
        else:
            for worker in running:
                if time.monotonic() - failed_at > (CHIEF_GRACE if worker is workers[0] else GRACE):
                    worker.kill()
    return _first_failure(workers) if first is None else first


def _first_failure(workers: list[Child]) -> int | None:
    failed = [index for index, worker in enumerate(workers) if worker.exit_code]
    return min(failed, key=lambda index: ((workers[index].exit_code or 0) > 0, index), default=None)


def _outcome(worker: Child) -> Any:
    """Return what a worker returned, or the exception that it raised."""
    try:
        return worker.result()
    except (ZooError, KeyboardInterrupt) as error:
        return error


def _failure(first: int, outcomes: list[Any], directory: Path, *, is_stopped: bool) -> BaseException:
    """Return the exception that says best what happened; the chief's notes say how to resume."""
    chief, failed = outcomes[0], outcomes[first]
    if is_stopped:
        has_said = isinstance(chief, BaseException) and not isinstance(chief, ProcessDiedError)
        return chief if has_said else KeyboardInterrupt()
    if (first == 0 and not isinstance(chief, ProcessDiedError)) or isinstance(chief, UsageError):
        return chief
    error: ZooError
    if isinstance(failed, ProcessDiedError) and failed.was_killed:
        error = WorkerLostError(f"Worker {first} of {len(outcomes)} was ended by {failed.ending}; the others have stopped.")
    else:
        error = ZooError(f"Worker {first} of {len(outcomes)} failed: {failed}")
    notes = getattr(chief, "__notes__", [])
    if not notes and any(directory.glob("checkpoints/*.npz")):
        notes = [f"To resume: zoo train --resume {shlex.quote(str(directory))} --workers {len(outcomes)}"]
    for note in notes:
        error.add_note(note)
    return error
