"""Trains in several processes, on this machine or on a Ray cluster, where they restart when one of them fails."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artefacts.files import check_new_directory, write_text
from zoo.artefacts.loading import is_splits
from zoo.artefacts.run import Run
from zoo.distribution.cluster import STARTED_BY
from zoo.errors import UsageError, WorkerLostError, ZooError
from zoo.processes.redirection import redirected_stderr
from zoo.processes.signals import StopRequest
from zoo.processes.start import shared_folder, start_engine
from zoo.processes.tasks import POLL_SECONDS, Engine, ProcessDiedError, Task
from zoo.training.plan import Plan

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)
PRELOAD = ("tensorflow", "keras")
RESTARTS = 3  # on a cluster: how often all workers restart after one has failed
GRACE = 120.0  # seconds for the other workers to save and exit after one has failed
SIGNALS = 3  # the last signal kills the workers


@dataclass(frozen=True)
class ParallelTraining:
    """A training run on several workers.

    Args:
        plan: the plan of the run; None resumes the run in the directory.
        directory: the run directory.
        data: data of a run to resume, if they were in memory.
        callbacks: the user's callbacks.
        verbose: 0 shows nothing.
        workers: number of workers; each gets its share of the cores, and of the GPUs if there are enough.
        ray: address of a Ray cluster; None is this machine. See `zoo.processes.ray_cluster.RayCluster`.
    """

    plan: Plan | None
    directory: Path
    data: Any
    callbacks: Sequence[keras.callbacks.Callback]
    verbose: int
    workers: int | None
    ray: str | None

    def run(self, strategy: Any) -> Run:
        """Train, and return the finished run.

        Ctrl-C and SIGTERM reach all workers; the third signal kills them. When one fails, the others get time to save and exit.

        Args:
            strategy: must be "auto", since the workers form their own strategy.

        Raises:
            UsageError: workers cannot train the plan, there are too few cores or GPUs, or the cluster does not exist.
            ArtefactError: the run directory is not empty, or there is no run to resume.
            WorkerLostError: a worker was killed; on a cluster, more than `RESTARTS` times.
            ZooError: training failed.
            KeyboardInterrupt: the workers were stopped.
        """
        least, restarts = (1, 0) if self.ray is None else (2, RESTARTS)
        if not isinstance(self.workers, int) or self.workers < least:
            received = "no workers" if self.workers is None else f"workers={self.workers!r}"
            cluster = "" if self.ray is None else f" to use Ray ({self.ray})"
            raise UsageError(f"`workers` must be at least {least}{cluster}. Received: {received}. To use Ray, pass both.")
        self._check_portable(strategy)
        if self.plan is None:
            Run.open_unfinished(self.directory)
        else:
            check_new_directory(self.directory)
        with (
            shared_folder(self.ray, self.directory) as folder,
            start_engine(self.ray, self.workers, Path(folder), PRELOAD, is_group=True) as engine,
        ):
            while True:
                try:
                    self._attempt(engine, Path(tempfile.mkdtemp(dir=folder)), self.workers)
                    return Run.open(self.directory)
                except WorkerLostError as error:
                    if not restarts:
                        raise
                    restarts -= 1
                    logger.warning("%s All workers restart.", error)
                    if self.plan is not None and not self.has_checkpoint:
                        shutil.rmtree(self.directory, ignore_errors=True)  # it was empty before

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return any(self.directory.glob("checkpoints/*.npz"))

    @property
    def options(self) -> str:
        """The options of `zoo train` that start these workers."""
        return f"{'' if self.ray is None else f'--ray {shlex.quote(self.ray)} '}--workers {self.workers}"

    def _check_portable(self, strategy: Any) -> None:
        """Reject models, data and options that other processes cannot receive."""
        model = "" if self.plan is None else self.plan.model
        data = self.data if self.plan is None else self.plan.data
        rejected = {
            f"strategy={strategy!r}": strategy != "auto",
            "TF_CONFIG, which already lists workers": os.environ.get("TF_CONFIG"),
            "Splits, which exist only here": is_splits(data),
            "a dataset or generator, which exists only here": isinstance(data, Iterator) or hasattr(data, "element_spec"),
            "callbacks, which only the workers of a Ray cluster receive": self.callbacks and self.ray is None,
            "a model of your own, which exists only here": not isinstance(model, str),
        }
        for received, is_given in rejected.items():
            if is_given:
                raise UsageError(
                    f"Workers build the model, read the data and connect by themselves. Received: {received}. Omit it; pass "
                    "the name of a model, and data as a name, a path or arrays."
                )

    def _attempt(self, engine: Engine, folder: Path, count: int) -> None:
        """Run all workers until training ends; `folder` is empty, and all workers see it."""
        logger.info("Starting %d workers.", count)
        call = (_work, self, count, folder, self.plan is None or self.has_checkpoint, logger.getEffectiveLevel())
        with StopRequest(limit=SIGNALS) as stop:
            tasks = [engine.start(*call, index, worker=index, has_log=index > 0) for index in range(count)]
            try:
                failed = _supervise(engine, tasks, stop)
            except KeyboardInterrupt:  # the last signal
                for task in tasks:
                    task.kill()
                raise
        if failed is not None:
            raise self._failure(failed, [_outcome(task) for task in tasks], is_stopped=stop.is_made)

    def _failure(self, failed: int, outcomes: Sequence[BaseException | None], *, is_stopped: bool) -> BaseException:
        """Return the most informative exception; the chief's notes say how to resume."""
        chief, error, worker = outcomes[0], outcomes[failed], f"Worker {failed} of {len(outcomes)}"
        found: BaseException = ZooError(f"{worker} failed: {error}")
        says_most = is_stopped or failed == 0 or isinstance(chief, UsageError | KeyboardInterrupt)
        if says_most and chief is not None and not isinstance(chief, ProcessDiedError | WorkerLostError):
            return chief
        if is_stopped:
            found = KeyboardInterrupt()
        elif isinstance(error, WorkerLostError):
            found = error
        elif isinstance(error, ProcessDiedError) and error.was_killed:
            found = WorkerLostError(f"{worker} was ended by {error.ending}. The other workers have stopped.")
        hint = f"To resume: zoo train --resume {shlex.quote(str(self.directory))} {self.options}"
        if not hasattr(found, "__notes__"):
            for note in getattr(chief, "__notes__", [hint] if self.has_checkpoint else []):
                found.add_note(note)
        return found


def _supervise(engine: Engine, tasks: Sequence[Task], stop: StopRequest) -> int | None:
    """Wait until all tasks have ended; return the index of the first failed task, preferring a killed one."""
    failed, deadline, signals = None, float("inf"), 0
    while running := [task for task in tasks if task.is_running]:
        engine.wait(running)
        if stop.count > signals:
            signals = stop.count
            for task in running:
                task.interrupt()
        if failed is None and (failed := _first_failure(tasks)) is not None:
            deadline = time.monotonic() + GRACE
        if time.monotonic() > deadline:
            for task in running:
                task.kill()
    return _first_failure(tasks) if failed is None else failed


def _first_failure(tasks: Sequence[Task]) -> int | None:
    errors = {index: _outcome(task) for index, task in enumerate(tasks) if not task.is_running}
    failed = [index for index, error in errors.items() if error is not None]
    return min(failed, key=lambda index: (not getattr(errors[index], "was_killed", False), index), default=None)


def _outcome(task: Task) -> BaseException | None:
    """Return the exception of a task that has ended."""
    try:
        task.result()
    except (ZooError, KeyboardInterrupt) as error:
        return error
    return None


def _work(training: ParallelTraining, count: int, folder: Path, is_resumed: bool, log_level: int, index: int) -> None:
    """Run one worker of a training run, in its own process."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("zoo").setLevel(log_level)
    if not folder.is_dir():
        raise UsageError(
            "All machines of the cluster must see the run directory at the same path. Received: "
            f"{training.directory}, which worker {index} does not see. Choose one on a shared file system."
        )
    host = "127.0.0.1"
    if training.ray is None:
        tempfile.tempdir = str(folder)  # removed with all temporary files of the workers
    else:
        from ray.util import get_node_ip_address

        host = get_node_ip_address()  # type: ignore[no-untyped-call]
    cluster = {"worker": _addresses(folder, host, index, count)}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
    os.environ[STARTED_BY] = training.options
    from zoo.distribution.strategies import choose_strategy
    from zoo.training.session import resume_run, train_plan

    with redirected_stderr(folder / f"start-{index}.log"):
        strategy = choose_strategy("auto")
    how: dict[str, Any] = {"callbacks": training.callbacks, "strategy": strategy}
    how["verbose"] = training.verbose if index == 0 else 0
    plan, data = training.plan, training.data
    if plan is not None and not is_resumed:
        train_plan(plan, training.directory, **how)
    else:
        is_named = plan is not None and isinstance(data, str | os.PathLike)  # the run records the name
        resume_run(training.directory, None if is_named else data, **how)


def _addresses(folder: Path, host: str, index: int, count: int) -> list[str]:
    """Return the addresses of all workers; each worker writes its own address to the folder."""
    files = [folder / f"address-{number}" for number in range(count)]
    with socket.socket() as reserved:  # until all have an address, so that no two workers get the same port
        reserved.bind(("", 0))
        write_text(files[index], f"{host}:{reserved.getsockname()[1]}")
        while not all(file.exists() for file in files):
            time.sleep(POLL_SECONDS)
    return [file.read_text(encoding="utf-8") for file in files]
