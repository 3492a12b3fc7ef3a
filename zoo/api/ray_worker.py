"""What each worker of a Ray cluster does: train, go on after a loss, and leave word for the one that waits."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.artefacts.files import write_json
from zoo.distribution.cluster import STARTED_BY
from zoo.errors import UsageError, WorkerLostError, ZooError

# Files in a folder of the training's state, which all machines see.
SEEN, STOP = "seen", "stop"  # what all workers must see, and the wish that they stop
FAILED, STOPPED = "failed.json", "stopped.json"  # what a worker leaves that fails, and the first one that was stopped
LOOK = 0.2  # seconds between two looks for the wish to stop


def speak_little() -> None:
    """Leave errors alone of what Ray Train's and TensorFlow's own parts log in a process of the cluster."""
    for name in ("ray.train", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def train_or_go_on(config: Mapping[str, Any]) -> None:
    """Be one worker: begin the run, or go on with it when an earlier attempt came to a checkpoint."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # which Ray sets for Keras 2
    state = Path(config["state"])
    if (state / FAILED).exists():
        return  # it would fail again; the caller is told
    os.environ[STARTED_BY] = config["words"]
    try:
        _train(config["job"], Path(config["directory"]), state)
    except KeyboardInterrupt as interrupt:
        notes = list(getattr(interrupt, "__notes__", ()))
        if notes:  # the first worker's, which keeps the run
            write_json(state / STOPPED, {"notes": notes})
    except WorkerLostError:
        raise
    except ZooError as error:
        if state.is_dir():
            content = {"kind": type(error).__name__, "text": str(error)}
            write_json(state / FAILED, content)
        raise


def _train(job: Mapping[str, Any], directory: Path, state: Path) -> None:
    import ray
    import tensorflow as tf

    context: Any = ray.get_runtime_context()
    cores = int(context.get_assigned_resources().get("CPU", 1)) or 1
    tf.config.threading.set_intra_op_parallelism_threads(cores)  # Ray divides cores by counting alone
    from zoo.api.training import train
    from zoo.api.workers import from_chief
    from zoo.distribution.strategies import choose_strategy
    from zoo.distribution.workers import Worker

    threading.Thread(target=_pass_on_the_wish_to_stop, args=(state,), daemon=True).start()
    strategy = choose_strategy("auto")
    here: dict[str, Any] = {"strategy": strategy, "verbose": job["verbose"] if Worker.of(strategy).is_chief else 0}
    if job["resume"] is None and from_chief(strategy, lambda: _has_begun(directory, state)):
        data = job["data"] if _is_unnamed(job["data"]) else None
        train(resume=directory, data=data, callbacks=job["callbacks"], **here)
    else:
        train(**{**job, **here})


def _has_begun(directory: Path, state: Path) -> bool:
    """Return whether there is a checkpoint to go on from; what an attempt without one has left is removed.

    Raises:
        UsageError: this machine does not see the files of the one that started the training.
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


def _is_unnamed(data: Any) -> bool:
    """Return whether a run cannot find its data again by itself."""
    return data is not None and not isinstance(data, str | os.PathLike)


def _pass_on_the_wish_to_stop(state: Path) -> None:
    """Wait for the wish to stop, as long as the process lives; Ray's workers train in a thread, where no signal comes."""
    from zoo.training.interruption import ask_to_stop

    while not (state / STOP).exists():
        time.sleep(LOOK)
    ask_to_stop()
