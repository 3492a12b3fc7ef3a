"""Processes of this machine, forked by `multiprocessing.forkserver` from a server that has imported TensorFlow.

A new interpreter takes 4 s to import TensorFlow, too long for a trial of 10 s. Unlike with plain `multiprocessing`, children
do not run the user's script again. They have their own process groups, so that Ctrl-C reaches only the supervisor, and they
end when the supervisor ends.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import Any

from zoo.errors import UsageError, ZooError
from zoo.processes.machine import Share
from zoo.processes.redirection import redirected_stderr
from zoo.processes.tasks import POLL_SECONDS, ProcessDiedError

GRACE = 20.0  # seconds for a child to save and exit before it is killed
INTERRUPTED = 130  # exit code
SERVER_DIED = 255  # exit code that `multiprocessing` reports when the server dies; the child may be alive
LOG_BYTES = 2000
NOISE = re.compile(r"WARNING: All log messages|[IWEF]\d{4} |\d{4}-\d\d-\d\d \d\d:")  # the start of TensorFlow's own log lines
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}  # unless the user has set it


class Child:
    """A task in a forked process; see `zoo.processes.tasks.Task`."""

    def __init__(self, process: Any, answer: Connection, log: Path | None) -> None:
        self._process, self._connection, self.log, self.pid = process, answer, log, int(process.pid)
        self._answer: tuple[Any, BaseException | None] | None = None
        self.sentinels = [process.sentinel, answer]

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        code: int | None = self._process.exitcode
        if code == SERVER_DIED:
            self._signal(signal.SIGKILL)
            return -signal.SIGKILL
        return code

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        self._receive()
        return self.exit_code is None

    def interrupt(self) -> None:
        """Send SIGINT."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    def result(self) -> Any:
        """Return what the function returned; see `Task.result`."""
        self._receive()
        if self._answer is None:
            code = self.exit_code or 0
            ending = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise ProcessDiedError(ending, self._log_end(), was_killed=code < 0)
        value, error = self._answer
        if error is not None:
            raise error
        return value

    def _receive(self) -> None:
        if self._answer is None and self._connection in self.sentinels:
            with suppress(OSError):
                if self._connection.poll():
                    self.sentinels.remove(self._connection)  # also after its end, when it would always be ready
                    with suppress(EOFError):
                        self._answer = self._connection.recv()

    def _signal(self, number: int) -> None:
        if self._process.exitcode in (None, SERVER_DIED):
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _log_end(self) -> str:
        """Return the end of the output, without TensorFlow's log lines."""
        if self.log is None:
            return ""
        with suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(line for line in lines if not NOISE.match(line))[-LOG_BYTES:].strip()
        return ""


class ForkServer:
    """The engine for this machine, as a context manager; no child outlives it.

    Args:
        folder: Path, the folder for the children's output.
        preload: names of modules that the server imports before it forks.
        shares: the share of the machine that each worker gets; default `()`.

    Raises:
        UsageError: the system cannot fork.
    """

    def __init__(self, folder: Path, preload: Sequence[str], shares: Sequence[Share] = ()) -> None:
        if "forkserver" not in multiprocessing.get_all_start_methods():
            raise UsageError("Workers are forked, which Windows does not support. Received: Windows. Use Linux, macOS or WSL.")
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*preload, "zoo.processes.frozen"])
        self._folder, self._shares = folder, shares
        self._children: list[Child] = []
        self._ensure_running()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.interrupt()
        until = time.monotonic() + GRACE
        while running := [child for child in self._children if child.is_running]:
            self.wait(running)
            if time.monotonic() > until:
                for child in running:
                    child.kill()
        server: Any = forkserver._forkserver  # no public function ends it
        if server._forkserver_pid is not None:
            os.kill(server._forkserver_pid, signal.SIGKILL)  # it may still import TensorFlow, and ignores Ctrl-C
        server._stop()

    def start(self, function: Callable[..., Any], *arguments: Any, worker: int | None = None, has_log: bool = True) -> Child:
        """Call a function in a new process; see `Engine.start`."""
        share = Share() if worker is None else self._shares[worker]
        visible = {"CUDA_VISIBLE_DEVICES": ",".join(share.gpus)} if share.gpus else {}
        variables = {**QUIET, **os.environ, **visible}
        log = self._folder / f"{len(self._children)}.log" if has_log else None
        while True:
            answer, sender = self._context.Pipe(duplex=False)
            terminal = Connection(os.dup(2), readable=False)  # pickled with its descriptor
            call = (function, arguments, sender, terminal, log, share, variables, os.getcwd())
            process = self._context.Process(target=_run, args=call)
            try:
                self._ensure_running()
                with _hidden_main_module():
                    process.start()
                break
            except (EOFError, ConnectionError):  # the server was killed
                answer.close()
            finally:
                sender.close()
                terminal.close()
        child = Child(process, answer, log)
        self._children.append(child)
        return child

    def wait(self, tasks: Sequence[Child], seconds: float = POLL_SECONDS) -> None:
        """Wait until a child answers or ends, or for some seconds."""
        wait([each for task in tasks for each in task.sentinels], seconds)

    def _ensure_running(self) -> None:
        """Start the server if it does not run; Ctrl-C never reaches it, even during its imports."""
        given = {name: value for name, value in QUIET.items() if name not in os.environ}
        os.environ.update(given)
        resource_tracker.ensure_running()  # before the block, since it unblocks the signal
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with redirected_stderr(self._folder / "server.log"):
                forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for name in given:
                del os.environ[name]


def _run(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    answer: Connection,
    terminal: Connection,
    log: Path | None,
    share: Share,
    environment: Mapping[str, str],
    directory: str,
) -> None:
    """Run in the child: prepare the process, call the function and send its result."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(directory)  # `multiprocessing` starts where it was imported
        if share.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, share.cores)
        file = terminal.fileno() if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if log is not None:
            os.dup2(file, 1)
        os.dup2(file, 2)  # the server's own stderr goes to its log
        answer.send((function(*arguments), None))
    except KeyboardInterrupt as interrupt:
        answer.send((None, interrupt))  # with its notes
        sys.exit(INTERRUPTED)
    except ZooError as error:
        answer.send((None, error))
        sys.exit(error.exit_code)


def _end_with_parent() -> None:
    """Interrupt this process when its supervisor dies, and kill it if it does not exit."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE)
    os._exit(1)


@contextmanager
def _hidden_main_module() -> Iterator[None]:
    """Hide the user's script, which `multiprocessing` would run in each child."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
