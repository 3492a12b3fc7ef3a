"""Jobs of `jobs.py`, alone and as workers of one training."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

JOBS = Path(__file__).parent / "jobs.py"


def run_job(*words: str, **environment: str) -> tuple[Any, str]:
    """Run a job and return what it found and what it said on standard error."""
    done = subprocess.run(
        [sys.executable, str(JOBS), *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def run_workers(*words: str, **environment: str) -> list[tuple[Any, str]]:
    """Run a job in two processes that train together; return what each found and said."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    workers = [
        subprocess.Popen(
            [sys.executable, str(JOBS), *words],
            env={
                **os.environ,
                **environment,
                "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    said = [worker.communicate(timeout=600) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    return [(json.loads(out.splitlines()[-1]), error) for out, error in said]


@pytest.fixture
def job() -> Callable[..., tuple[Any, str]]:
    """Run one job."""
    return run_job


@pytest.fixture
def workers() -> Callable[..., list[tuple[Any, str]]]:
    """Run one job as two workers."""
    return run_workers
