"""Interfaces of the engines: a task is one call of a function in a separate process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from zoo.errors import ZooError

POLL_SECONDS = 0.5
ATTEMPTS = 3  # number of attempts at a call if its process is killed


class ProcessDiedError(ZooError):
    """The process of a task ended without a result.

    Args:
        ending: str, how the process ended, for example "SIGKILL" or "exit code 1".
        log: str, the end of the process' output; may be empty; default `""`.
        was_killed: bool, whether a signal or a lost machine ended the process, so that a retry may succeed; default True.
    """

    def __init__(self, ending: str, log: str = "", *, was_killed: bool = True) -> None:
        super().__init__(f"A process ended with {ending} before it finished.{f' Its output ends with: {log}' if log else ''}")
        self.ending, self.was_killed = ending, was_killed


class Task(Protocol):
    """One call of a function in another process."""

    @property
    def is_running(self) -> bool:
        """Whether the call has neither returned nor failed."""

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the process, as Ctrl-C does."""

    def kill(self) -> None:
        """Kill the process."""

    def result(self) -> Any:
        """Return what the function returned.

        Raises:
            ZooError: the function raised it.
            KeyboardInterrupt: the task was interrupted.
            ProcessDiedError: the process died.
        """


class Engine(Protocol):
    """Runs tasks: `ForkServer` on this machine, `RayCluster` on a cluster. A context manager; no process outlives it."""

    def start(self, function: Callable[..., Any], *arguments: Any, worker: int | None = None, has_log: bool = True) -> Task:
        """Call a function of an importable module in a new process.

        Args:
            function: the function.
            *arguments: picklable arguments of the function.
            worker: number of the worker whose share of the machine the process gets; None takes the whole machine; default
                None.
            has_log: whether output goes to a log instead of this process' output; default True.
        """

    def wait(self, tasks: Sequence[Any], seconds: float = POLL_SECONDS) -> None:
        """Wait until a task ends, or for some seconds."""


def call(engine: Engine, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process and return its result; call it again if the process is killed.

    Raises:
        ZooError: the function raised it, or its process died repeatedly.
    """
    for attempt in range(1, ATTEMPTS + 1):
        task = engine.start(function, *arguments)
        while task.is_running:
            engine.wait([task])
        try:
            return task.result()
        except ProcessDiedError as error:
            if attempt == ATTEMPTS or not error.was_killed:
                raise
    return None
