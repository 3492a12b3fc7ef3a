"""Runs jobs of `jobs.py`, alone and as workers of one training run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

JOBS = Path(__file__).parent / "jobs.py"


def run_job(*words: str, **environment: str) -> tuple[Any, str]:
    """Run a job; return its result and its standard error."""
    done = subprocess.run(
        [sys.executable, str(JOBS), *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def run_workers(*words: str, with_chief: bool = False, **environment: str) -> list[tuple[Any, str]]:
    """Run a job in two processes that train together; return the result and standard error of each.

    Args:
        *words: name and arguments of the job.
        with_chief: whether the first process is a "chief"; otherwise, both are workers.
        **environment: additional environment variables.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        first, second = (f"127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    cluster = {"chief": [first], "worker": [second]} if with_chief else {"worker": [first, second]}
    tasks = [{"type": job, "index": index} for job, addresses in cluster.items() for index in range(len(addresses))]
    with ExitStack() as stack:
        files = [[stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(2)] for _ in tasks]
        workers = [
            subprocess.Popen(
                [sys.executable, str(JOBS), *words],
                env={**os.environ, **environment, "TF_CONFIG": json.dumps({"cluster": cluster, "task": task})},
                stdout=out,
                stderr=error,
            )
            for task, (out, error) in zip(tasks, files, strict=True)
        ]
        stack.callback(lambda: [worker.kill() for worker in workers])
        codes = [worker.wait(600) for worker in workers]
        for file in (each for pair in files for each in pair):
            file.seek(0)
        said = [(out.read(), error.read()) for out, error in files]
    assert codes == [0, 0], said
    return [(json.loads(out.splitlines()[-1]), error) for out, error in said]


@pytest.fixture
def job() -> Callable[..., tuple[Any, str]]:
    """Run one job."""
    return run_job


@pytest.fixture
def workers() -> Callable[..., list[tuple[Any, str]]]:
    """Run one job as two workers."""
    return run_workers
