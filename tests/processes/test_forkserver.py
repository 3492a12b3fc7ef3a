"""Forked children: results, errors, deaths, interruptions, and no orphans."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from zoo.errors import UnknownNameError
from zoo.processes.forkserver import ForkServer
from zoo.processes.machine import Share
from zoo.processes.tasks import ProcessDiedError, call

WITHIN = 60.0  # seconds


def add(one: int, other: int) -> int:
    return one + other


def refuse() -> None:
    raise UnknownNameError("model", "cnnn", ["cnn"])


def crash() -> None:
    print("the reason")
    raise RuntimeError("a bug")


def count_frozen() -> int:
    return gc.get_freeze_count()


def complain() -> None:
    os.write(2, b"a complaint\n")


def sleep() -> None:
    time.sleep(600)


def kill_self_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def describe() -> tuple[str, bool, int, str]:
    return os.environ["ZOO_TEST"], os.getpgrp() == os.getpid(), len(os.sched_getaffinity(0)), str(Path.cwd())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with ForkServer(tmp_path_factory.mktemp("logs"), [], [Share(sorted(os.sched_getaffinity(0))[:1])]) as server:
        yield server


def wait_for(condition) -> None:
    until = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_call_returns_or_raises_like_the_function(server: ForkServer) -> None:
    assert call(server, add, 1, 2) == 3
    with pytest.raises(UnknownNameError, match="Did you mean 'cnn'"):
        call(server, refuse)


def test_a_crash_shows_the_end_of_the_output_and_is_not_repeated(server: ForkServer) -> None:
    with pytest.raises(ProcessDiedError, match=r"(?s)exit code 1 .*the reason.*RuntimeError: a bug") as died:
        call(server, crash)
    assert not died.value.was_killed


def test_without_a_log_a_child_writes_to_where_its_supervisor_does(server: ForkServer, capfd) -> None:
    child = server.start(complain, has_log=False)
    while child.is_running:
        server.wait([child])
    assert capfd.readouterr().err == "a complaint\n"


def test_the_server_freezes_what_it_imports(server: ForkServer) -> None:
    assert call(server, count_frozen) > 1000


def test_a_killed_call_is_repeated(server: ForkServer, tmp_path: Path) -> None:
    assert call(server, kill_self_once, tmp_path / "marker") == "done"


def test_a_child_has_its_share_its_process_group_and_the_environment_and_folder_of_its_supervisor(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZOO_TEST", "yes")
    monkeypatch.chdir(tmp_path)
    child = server.start(describe, worker=0)
    while child.is_running:
        server.wait([child])
    assert child.result() == ("yes", True, 1, str(tmp_path))


def test_an_interrupted_child_raises_keyboard_interrupt(server: ForkServer) -> None:
    child = server.start(sleep)
    time.sleep(0.3)
    child.interrupt()
    wait_for(lambda: not child.is_running)
    with pytest.raises(KeyboardInterrupt):
        child.result()


def test_a_killed_server_ends_its_children_and_restarts(server: ForkServer) -> None:
    child = server.start(sleep)
    process = psutil.Process(child.pid)
    process.parent().kill()
    wait_for(lambda: not child.is_running)
    with pytest.raises(ProcessDiedError) as died:
        child.result()
    assert died.value.was_killed
    wait_for(lambda: not process.is_running())
    assert call(server, add, 1, 2) == 3


SCRIPT = """
import sys, time
from pathlib import Path
from zoo.processes.forkserver import ForkServer

sys.path.insert(0, sys.argv[1])
from test_forkserver import sleep

print("the script ran", flush=True)
with ForkServer(Path(sys.argv[2]), []) as server:
    children = [server.start(sleep) for _ in range(2)]
    print(*(child.pid for child in children), flush=True)
    if sys.argv[3] == "wait":
        time.sleep(600)
"""


@pytest.mark.parametrize("ending", ["exit", "killed"])
def test_no_process_outlives_its_supervisor_and_children_do_not_run_the_script(tmp_path: Path, ending: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), str(Path(__file__).parent), str(tmp_path), "wait" if ending == "killed" else "end"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "the script ran\n"
    children = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    family = [*children, *psutil.Process(process.pid).children()]
    if ending == "killed":
        process.kill()
    out, _ = process.communicate(timeout=WITHIN)
    assert out == ""
    _, left = psutil.wait_procs(family, timeout=WITHIN)
    assert left == []
