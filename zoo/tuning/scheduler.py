"""Runs trials in workers, one at a time each, and restarts a trial if its process is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.processes.signals import StopRequest
from zoo.processes.tasks import Engine, Task
from zoo.tuning.search import Search, keep_best_only
from zoo.tuning.space import declare_space
from zoo.tuning.trials import run_trial

DEATHS = 5  # deaths of one worker's processes in a row before the search fails
ASK_AGAIN = 2.0  # seconds until an idle worker asks for a trial again, and a dead one restarts
SIGNALS = 3  # the last signal kills the trials
REPEAT_AFTER = 15.0  # seconds until a stop request is repeated
GRACE = 120.0  # seconds until running trials are killed


@dataclass
class Worker:
    """A slot for one process at a time."""

    number: int
    trial: Any = None  # keras-tuner's trial, until it has ended
    task: Task | None = None
    deaths: int = 0
    died_of: str | None = None
    rests_until: float = 0.0

    @property
    def name(self) -> str:
        """The worker's name for keras-tuner and in `trial.json`."""
        return f"worker-{self.number}"


class Scheduler:
    """Runs the trials that an oracle hands out.

    Args:
        search: the search, opened.
        oracle: oracle that chooses the settings.
        engine: engine that runs the processes.
        shared: file of data in memory; see `zoo.tuning.handover`.
        show: function that shows the progress; it is called repeatedly.
    """

    def __init__(self, search: Search, oracle: Any, engine: Engine, shared: str | None, show: Callable[[], None]) -> None:
        self._search, self._oracle, self._engine, self._shared, self._show = search, oracle, engine, shared, show

    def run(self, count: int) -> bool:
        """Run trials with `count` workers until none are left or time is up; return False if a signal stopped them.

        Raises:
            ZooError: a worker's processes die repeatedly.
        """
        workers = [Worker(number) for number in range(count)]
        try:
            return self._run(workers)
        except KeyboardInterrupt:  # the last signal
            for worker in workers:
                if worker.task is not None:
                    worker.task.kill()
            raise

    def _run(self, workers: list[Worker]) -> bool:
        with StopRequest(limit=SIGNALS) as stop:
            while True:
                for worker in workers:
                    self._collect(worker)
                    self._start(worker)
                if not any(worker.trial for worker in workers):
                    return not stop.is_made
                self._wait(workers)
                deadline = self._oracle.deadline
                is_late = deadline is not None and time.time() >= deadline and bool(self._search.best_trials)
                if stop.is_made or is_late:
                    self._stop(workers)
                    return not stop.is_made

    def _start(self, worker: Worker) -> None:
        """Start a trial on a free worker, or restart its own trial if its process died."""
        if worker.task is not None or time.monotonic() < worker.rests_until:
            return
        if worker.trial is None:
            trial = self._oracle.create_trial(worker.name)
            if trial.status != "RUNNING":  # no trial is left, or another one must end first
                worker.rests_until = time.monotonic() + ASK_AGAIN
                return
            worker.trial = trial
        spec, hyperparameters = self._search.spec, worker.trial.hyperparameters
        chosen = declare_space(spec.space, spec.defaults, hyperparameters)
        if "tuner/epochs" in hyperparameters.values:  # set by Hyperband
            chosen["epochs"] = int(hyperparameters.values["tuner/epochs"])
        worker.task = self._engine.start(
            run_trial, str(self._search.directory), worker.trial.trial_id, chosen, worker.name, worker.died_of, self._shared,
            worker=worker.number,
        )  # fmt: skip

    def _collect(self, worker: Worker) -> None:
        """Record the result of a worker whose process has ended."""
        if worker.task is None or worker.task.is_running:
            return
        task, worker.task = worker.task, None
        try:
            result = task.result()
        except (KeyboardInterrupt, ZooError) as error:  # the process died, or the machine has a problem such as a full disk
            worker.died_of = getattr(error, "ending", type(error).__name__)
            worker.rests_until = time.monotonic() + worker.deaths * ASK_AGAIN
            worker.deaths += 1
            if worker.deaths > DEATHS:
                raise
            return
        score = float(np.float32(result["objective"])) if result["status"] == "finished" else None  # as in keras-tuner's files
        self._oracle.finish_trial(worker.trial, score)
        worker.trial, worker.deaths, worker.died_of, worker.rests_until = None, 0, None, 0.0
        keep_best_only(self._search)

    def _stop(self, workers: list[Worker]) -> None:
        """Ask the running trials to save and exit; kill those that do not."""
        started = repeat_at = time.monotonic()
        while running := [worker.task for worker in workers if worker.task is not None]:
            if (now := time.monotonic()) >= repeat_at:  # a request is lost if it arrives between two runs of a trial
                repeat_at = now + REPEAT_AFTER
                for task in running:
                    task.interrupt() if now - started < GRACE else task.kill()
            self._wait(workers)
            for worker in workers:
                self._collect(worker)

    def _wait(self, workers: list[Worker]) -> None:
        self._engine.wait([worker.task for worker in workers if worker.task is not None])
        self._show()
