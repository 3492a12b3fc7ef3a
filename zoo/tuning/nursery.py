"""Processes that begin in a moment: forked from one that has imported TensorFlow and started nothing of it.

A fresh interpreter takes 4 s to import TensorFlow, which a trial of 10 s cannot afford. `multiprocessing` would import the
user's script in each process; here only zoo runs.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import errors
from zoo.distribution.machine import end_with
from zoo.errors import UsageError, ZooError

LOOK = 0.05  # seconds between two looks at the children
LAST_WAIT = 3.0  # seconds after that
GRACE = 20.0  # seconds that children have to save and end, before they are killed
ATTEMPTS = 3  # of a function whose process is killed
NOISE = re.compile(r"WARNING: All log messages|[IWEF]\d{4} |\d{4}-\d\d-\d\d \d\d:")  # begins a line of TensorFlow's own
MODULES = (
    "tensorflow", "keras", "keras_tuner", "tensorboard.compat.tensorflow_stub", "sklearn.metrics", "sklearn.model_selection",
    "sklearn.datasets", "zoo.tuning.chief", "zoo.training.fit", "zoo.training.auto", "zoo.pipeline.load",
    "zoo.evaluation.scores", "zoo.artefacts.predictor", "zoo.tuning.latency", "zoo.api.trials",
)  # fmt: skip


@dataclass
class Child:
    """A process of the nursery.

    Args:
        number: given by the nursery.
        pid: once it has begun.
        code: its exit code, negative for a signal, once it has ended.
    """

    number: int
    answer: Path
    log: Path
    pid: int | None = None
    code: int | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has."""
        return self.code is not None

    def signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.pid is not None and self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def result(self) -> Any:
        """Return what its function returned.

        Raises:
            ZooError: it raised one, or ended without a word.
        """
        if not self.answer.is_file():
            how = f"was ended by {signal.Signals(-self.code).name}" if self.code and self.code < 0 else "failed"
            raise ZooError(f"A process of the search {how}.{self.last_words()}")
        content = json.loads(self.answer.read_text(encoding="utf-8"))
        if "error" in content:
            kind = getattr(errors, content["error"], ZooError)
            raise _made(kind, content["text"])
        return content["made"]

    def last_words(self) -> str:
        """Return the end of what it wrote, as a sentence to add to others; TensorFlow's greetings are left out."""
        for log in (self.log, self.log.with_name("nursery.log")):
            with suppress(OSError):
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                if words := "\n".join(line for line in lines if not NOISE.match(line))[-2000:].strip():
                    return f" Its last words: {words}"
        return ""


class Nursery:
    """A process that forks others; a context manager, at whose end none of them is left.

    Args:
        folder: for answers and logs, private to this process.
        preloaded: a pickle of ours that every child finds in `PRELOADED`.

    Raises:
        UsageError: the system cannot fork.
    """

    def __init__(self, folder: Path, preloaded: Path | None = None) -> None:
        if not hasattr(os, "fork"):
            raise UsageError("A search forks processes, which this system cannot. Received: Windows. Take Linux, macOS or WSL.")
        self._folder, self._preloaded = folder, preloaded
        self._children: dict[int, Child] = {}
        self._count = 0
        self._pending = b""
        self._process = self._start()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children.values():
            child.signal(signal.SIGINT)
        until = time.monotonic() + GRACE
        while any(not child.has_ended for child in self._children.values()) and time.monotonic() < until and self.is_alive:
            self.look()
        for child in self._children.values():
            child.signal(signal.SIGKILL)
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()  # at which it ends
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process that forks is there."""
        return self._process.poll() is None

    def begin(
        self, function: str, *, environment: Mapping[str, str] | None = None, cores: Sequence[int] = (), **arguments: Any
    ) -> Child:
        """Let a new process call a function, "MODULE:NAME", with plain arguments."""
        if not self.is_alive:  # somebody killed it, and its children with it
            self._process = self._start()
        self._count += 1
        child = Child(self._count, self._folder / f"{self._count}.json", self._folder / f"{self._count}.log")
        self._children[child.number] = child
        order = {
            "number": child.number, "function": function, "arguments": arguments, "environment": dict(environment or {}),
            "cores": list(cores), "answer": str(child.answer), "log": str(child.log),
        }  # fmt: skip
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()
        return child

    def look(self) -> None:
        """Wait a moment for news of the children."""
        output = self._process.stdout
        if output is None or not select.select([output], [], [], LOOK)[0]:
            return
        read = os.read(output.fileno(), 2**16)
        if not read:  # it has ended, and all children with it
            self._process.wait()
            self._forget()
            return
        *lines, self._pending = (self._pending + read).split(b"\n")
        for line in lines:
            news = json.loads(line)
            child = self._children[news["number"]]
            child.pid = news.get("pid", child.pid)
            if "code" in news:
                child.code = news["code"]
                del self._children[child.number]

    def call(self, function: str, **arguments: Any) -> Any:
        """Let a new process call a function, wait for it, and return what it returned.

        Where its process is killed, the function is called again: it must not matter how far it came.

        Raises:
            ZooError: it raised one, or was killed again and again.
        """
        for _ in range(ATTEMPTS):
            child = self.begin(function, **arguments)
            while not child.has_ended:
                self.look()
            if child.code is None or child.code >= 0:
                break
        return child.result()

    def _forget(self) -> None:
        """Wait until the children have ended, which were asked to when their parent died."""
        until = time.monotonic() + GRACE
        for child in self._children.values():
            while child.pid is not None and _runs(child.pid) and time.monotonic() < until + LAST_WAIT:
                time.sleep(LOOK)
                if time.monotonic() > until:
                    child.signal(signal.SIGKILL)
            child.code = -signal.SIGKILL
        self._children.clear()
        self._pending = b""

    def _start(self) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        code = "import sys; from zoo.tuning.nursery import serve; serve(sys.argv[1])"
        with (self._folder / "nursery.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", code, str(self._preloaded or "")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
                preexec_fn=lambda: end_with(parent, signal.SIGTERM),
                start_new_session=True,
            )


PRELOADED: list[Any] = []  # in a child: what the search's own process keeps in memory


def serve(preloaded: str) -> None:
    """Fork a child for each order on standard input, and tell on standard output when it begins and how it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output = os.dup(1)
    os.dup2(2, 1)  # nobody else's print stands among the news
    parent = os.getpid()
    for name in MODULES:
        importlib.import_module(name)
    if preloaded:
        import pickle

        PRELOADED.append(pickle.loads(Path(preloaded).read_bytes()))  # noqa: S301 - written by the process that started this one
    gc.collect()
    gc.freeze()  # children need not look at these objects again and again, 0.2 s each time
    numbers: dict[int, int] = {}
    pending = b""
    while True:
        if select.select([0], [], [], LOOK)[0]:
            read = os.read(0, 2**20)
            if not read:
                break
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    _be_child(order, parent)
                numbers[pid] = order["number"]
                _tell(output, number=order["number"], pid=pid)
        while numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            _tell(output, number=numbers.pop(pid), code=os.waitstatus_to_exitcode(status))
    for pid in numbers:
        os.kill(pid, signal.SIGKILL)


def _be_child(order: Mapping[str, Any], parent: int) -> None:
    """Do what an order says, and end."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_with(parent, signal.SIGINT)
        os.environ.update(order["environment"])
        if order["cores"] and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, order["cores"])
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        empty = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((empty, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        module, _, name = order["function"].partition(":")
        answer: dict[str, Any]
        try:
            made = getattr(importlib.import_module(module), name)(**order["arguments"])
            answer, code = {"made": made}, made if isinstance(made, int) else 0
        except ZooError as error:
            notes = "\n".join(getattr(error, "__notes__", []))
            answer = {"error": type(error).__name__, "text": f"{error}\n{notes}".rstrip()}
        Path(order["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


NO_MORE = 3  # exit code of a worker that got no trial
INTERRUPTED = 130  # exit code of a child that was asked to end and has kept what it had


def _runs(pid: int) -> bool:
    """Whether a process is there that is not only waiting to be noticed by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _tell(output: int, **news: Any) -> None:
    os.write(output, json.dumps(news).encode() + b"\n")


def _made(kind: type[ZooError], text: str) -> ZooError:
    """Return an error with this text, whatever its own arguments are."""
    error = kind.__new__(kind)
    error.args = (text,)
    return error


def private_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder that only this user can read."""
    return tempfile.TemporaryDirectory(prefix="zoo-search-", ignore_cleanup_errors=True)
