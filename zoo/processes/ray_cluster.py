"""Tasks on a Ray cluster, which places them, and notices when a worker or a machine is lost."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError, missing_package, one_line
from zoo.processes.tasks import POLL_SECONDS, ProcessDiedError

FOLDERS = ("TFDS_DATA_DIR", "ZOO_DATA")  # variables to pass to the workers
ANSWER_SECONDS = 5.0  # seconds to wait for a cluster's answer


class RayTask:
    """A task on a cluster; see `zoo.processes.tasks.Task`."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self.reference = ray, reference

    @property
    def is_running(self) -> bool:
        """Whether the call has neither returned nor failed."""
        return not self._ray.wait([self.reference], timeout=0)[0]

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the process."""
        self._ray.cancel(self.reference)

    def kill(self) -> None:
        """End the process at once."""
        self._ray.cancel(self.reference, force=True)

    def result(self) -> Any:
        """Return what the function returned; see `Task.result`."""
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(self.reference)
        except exceptions.TaskCancelledError:
            raise KeyboardInterrupt from None
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, ZooError):
                raise error.cause from None
            raise ProcessDiedError("an error", str(error), was_killed=False) from error
        except exceptions.RayError as error:  # the worker or its machine is lost, or out of memory
            raise ProcessDiedError(type(error).__name__, one_line(error)) from error


class RayCluster:
    """An engine for a Ray cluster; a context manager that leaves no task behind.

    Args:
        address: "HOST:PORT", "auto" for the cluster of this machine, or "local" to start one here.
        workers: number of tasks at a time; each gets the same number of cores, and a GPU if there are enough.
        folder: folder for the temporary files of a local cluster.

    Raises:
        UsageError: Ray is not installed, or there is no such cluster, or it has too few cores.
    """

    def __init__(self, address: str, workers: int, folder: Path) -> None:
        self._connection = connected(address, workers, folder, has_output=False)
        self._ray = self._connection.__enter__()
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        cores = [int(node.get("CPU", 0)) for node in nodes]
        fitting = [size for size in range(1, max(cores) + 1) if sum(count // size for count in cores) >= workers]
        has_gpus = sum(int(node.get("GPU", 0)) for node in nodes) >= workers
        self._options = {"num_cpus": max(fitting, default=1), "num_gpus": int(has_gpus), "max_retries": 0, "max_calls": 1}
        self._tasks: list[RayTask] = []

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *error: object) -> None:
        for task in self._tasks:
            if task.is_running:
                task.kill()
        self._connection.__exit__(None, None, None)

    def start(self, function: Callable[..., Any], *arguments: Any, worker: int | None = None) -> RayTask:  # noqa: ARG002 - Ray places tasks
        """Call a function in a new process of the cluster; see `Engine.start`."""
        cores = int(self._options["num_cpus"])
        task = RayTask(self._ray, self._ray.remote(**self._options)(_run).remote(function, arguments, cores))
        self._tasks = [*(each for each in self._tasks if each.is_running), task]
        return task

    def wait(self, tasks: Sequence[RayTask], seconds: float = POLL_SECONDS) -> None:
        """Wait until a task ends, or for some seconds."""
        if tasks:
            self._ray.wait([task.reference for task in tasks], timeout=seconds)


def _run(function: Callable[..., Any], arguments: Sequence[Any], cores: int) -> Any:
    """Run in a process of the cluster."""
    limit_threads(cores)
    return function(*arguments)


def limit_threads(cores: int) -> None:
    """Let TensorFlow use as many threads as the task has cores, which Ray only counts."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # Ray sets it for Keras 2, and TensorFlow reads it when it is imported
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(cores)


@contextmanager
def connected(address: str, workers: int, folder: Path, *, has_output: bool = True) -> Iterator[Any]:
    """Join a cluster, or start one, and give the module `ray`; leave the cluster at the end if this call joined it.

    Args:
        address: see `RayCluster`.
        workers: number of cores that the cluster must have.
        folder: folder for the temporary files of a local cluster.
        has_output: whether the output of the cluster's processes appears here; default True.

    Raises:
        UsageError: Ray is not installed, or there is no such cluster, or it has too few cores.
    """
    try:
        import ray
    except ImportError as error:
        raise missing_package("`ray`", "ray", extra="ray") from error
    is_new = not ray.is_initialized()
    if is_new:
        _join_or_start(ray, address, workers, folder, has_output)
    try:
        resources: Any = ray.cluster_resources  # Ray does not type it
        cores = int(resources().get("CPU", 0))
        if cores < workers:
            raise _too_many(workers, cores)
        yield ray
    finally:
        if is_new:
            ray.shutdown()


def _join_or_start(ray: Any, address: str, workers: int, folder: Path, has_output: bool) -> None:
    variables = {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3")}
    variables |= {name: os.path.abspath(os.environ[name]) for name in FOLDERS if name in os.environ}
    start: dict[str, Any] = {}
    if address == "local":
        cores = os.cpu_count() or 1
        if workers > cores:
            raise _too_many(workers, cores)
        start = {"num_cpus": max(workers + 1, cores), "include_dashboard": False}  # one more for Ray Train itself
        variables["TMPDIR"] = str(folder)  # no file outlives the cluster there
    _check_address(address)
    environment = {"env_vars": variables, "worker_process_setup_hook": _log_errors_only}
    try:
        ray.init(address=address, logging_level="warning", log_to_driver=has_output, runtime_env=environment, **start)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"The Ray cluster cannot be joined or started: {one_line(error)}. Received: {address!r}. Give HOST:PORT, 'auto' "
            "for the cluster of this machine, or 'local' to start one here."
        ) from error


def _log_errors_only() -> None:
    """Silence warnings of Ray Train and TensorFlow in a process of the cluster."""
    for name in ("ray.train", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _too_many(workers: int, cores: int) -> UsageError:
    return UsageError(f"Each worker needs a core. Received: {workers} workers for {cores} cores. Use fewer workers.")


def _check_address(address: str) -> None:
    """Check once whether anything answers; Ray would try for minutes.

    Raises:
        UsageError: nothing does.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:  # "local", "auto", and other kinds of addresses of Ray
        return
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"No Ray cluster answers there: {error}. Received: {address!r}. Give HOST:PORT of its head, 'auto', or 'local' to "
            "start one here."
        ) from error
