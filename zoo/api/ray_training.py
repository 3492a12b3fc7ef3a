"""Training by the workers of a Ray cluster, which Ray Train starts again when one of them is lost."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import signal
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import errors
from zoo.api.planning import planned_directory
from zoo.artefacts.files import new_directory, write_json
from zoo.errors import UsageError, WorkerLostError, ZooError

if TYPE_CHECKING:
    from zoo.artefacts.run import Run

RESTARTS = 3  # of all workers, when one is lost
FOLDERS = ("TFDS_DATA_DIR", "ZOO_DATA")
ENVIRONMENT = (*FOLDERS, "TF_CPP_MIN_LOG_LEVEL")  # handed on to the workers
FAILED, SEEN = "failed.json", "seen"  # what a worker leaves that fails, and what all of them must see


def train_on_ray(
    job: dict[str, Any], settings: Mapping[str, Any], strategy: Any, address: str | None, workers: int | None
) -> Run:
    """Let Ray Train run `zoo.train` in several workers, and return the finished run.

    Args:
        job: arguments of `zoo.train`, `resume` among them where a run is to go on.
        settings: those of them that are settings.
        strategy: must be "auto": workers meet by themselves.
        address: of the cluster: "HOST:PORT", "auto" for the one that this machine belongs to, or "local" to start one here for
            this training alone.
        workers: processes, each with a core of its own, and a GPU where there are as many.

    Raises:
        UsageError: it cannot be done by Ray, which is not installed, has no such cluster, or too small a one.
        ArtefactError: the run directory exists with content.
        ZooError: training failed, or a worker was lost more often than Ray starts them again.
    """
    from zoo.config import read_yaml
    from zoo.pipeline.splits import Splits

    if address is None or not isinstance(workers, int) or workers < 2:
        raise UsageError(
            f"Workers are those of a Ray cluster, at least 2. Received: workers={workers}, ray={address}. Give both; on this "
            "machine alone, `zoo train --workers N` needs no Ray."
        )
    if strategy != "auto" or isinstance(job["data"], Splits) or not isinstance(job["model"], str | None):
        is_splits = isinstance(job["data"], Splits)
        what = "Splits, which live in this process" if is_splits else "a model of your own, which lives in this process"
        what = f"strategy={strategy!r}" if strategy != "auto" else what
        raise UsageError(
            f"Ray's workers build the model, read the data and meet by themselves. Received: {what}. Give the name of a model, "
            "and a name, a path or arrays as data."
        )
    if isinstance(job["config"], str | os.PathLike):
        job["config"] = read_yaml(job["config"])
    job = _with_absolute_paths(job)
    if job["resume"] is not None:
        return _run_on_ray(job, Path(job["resume"]), address, workers)
    directory = planned_directory(
        job["model"], job["data"], job["config"], job["out"], settings, job["model_arguments"], job["data_arguments"]
    ).resolve()
    with new_directory(directory):  # refused before a cluster starts
        pass
    try:
        return _run_on_ray({**job, "out": str(directory)}, directory, address, workers)
    finally:
        with suppress(OSError):
            directory.rmdir()  # which only works where nothing was written


def _run_on_ray(job: Mapping[str, Any], directory: Path, address: str, workers: int) -> Run:
    """Do a job that was checked, in a directory that all machines of the cluster have in common."""
    ray = _import_ray()
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    from zoo.artefacts.run import Run

    directory = directory.resolve()
    is_ours = _connect(ray, address, workers)
    on_interrupt = signal.getsignal(signal.SIGINT)  # Ray sets its own and leaves it
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".ray-{directory.name}-") as state:
        (Path(state) / SEEN).touch()
        try:
            gpus = ray.cluster_resources().get("GPU", 0)
            trainer = TensorflowTrainer(
                _train_or_go_on,
                train_loop_config={"job": dict(job), "directory": str(directory), "state": state},
                scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus >= workers),
                run_config=RunConfig(name="train", storage_path=state, failure_config=FailureConfig(max_failures=RESTARTS)),
            )
            trainer.fit()
            _raise_what_failed(Path(state))
        except (KeyboardInterrupt, SystemExit) as error:
            raise KeyboardInterrupt(_how_to_go_on(directory)) from error
        except ZooError:
            raise
        except Exception as error:
            _raise_what_failed(Path(state))
            raise WorkerLostError(
                f"Ray gave up on this training: {errors.one_line(error)}. Received: {workers} workers, started again "
                f"{RESTARTS} times. {_how_to_go_on(directory)}"
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, on_interrupt)
            if is_ours:
                ray.shutdown()
    return Run.open(directory)


def _with_absolute_paths(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job that means the same in another directory."""
    from zoo.pipeline.load import looks_like_path

    def absolute(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: absolute(each) for name, each in value.items()}
        is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and looks_like_path(value))
        return os.path.abspath(os.path.expanduser(value)) if is_path else value

    found = {**job, "data": absolute(job["data"])}
    if job["resume"] is not None:
        found["resume"] = os.path.abspath(getattr(job["resume"], "directory", job["resume"]))
    for place, name in (("config", "data"), ("config", "data.data_dir"), ("data_arguments", "data_dir")):
        if (job[place] or {}).get(name) is not None:
            found[place] = {**found[place], name: absolute(job[place][name])}
    if job.get("data.data_dir") is not None:
        found["data.data_dir"] = os.path.abspath(job["data.data_dir"])
    return found


def _import_ray() -> Any:
    try:
        import ray
        import ray.train
    except ImportError as error:
        raise UsageError("Ray is not installed. Received: ray=. Install it with: pip install 'zoo[ray]'") from error
    return ray


def _connect(ray: Any, address: str, workers: int) -> bool:
    """Join the cluster; return whether this call did, and the process had not joined it before."""
    is_new = not ray.is_initialized()
    handed_on = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    handed_on |= {name: os.path.abspath(handed_on[name]) for name in FOLDERS if name in handed_on}
    start = {"num_cpus": max(workers + 1, os.cpu_count() or 1)} if address == "local" else {}  # one more for Ray Train itself
    if is_new:
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
        if is_new:
            ray.shutdown()
        raise UsageError(f"Each worker takes a core. Received: {workers} workers for a cluster of {cores}. Take fewer.")
    return is_new


def speak_little() -> None:
    """Leave errors alone of what Ray Train's and TensorFlow's own parts log in a process of the cluster."""
    for name in ("ray.train", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _train_or_go_on(config: Mapping[str, Any]) -> None:
    """Be one worker: begin the run, or go on with it when an earlier attempt came to a checkpoint."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # which Ray sets for Keras 2
    state = Path(config["state"])
    if (state / FAILED).exists():
        return  # it would fail again; the caller is told
    try:
        _train(config["job"], Path(config["directory"]), state)
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


def _raise_what_failed(state: Path) -> None:
    """Raise the error that a worker has left.

    Raises:
        ZooError: of the worker's kind.
    """
    if (state / FAILED).exists():
        failed = json.loads((state / FAILED).read_text(encoding="utf-8"))
        kind = getattr(errors, failed["kind"], ZooError)
        raise (UsageError if kind is errors.UnknownNameError else kind)(failed["text"])


def _how_to_go_on(directory: Path) -> str:
    if not any(directory.glob("checkpoints/*.npz")):
        return "No checkpoint was written yet."
    return f"To go on: zoo train --resume {shlex.quote(str(directory))}"
