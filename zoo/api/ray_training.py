"""Training by the workers of a Ray cluster, which Ray Train starts again when one of them is lost."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import errors
from zoo.errors import UsageError, WorkerLostError, ZooError

if TYPE_CHECKING:
    from zoo.artefacts.run import Run

RESTARTS = 3  # of all workers, when one is lost
ENVIRONMENT = ("TFDS_DATA_DIR", "ZOO_DATA", "TF_CPP_MIN_LOG_LEVEL")  # handed on to the workers
FAILED = "failed.json"


def train_on_ray(job: Mapping[str, Any], directory: Path, address: str, workers: int) -> Run:
    """Let Ray Train run `zoo.train` in several workers, and return the finished run.

    Args:
        job: arguments of `zoo.train`, `resume` among them where a run is to go on.
        directory: of the run, on a file system that all machines of the cluster have in common.
        address: of the cluster: "HOST:PORT", "auto" for the one that this machine belongs to, or "local" to start one here for
            this training alone.
        workers: processes, each with a core of its own, and a GPU where there are as many.

    Raises:
        UsageError: Ray is not installed, there is no such cluster, or it is too small.
        ZooError: training failed, or a worker was lost more often than Ray starts them again.
    """
    ray = _import_ray()
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    from zoo.artefacts.run import Run

    directory = directory.resolve()
    state = directory.with_name(f"{directory.name}-ray")  # what Ray Train keeps for itself
    _connect(ray, address, workers)
    try:
        gpus = ray.cluster_resources().get("GPU", 0)
        trainer = TensorflowTrainer(
            _train_or_go_on,
            train_loop_config={"job": dict(job), "directory": str(directory), "state": str(state)},
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus >= workers),
            run_config=RunConfig(name="train", storage_path=str(state), failure_config=FailureConfig(max_failures=RESTARTS)),
        )
        state.mkdir(parents=True)
        try:
            trainer.fit()
        except Exception as error:
            _raise_what_failed(state, directory, workers, error)
    finally:
        shutil.rmtree(state, ignore_errors=True)
        ray.shutdown()
    return Run.open(directory)


def _import_ray() -> Any:
    try:
        import ray
        import ray.train
    except ImportError as error:
        raise UsageError("Ray is not installed. Received: ray=. Install it with: pip install 'zoo[ray]'") from error
    return ray


def _connect(ray: Any, address: str, workers: int) -> None:
    handed_on = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    start = {"num_cpus": max(workers + 1, os.cpu_count() or 1)} if address == "local" else {}  # one more for Ray Train itself
    try:
        ray.init(
            address=address, logging_level="warning", include_dashboard=None if not start else False,
            runtime_env={"env_vars": handed_on, "worker_process_setup_hook": "zoo.api.ray_training.speak_little"}, **start,
        )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"There is no such Ray cluster: {errors.one_line(error)}. Received: {address!r}. Give HOST:PORT, 'auto', or "
            "'local' to start one here."
        ) from error
    cores = int(ray.cluster_resources().get("CPU", 0))
    if cores < workers:
        ray.shutdown()
        raise UsageError(f"Each worker takes a core. Received: {workers} workers for a cluster of {cores}. Take fewer.")


def speak_little() -> None:
    """Leave errors alone of what Ray Train's and TensorFlow's own parts log in a process of the cluster."""
    for name in ("ray.train", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _train_or_go_on(config: Mapping[str, Any]) -> None:
    """Be one worker: begin the run, or go on with it when an earlier attempt came to a checkpoint."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # which Ray sets for Keras 2
    import ray
    import tensorflow as tf

    context: Any = ray.get_runtime_context()
    cores = int(context.get_assigned_resources().get("CPU", 1)) or 1
    tf.config.threading.set_intra_op_parallelism_threads(cores)  # Ray divides cores by counting alone
    from zoo.api.training import train
    from zoo.api.workers import from_chief
    from zoo.distribution.strategies import choose_strategy
    from zoo.distribution.workers import Worker

    directory, state = Path(config["directory"]), Path(config["state"])
    if (state / FAILED).exists():
        raise RuntimeError("it failed, and would again")
    strategy = choose_strategy("auto")
    is_chief = Worker.of(strategy).is_chief
    verbose = config["job"]["verbose"] if is_chief else 0
    job = {**config["job"], "verbose": verbose, "strategy": strategy or "none"}
    try:
        if job["resume"] is None and from_chief(strategy, lambda: _has_begun(directory)):
            again = {name: job[name] for name in ("callbacks", "verbose", "strategy")}
            train(resume=directory, data=job["data"] if _is_unnamed(job["data"]) else None, **again)
        else:
            train(**job)
    except WorkerLostError:
        raise
    except ZooError as error:
        if is_chief:
            (state / FAILED).write_text(json.dumps({"kind": type(error).__name__, "text": str(error)}), encoding="utf-8")
        raise


def _has_begun(directory: Path) -> bool:
    """Return whether there is a checkpoint to go on from; what an attempt without one has left is removed."""
    if any(directory.glob("checkpoints/*.npz")):
        return True
    if directory.is_dir():
        shutil.rmtree(directory)
    return False


def _is_unnamed(data: Any) -> bool:
    """Return whether a run cannot find its data again by itself."""
    return data is not None and not isinstance(data, str | os.PathLike)


def _raise_what_failed(state: Path, directory: Path, workers: int, error: Exception) -> None:
    if (state / FAILED).exists():
        failed = json.loads((state / FAILED).read_text(encoding="utf-8"))
        kind = getattr(errors, failed["kind"], ZooError)
        raise (UsageError if kind is errors.UnknownNameError else kind)(failed["text"]) from error
    raise WorkerLostError(
        f"Ray gave up on this training: {errors.one_line(error)}. Received: {workers} workers, started again {RESTARTS} times. "
        f"To go on: zoo train --resume {directory}"
    ) from error
