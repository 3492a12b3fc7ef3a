"""Training by the workers of a Ray cluster, which Ray Train starts again when one of them is lost."""

from __future__ import annotations

import json
import os
import shlex
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import errors
from zoo.api import ray_worker
from zoo.api.planning import planned_directory
from zoo.artefacts.files import new_directory
from zoo.errors import UsageError, WorkerLostError, ZooError, missing_package
from zoo.training.interruption import StopRequest

if TYPE_CHECKING:
    from zoo.artefacts.run import Run

RESTARTS = 3  # of all workers, when one is lost
FOLDERS = ("TFDS_DATA_DIR", "ZOO_DATA")  # handed on to the workers
ANSWER_WITHIN = 5.0  # seconds that a cluster has to answer
LOOK = 0.2  # seconds between two looks for a wish to stop


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
    import tensorflow as tf

    from zoo.pipeline.splits import Splits
    from zoo.settings import read_yaml

    if address is None or workers is None:
        raise UsageError(
            f"`ray` and `workers` belong together. Received: workers={workers}, ray={address}. Give both; on this machine "
            "alone, `zoo train --workers N` needs no Ray."
        )
    if not isinstance(workers, int) or workers < 2:
        raise UsageError(f"`workers` is a whole number of at least 2. Received: {workers!r}. Give more, or train without Ray.")
    here = {
        f"strategy={strategy!r}": strategy != "auto",
        "Splits, which live in this process": isinstance(job["data"], Splits),
        "a dataset or generator, which lives in this process": isinstance(job["data"], tf.data.Dataset | Iterator),
        "a model of your own, which lives in this process": not isinstance(job["model"], str | None),
    }
    if any(here.values()):
        raise UsageError(
            "Ray's workers build the model, read the data and meet by themselves. Received: "
            f"{next(what for what, is_given in here.items() if is_given)}. Give the name of a model, and a name, a path or "
            "arrays as data."
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
    words = f"--ray {shlex.quote(address)} --workers {workers}"
    with tempfile.TemporaryDirectory(
        dir=directory.parent, prefix=f".ray-{directory.name}-", ignore_cleanup_errors=True
    ) as folder:
        state = Path(folder)
        (state / ray_worker.SEEN).touch()
        is_ours = _connect(ray, address, workers, state)
        try:
            gpus = ray.cluster_resources().get("GPU", 0)
            trainer = TensorflowTrainer(
                ray_worker.train_or_go_on,
                train_loop_config={"job": dict(job), "directory": str(directory), "state": folder, "words": words},
                scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus >= workers),
                run_config=RunConfig(name="train", storage_path=folder, failure_config=FailureConfig(max_failures=RESTARTS)),
            )
            _wait_for(trainer.fit, state)
        except KeyboardInterrupt as interrupt:  # the second
            interrupt.add_note(_how_to_go_on(directory, words))
            raise
        except Exception as error:
            _raise_what_was_left(state)
            raise WorkerLostError(
                f"Ray gave up on this training: {errors.one_line(error)}. Received: {workers} workers, started again "
                f"{RESTARTS} times. {_how_to_go_on(directory, words)}"
            ) from error
        finally:
            if is_ours:
                ray.shutdown()
        _raise_what_was_left(state)
    return Run.open(directory)


def _wait_for(train: Callable[[], Any], state: Path) -> None:
    """Wait until the workers have ended; Ctrl-C and SIGTERM let them save and stop, and the second leaves them at once."""
    with StopRequest() as stop:
        pool = ThreadPoolExecutor(1)  # away from the main thread, where Ray Train would take Ctrl-C for itself
        try:
            training = pool.submit(train)
            while not wait([training], LOOK).done:
                if stop.is_made:
                    (state / ray_worker.STOP).touch()
            training.result()
        finally:
            pool.shutdown(wait=False)


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
        raise missing_package("ray=", "ray", extra="ray") from error
    return ray


def _connect(ray: Any, address: str, workers: int, state: Path) -> bool:
    """Join the cluster; return whether this call did, and the process had not joined it before."""
    is_new = not ray.is_initialized()
    if is_new:
        _join_or_start(ray, address, workers, state)
    cores = int(ray.cluster_resources().get("CPU", 0))
    if cores < workers:
        if is_new:
            ray.shutdown()
        raise _too_many(workers, cores)
    return is_new


def _join_or_start(ray: Any, address: str, workers: int, state: Path) -> None:
    handed_on = {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3")}
    handed_on |= {name: os.path.abspath(os.environ[name]) for name in FOLDERS if name in os.environ}
    start: dict[str, Any] = {}
    if address == "local":
        cores = os.cpu_count() or 1
        if workers > cores:
            raise _too_many(workers, cores)
        start = {"num_cpus": max(workers + 1, cores), "include_dashboard": False}  # one more for Ray Train itself
        handed_on["TMPDIR"] = str(state)  # where nothing outlives the training
    _check_address(address)
    environment = {"env_vars": handed_on, "worker_process_setup_hook": "zoo.api.ray_worker.speak_little"}
    try:
        ray.init(address=address, logging_level="warning", runtime_env=environment, **start)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"The Ray cluster cannot be joined or started: {errors.one_line(error)}. Received: {address!r}. Give HOST:PORT, "
            "'auto' for the one of this machine, or 'local' to start one here."
        ) from error


def _too_many(workers: int, cores: int) -> UsageError:
    return UsageError(f"Each worker takes a core. Received: {workers} workers for {cores} cores. Take fewer.")


def _check_address(address: str) -> None:
    """Ask once whether anyone answers: Ray would ask for minutes.

    Raises:
        UsageError: nobody does.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:  # "local", "auto", and addresses of Ray's own kinds
        return
    try:
        socket.create_connection((host, int(port)), ANSWER_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"No Ray cluster answers there: {error}. Received: {address!r}. Give HOST:PORT of its head, 'auto', or 'local' to "
            "start one here."
        ) from error


def _raise_what_was_left(state: Path) -> None:
    """Raise the error, or the interruption, of which a worker has left word.

    Raises:
        ZooError: of the worker's kind.
        KeyboardInterrupt: the workers were stopped; its notes say what is kept.
    """
    if (state / ray_worker.STOPPED).exists():
        interrupt = KeyboardInterrupt()
        for note in json.loads((state / ray_worker.STOPPED).read_text(encoding="utf-8"))["notes"]:
            interrupt.add_note(note)
        raise interrupt
    if (state / ray_worker.FAILED).exists():
        failed = json.loads((state / ray_worker.FAILED).read_text(encoding="utf-8"))
        kind = getattr(errors, failed["kind"], ZooError)
        raise (UsageError if kind is errors.UnknownNameError else kind)(failed["text"])


def _how_to_go_on(directory: Path, words: str) -> str:
    if not any(directory.glob("checkpoints/*.npz")):
        return "No checkpoint was written yet."
    return f"To resume: zoo train --resume {shlex.quote(str(directory))} {words}"
