"""Runs tasks on a Ray cluster. Ray places them, and detects when a worker or a machine fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
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
        """Kill the process."""
        self._ray.cancel(self.reference, force=True)

    def result(self) -> Any:
        """Return what the function returned; see `Task.result`."""
        exceptions = self._ray.exceptions
        try:
            value, error = self._ray.get(self.reference)
        except exceptions.TaskCancelledError:
            raise KeyboardInterrupt from None
        except exceptions.RayTaskError as failure:
            raise ProcessDiedError("an error", str(failure), was_killed=False) from failure
        except exceptions.RayError as failure:  # the worker or its machine has failed, or is out of memory
            raise ProcessDiedError(type(failure).__name__, one_line(failure)) from failure
        if error is not None:
            raise error
        return value


class RayCluster:
    """The engine for a Ray cluster, as a context manager; no task outlives it.

    Args:
        address: "HOST:PORT", "auto" for the cluster of this machine, or "local" to start one here.
        workers: number of tasks that run in parallel; each gets the same number of cores, and a GPU if there are enough.
        folder: folder for the temporary files of a local cluster.
        is_group: whether the tasks work together: the cluster reserves their cores together, and their output appears here;
            default False.

    Raises:
        UsageError: Ray is not installed, the cluster does not exist, or it has too few cores.
    """

    def __init__(self, address: str, workers: int, folder: Path, *, is_group: bool = False) -> None:
        try:
            import ray
        except ImportError as error:
            raise missing_package("`ray`", "ray", extra="ray") from error
        self._ray: Any = ray  # Ray is only partly typed
        self._tasks: list[RayTask] = []
        self._has_joined = not ray.is_initialized()
        if self._has_joined:
            _join_or_start(ray, address, workers, folder, is_group)
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        counts = [int(node.get("CPU", 0)) for node in nodes]
        fitting = [size for size in range(1, max(counts) + 1) if sum(count // size for count in counts) >= workers]
        if not fitting:
            self.__exit__()
            raise _too_many(workers, sum(counts))
        share = {"CPU": max(fitting), "GPU": int(sum(int(node.get("GPU", 0)) for node in nodes) >= workers)}
        self._options: dict[str, Any] = {"num_cpus": share["CPU"], "num_gpus": share["GPU"], "max_retries": 0, "max_calls": 1}
        if is_group:  # otherwise two groups could wait for each other's cores forever
            from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

            group = ray.util.placement_group([share] * workers)
            self._options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(group)

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._tasks:
            if task.is_running:
                task.kill()
        if self._has_joined:
            self._ray.shutdown()

    def start(self, function: Callable[..., Any], *arguments: Any, **_: Any) -> RayTask:
        """Call a function in a new process of the cluster; see `Engine.start`. Ray chooses the machine and logs the output."""
        call = (function, arguments, int(self._options["num_cpus"]), os.getcwd())
        task = RayTask(self._ray, self._ray.remote(**self._options)(_run).remote(*call))
        self._tasks = [*(each for each in self._tasks if each.is_running), task]
        return task

    def wait(self, tasks: Sequence[RayTask], seconds: float = POLL_SECONDS) -> None:
        """Wait until a task ends, or for some seconds."""
        if tasks:
            self._ray.wait([task.reference for task in tasks], timeout=seconds)


def _run(
    function: Callable[..., Any], arguments: Sequence[Any], cores: int, directory: str
) -> tuple[Any, BaseException | None]:
    """Run in a process of the cluster: return the function's result, or the error that it raised, with its notes."""
    try:
        with suppress(OSError):  # without this directory, absolute paths still work
            os.chdir(directory)
        os.environ.pop("TF_USE_LEGACY_KERAS", None)  # Ray sets it for Keras 2, and TensorFlow reads it on import
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(cores)  # Ray only counts cores
        return function(*arguments), None
    except (KeyboardInterrupt, ZooError) as error:
        return None, error


def _join_or_start(ray: Any, address: str, workers: int, folder: Path, is_group: bool) -> None:
    variables = {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3")}
    variables |= {name: os.path.abspath(os.environ[name]) for name in FOLDERS if name in os.environ}
    start: dict[str, Any] = {"log_to_driver": is_group, "logging_level": "warning"}
    if address == "local":
        cores = os.cpu_count() or 1
        if workers > cores:
            raise _too_many(workers, cores)
        start |= {"num_cpus": cores, "include_dashboard": False}
        variables["TMPDIR"] = str(folder)  # removed with all temporary files of the cluster
    host, _, port = address.rpartition(":")
    try:
        if port.isdigit() and "/" not in host:  # not "local", "auto" or another kind of address
            socket.create_connection((host, int(port)), ANSWER_SECONDS).close()  # Ray itself would retry for minutes
        ray.init(address=address, runtime_env={"env_vars": variables}, **start)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"The Ray cluster cannot be joined or started: {one_line(error)}. Received: {address!r}. Pass HOST:PORT of its "
            "head, 'auto' for the cluster of this machine, or 'local' to start one here."
        ) from error


def _too_many(workers: int, cores: int) -> UsageError:
    return UsageError(f"Each worker needs a core. Received: {workers} workers for {cores} cores. Use fewer workers.")
