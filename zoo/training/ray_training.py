"""Training by the workers of a Ray cluster, which Ray Train restarts when one of them is lost."""

from __future__ import annotations

import os
import pickle
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artefacts.files import new_directory
from zoo.artefacts.loading import is_splits, name_of
from zoo.artefacts.run import Run
from zoo.errors import UsageError, WorkerLostError, one_line
from zoo.processes.ray_cluster import connected
from zoo.processes.signals import StopRequest
from zoo.training import ray_worker
from zoo.training.plan import Plan

if TYPE_CHECKING:
    import keras

RESTARTS = 3  # of all workers, when one is lost
POLL_SECONDS = 0.2


def train_on_ray(
    plan: Plan | None,
    directory: Path,
    data: Any,
    *,
    callbacks: Sequence[keras.callbacks.Callback],
    strategy: Any,
    address: str,
    workers: int,
    verbose: int,
) -> Run:
    """Let Ray Train train a plan in several workers, and return the finished run.

    Args:
        plan: what to train; None resumes the run in the directory.
        directory: the run directory.
        data: data for a run to resume whose data were in memory.
        callbacks: the user's own.
        strategy: must be "auto", since workers form a strategy of their own.
        address: address of the cluster; see `zoo.processes.ray_cluster.RayCluster`.
        workers: number of workers; each gets a core, and a GPU if there are enough.
        verbose: 0 shows nothing.

    Raises:
        UsageError: Ray cannot train the plan, is not installed, or has no such cluster or too small a one.
        ArtefactError: the run directory is not empty.
        ZooError: training failed, or workers were lost more often than Ray restarts them.
    """
    import tensorflow as tf

    if not isinstance(workers, int) or workers < 2:
        raise UsageError(f"`workers` is a whole number of at least 2. Received: {workers!r}. Give more, or train without Ray.")
    given = plan.data if plan is not None else data
    local = {
        f"strategy={strategy!r}": strategy != "auto",
        "Splits, which live in this process": is_splits(given),
        "a dataset or generator, which lives in this process": isinstance(given, tf.data.Dataset | Iterator),
        "a model of your own, which lives in this process": plan is not None and not isinstance(plan.model, str),
    }
    if any(local.values()):
        raise UsageError(
            "Ray's workers build the model, read the data and connect by themselves. Received: "
            f"{next(what for what, is_given in local.items() if is_given)}. Give the name of a model, and a name, a path or "
            "arrays as data."
        )
    directory = directory.resolve()
    job = {"data": data, "callbacks": callbacks, "verbose": verbose, "directory": str(directory)}
    if plan is None:
        return _run_on_ray({**job, "plan": None}, directory, address, workers)
    with new_directory(directory):  # refused before a cluster starts
        pass
    try:
        return _run_on_ray({**job, "plan": _with_absolute_paths(plan)}, directory, address, workers)
    finally:
        with suppress(OSError):
            directory.rmdir()  # works only if nothing was written


def _run_on_ray(job: Mapping[str, Any], directory: Path, address: str, workers: int) -> Run:
    """Run a checked job in a directory that all machines of the cluster see."""
    words = f"--ray {shlex.quote(address)} --workers {workers}"
    with tempfile.TemporaryDirectory(
        dir=directory.parent, prefix=f".ray-{directory.name}-", ignore_cleanup_errors=True
    ) as folder:
        state = Path(folder)
        (state / ray_worker.SEEN).touch()
        with connected(address, workers, state) as ray:
            from ray.train import FailureConfig, RunConfig, ScalingConfig
            from ray.train.tensorflow import TensorflowTrainer

            trainer = TensorflowTrainer(
                ray_worker.train_or_resume,
                train_loop_config={**job, "state": folder, "words": words},
                scaling_config=ScalingConfig(num_workers=workers, use_gpu=ray.cluster_resources().get("GPU", 0) >= workers),
                run_config=RunConfig(name="train", storage_path=folder, failure_config=FailureConfig(max_failures=RESTARTS)),
            )
            try:
                _wait_for(trainer.fit, state)
            except KeyboardInterrupt as interrupt:  # the second one
                interrupt.add_note(_resume_hint(directory, words))
                raise
            except Exception as error:
                _raise_recorded(state)
                raise WorkerLostError(
                    f"Ray gave up on this training run: {one_line(error)}. Received: {workers} workers, restarted {RESTARTS} "
                    f"times. {_resume_hint(directory, words)}"
                ) from error
        _raise_recorded(state)
    return Run.open(directory)


def _wait_for(train: Callable[[], Any], state: Path) -> None:
    """Wait until the workers have ended; Ctrl-C and SIGTERM let them save and stop; a second one leaves at once."""
    with StopRequest() as stop:
        pool = ThreadPoolExecutor(1)  # not the main thread, where Ray Train would handle Ctrl-C itself
        try:
            training = pool.submit(train)
            while not wait([training], POLL_SECONDS).done:
                if stop.is_made:
                    (state / ray_worker.STOP).touch()
            training.result()
        finally:
            pool.shutdown(wait=False)


def _with_absolute_paths(plan: Plan) -> Plan:
    """Return a plan that means the same in another directory."""
    from zoo.pipeline.load import looks_like_path

    def absolute(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: absolute(each) for name, each in value.items()}
        is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and looks_like_path(value))
        return os.path.abspath(os.path.expanduser(value)) if is_path else value

    data, arguments = absolute(plan.data), plan.settings.data_arguments
    if arguments.data_dir is not None:
        arguments = arguments.model_copy(update={"data_dir": os.path.abspath(arguments.data_dir)})
    settings = plan.settings.model_copy(update={"data": name_of(data), "data_arguments": arguments})
    return replace(plan, data=data, settings=settings)


def _raise_recorded(state: Path) -> None:
    """Raise the error or the interruption that a worker has recorded.

    Raises:
        ZooError: the worker's error.
        KeyboardInterrupt: the workers were stopped; its notes say what is kept.
    """
    for name in (ray_worker.STOPPED, ray_worker.FAILED):
        if (state / name).exists():
            raise pickle.loads((state / name).read_bytes())  # noqa: S301 - our own workers wrote it


def _resume_hint(directory: Path, words: str) -> str:
    if not any(directory.glob("checkpoints/*.npz")):
        return "No checkpoint was written yet."
    return f"To resume: zoo train --resume {shlex.quote(str(directory))} {words}"
