"""What each worker of a Ray cluster does: train, resume after a loss, and record how it ended for the one that waits."""

from __future__ import annotations

import os
import pickle
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.artefacts.files import write_atomically
from zoo.distribution.cluster import STARTED_BY
from zoo.errors import UsageError, WorkerLostError, ZooError
from zoo.processes.ray_cluster import limit_threads

# Files in a folder of the training run's state, which all machines see.
SEEN, STOP = "seen", "stop"  # what all workers must see, and the request to stop
FAILED, STOPPED = "failed", "stopped"  # pickled: a worker's error, and the first worker's interruption
POLL_SECONDS = 0.2


def train_or_resume(config: Mapping[str, Any]) -> None:
    """Be one worker: start the run, or resume it when an earlier attempt wrote a checkpoint."""
    state = Path(config["state"])
    if (state / FAILED).exists():
        return  # it would fail again; the caller raises the error
    os.environ[STARTED_BY] = config["words"]
    try:
        _train(config, Path(config["directory"]), state)
    except KeyboardInterrupt as interrupt:
        if getattr(interrupt, "__notes__", ()):  # the first worker's, which keeps the run
            _record(state / STOPPED, interrupt)
    except WorkerLostError:
        raise
    except ZooError as error:
        if state.is_dir():
            _record(state / FAILED, error)
        raise


def _record(path: Path, error: BaseException) -> None:
    write_atomically(path, lambda partial: partial.write_bytes(pickle.dumps(error)))


def _train(config: Mapping[str, Any], directory: Path, state: Path) -> None:
    import ray

    context: Any = ray.get_runtime_context()
    cores = int(context.get_assigned_resources().get("CPU", 1)) or 1
    limit_threads(cores)
    from zoo.distribution.strategies import choose_strategy
    from zoo.distribution.workers import Worker
    from zoo.training.coordination import from_chief
    from zoo.training.session import resume_run, train_plan

    threading.Thread(target=_forward_stop, args=(state,), daemon=True).start()
    strategy = choose_strategy("auto")
    how: dict[str, Any] = {"callbacks": config["callbacks"], "strategy": strategy}
    how["verbose"] = config["verbose"] if Worker.of(strategy).is_chief else 0
    plan, data = config["plan"], config["data"]
    if plan is None or from_chief(strategy, lambda: _has_begun(directory, state)):
        resume_run(directory, None if isinstance(data, str | os.PathLike) and plan is not None else data, **how)
    else:
        train_plan(plan, directory, **how)


def _has_begun(directory: Path, state: Path) -> bool:
    """Return whether there is a checkpoint to resume from; the files of an attempt without one are removed.

    Raises:
        UsageError: this machine does not see the files of the one that started the run.
    """
    if not (state / SEEN).exists():
        raise UsageError(
            "All machines of the cluster see the run directory under one path. Received: "
            f"{directory}, which the first worker does not see. Choose one on a common file system."
        )
    if any(directory.glob("checkpoints/*.npz")):
        return True
    if directory.is_dir():
        shutil.rmtree(directory)  # it was empty when this training began
    return False


def _forward_stop(state: Path) -> None:
    """Wait for the request to stop while the process lives; Ray's workers train in a thread, which gets no signals."""
    from zoo.processes.signals import ask_to_stop

    while not (state / STOP).exists():
        time.sleep(POLL_SECONDS)
    ask_to_stop()
