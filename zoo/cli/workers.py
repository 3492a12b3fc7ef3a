"""Worker processes on this machine, each with its share of cores and GPUs, and a watch over them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from zoo.cli.output import print_error
from zoo.distribution.cluster import STARTED_BY
from zoo.distribution.machine import check_machine, cores, end_with, free_ports, gpus, share_of
from zoo.errors import UsageError

GRACE = 30.0  # seconds that workers have to end by themselves when one has gone
CHIEFS_GRACE = 120.0  # that the chief has, which may be saving
PATIENCE = 3  # signals, of which the last kills
LOOK = 0.1  # seconds between two looks at the workers


def run_workers(words: Sequence[str], count: int, directory: Path) -> int:
    """Run `zoo WORDS` in several processes that train together, and wait for them.

    The first one, the chief, writes to this terminal; of the others only what a failure needs is shown. Ctrl-C and SIGTERM are
    handed on to all. When one fails, the others are given time to end by themselves, then killed.

    Args:
        words: of the command line, the verb first.
        count: of processes, at least 2.
        directory: of the run, for the hint on how to go on.

    Returns:
        The exit code: 0 if all went well, else that of the first that failed, or 1.
    """
    check_machine(count)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zoo-workers-", ignore_cleanup_errors=True))
        logs = [stack.enter_context(tempfile.TemporaryFile("w+", errors="replace")) for _ in range(count)]
        workers: list[subprocess.Popen[bytes]] = []
        stack.callback(_kill, workers)  # whatever happens here, none stays behind
        for index in range(count):
            workers.append(_start(words, addresses, index, logs[index], folder))
        with _handing_on(workers) as handed_on:
            first = _first_failure(workers)
            _end(workers)
        if first is None:
            return 0
        code = workers[first].returncode
        if handed_on and code > 0:
            return 1  # the chief has said it
        if handed_on and code == -signal.SIGINT:  # while it waited for the others
            print_error("Interrupted.")
            return 1
        if code < 0:
            print_error(f"Worker {first} of {count} was ended by {signal.Signals(-code).name}; the others have stopped.")
            if workers[0].returncode < 0 and any(directory.glob("checkpoints/*.npz")):  # else it has said so itself
                print_error(f"To resume: zoo train --resume {shlex.quote(str(directory))} --workers {count}")
        elif first > 0 and workers[0].returncode != UsageError.exit_code:  # which the chief has been told as well, and has said
            logs[first].seek(0)
            print_error(f"Worker {first} of {count} failed:\n{logs[first].read()[-4000:].rstrip()}")
        return code if code > 0 else 1


def _start(words: Sequence[str], addresses: Sequence[str], index: int, log: IO[str], folder: str) -> subprocess.Popen[bytes]:
    """Start one worker.

    Args:
        words: of the command line.
        addresses: of all workers.
        index: of this one.
        log: takes what it says, unless it is the first.
        folder: for its temporary files, which may outlive it.
    """
    task = {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": index}}
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "TF_CONFIG": json.dumps(task), "TMPDIR": folder}
    environment[STARTED_BY] = f"--workers {len(addresses)}"
    own_gpus = share_of(gpus(), index, len(addresses))
    if own_gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(own_gpus)
    own_cores = share_of(cores(), index, len(addresses))
    parent = os.getpid()

    def settle() -> None:
        """Take the cores, and end when the watching process does."""
        if own_cores:
            os.sched_setaffinity(0, own_cores)
        end_with(parent, signal.SIGINT)

    command = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.argv[0] = 'zoo'; sys.exit(main())", *words]
    output = None if index == 0 else log
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        preexec_fn=settle,
        start_new_session=True,
    )


def _first_failure(workers: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait until all have ended well, or one has not; return its number."""
    while True:
        codes = [worker.poll() for worker in workers]
        if any(codes):
            time.sleep(LOOK)  # by then others may have noticed it: one that was killed is the first
            failed = [index for index, worker in enumerate(workers) if worker.poll()]
            return min(failed, key=lambda index: (workers[index].returncode > 0, index))
        if None not in codes:
            return None
        time.sleep(LOOK)


def _end(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Give all that still run time to end, then kill them."""
    begun = time.monotonic()
    for index, worker in enumerate(workers):
        until = begun + (GRACE if index else CHIEFS_GRACE)
        try:
            worker.wait(max(until - time.monotonic(), LOOK))
        except subprocess.TimeoutExpired:
            _kill([worker])


def _kill(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.kill()
            worker.wait()


@contextmanager
def _handing_on(workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Hand SIGINT and SIGTERM on to the workers as SIGINT: they save and stop; the third kills. Give those that came."""
    came: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        for worker in workers:
            if worker.poll() is None:  # to a worker both mean the same, but TensorFlow takes SIGTERM for itself at first
                worker.send_signal(signal.SIGINT if len(came) < PATIENCE else signal.SIGKILL)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
