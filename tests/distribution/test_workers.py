"""Two workers give the same results as one; a killed worker stops the others, and the run resumes with equal results."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import zoo
from zoo.artefacts.checkpoints import Checkpoints
from zoo.distribution.workers import LOST_WITHIN

CLOSE = 1e-5
LATE_BY = 1.0  # seconds; see jobs.py
ZOO = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())"]
SETTINGS = [
    "epochs=5", "batch_size=64", "learning_rate=0.01", "augment_shift=0.1", "augment_cutout=0.2", "ema=0.9",
    "model.filters=[4,8]", "model.kernel_size=3", "model.units=16", "model.batch_normalization=true", "checkpoint_seconds=0.3",
]  # fmt: skip


@pytest.mark.slow
def test_two_workers_give_the_same_results_as_one(
    job: Callable[..., tuple[Any, str]], workers: Callable[..., list[tuple[Any, str]]], tmp_path: Path
) -> None:
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    (chief, said), (other, _) = workers("worker", str(together), TF_CPP_MIN_LOG_LEVEL="0")
    one, _ = job("worker", str(alone))
    assert (chief["workers"], other["workers"], one["workers"]) == (2, 2, 1)
    assert chief["directory"] == other["directory"] == str(together / "transformer")
    assert other["waited"] > LATE_BY / 2  # for the chief; who ends first would cut it off
    assert "shard" not in said.lower()
    expected = dict(np.load(alone / "worker-0.npz"))
    for index in (0, 1):
        found = dict(np.load(together / f"worker-{index}.npz"))
        assert set(found) == set(expected)
        far = {}
        for name, value in expected.items():
            difference = np.abs(found[name] - value).max() / max(np.abs(value).max(), 1e-9)
            if difference > CLOSE:
                far[name] = difference
        assert far == {}


@pytest.mark.slow
def test_workers_stop_together_and_one_process_resumes_their_run(
    job: Callable[..., tuple[Any, str]], workers: Callable[..., list[tuple[Any, str]]], tmp_path: Path
) -> None:
    (chief, _), (other, _) = workers("ended", str(tmp_path), with_chief=True)
    assert [chief.pop("index"), other.pop("index")] == [0, 1]
    message, hint = chief.pop("said")
    assert other.pop("said") == [message]  # the chief reports what is saved
    assert chief == other
    rate, size, history, metrics = chief["best"]
    assert len(history["loss"]) < 30
    assert len(chief["own"][0]["loss"]) == 1
    assert chief["own"][1] == "finished"
    best = zoo.Run.open(tmp_path / "best")
    assert best.metrics == metrics
    assert best.content["auto"].keys() >= {"learning_rate", "batch_size"}
    assert [rate, size] == [best.settings["learning_rate"], best.settings["batch_size"]]
    np.testing.assert_allclose([np.abs(weight).sum() for weight in best.model.get_weights()], chief["best is kept"], rtol=1e-6)
    assert "(in each of the workers)" in hint
    assert zoo.Run.open_unfinished(tmp_path / "stopped").status == "interrupted"
    found, _ = job("gone_on", str(tmp_path))
    assert found["status"] == "finished"
    assert max(found["weights"]) < CLOSE


def start(*words: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ZOO, "train", *words, "--workers", "2", "--quiet"], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run of two workers."""
    folder = tmp_path_factory.mktemp("whole")
    done = start("cnn", "--data", "digits", "--out", "run", *(f"--set={each}" for each in SETTINGS), cwd=folder)
    out, error = done.communicate(timeout=300)
    assert done.returncode == 0, error
    assert "Run directory: run" in out
    assert [each.name for each in folder.iterdir()] == ["run"]
    return folder / "run"


def stop_after(epochs: int, run: Path, training: subprocess.Popen[str], victim: int | None, number: int) -> tuple[float, str]:
    """Send a signal to a worker, or to the command, after some epochs; return how long it continued, and its output."""
    while not (run / "run.json").exists() or json.loads((run / "run.json").read_text()).get("epochs_finished", 0) < epochs:
        assert training.poll() is None, training.communicate()
        time.sleep(0.02)
    family = psutil.Process(training.pid).children(recursive=True)
    children = sorted(
        (each for each in family if each.children() == [] and each.ppid() != training.pid), key=lambda each: each.pid
    )
    begun = time.monotonic()
    os.kill(training.pid if victim is None else children[victim].pid, number)
    _, error = training.communicate(timeout=LOST_WITHIN)
    seconds = time.monotonic() - begun
    _, alive = psutil.wait_procs(family, timeout=5)  # multiprocessing's resource tracker ends last
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
    return seconds, error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "number", "said"),
    [
        (1, signal.SIGKILL, "Worker 1 of 2 was ended by SIGKILL"),
        (0, signal.SIGKILL, "Worker 0 of 2 was ended by SIGKILL"),
        (None, signal.SIGTERM, "Interrupted."),
    ],
    ids=["worker", "chief", "command"],
)
def test_a_killed_worker_stops_all_and_the_resumed_run_gives_the_same_results(
    victim: int | None, number: int, said: str, whole: Path, tmp_path: Path
) -> None:
    words = ["cnn", "--data", "digits", "--out", "run", *(f"--set={each}" for each in SETTINGS)]
    stopped = start(*words, cwd=tmp_path)
    seconds, error = stop_after(2, tmp_path / "run", stopped, victim, number)
    assert stopped.returncode == 1
    assert said in error
    assert "zoo train --resume run --workers 2" in error
    assert "Traceback" not in error
    assert seconds < LOST_WITHIN

    resumed = start("--resume", "run", cwd=tmp_path)
    _, error = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, error
    ours, theirs = zoo.Run.open(tmp_path / "run"), zoo.Run.open(whole)
    assert ours.history == theirs.history
    assert ours.metrics == theirs.metrics
    (our_arrays, _), (their_arrays, _) = (Checkpoints(run.directory / "checkpoints", 2).load_newest() for run in (ours, theirs))
    assert our_arrays.keys() == their_arrays.keys()
    assert [name for name, value in our_arrays.items() if not np.array_equal(value, their_arrays[name])] == []


@pytest.mark.slow
def test_ctrl_c_stops_a_worker_that_waits_for_the_others() -> None:
    with socket.socket() as own, socket.socket() as other:
        for each in (own, other):
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (own, other)]
    cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}}
    waiting = subprocess.Popen(
        [*ZOO, "train", "mlp"], env={**os.environ, "TF_CONFIG": json.dumps(cluster)}, stderr=subprocess.PIPE, text=True
    )
    process = psutil.Process(waiting.pid)
    while not any(each.status == psutil.CONN_LISTEN for each in process.net_connections()):
        assert waiting.poll() is None
        time.sleep(0.1)
    time.sleep(1)
    waiting.send_signal(signal.SIGINT)
    _, error = waiting.communicate(timeout=10)
    assert waiting.returncode == -signal.SIGINT
    assert "Waiting for the 2 workers in TF_CONFIG." in error


def test_one_worker_is_this_process_and_zero_workers_are_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from zoo.cli.main import main

    assert main(["train", "linear", "--data", "iris", "--set=epochs=1", "--workers", "1", "--out", str(tmp_path / "run")]) == 0
    assert "strategy" not in zoo.Run.open(tmp_path / "run").content
    assert main(["train", "cnn", "--workers", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err


def test_errors_are_reported_before_workers_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.cli.main import main
    from zoo.processes.forkserver import ForkServer

    monkeypatch.setattr(ForkServer, "start", lambda *_, **__: pytest.fail("a worker was started"))
    (tmp_path / "note").write_text("mine")
    assert main(["train", "cnn", "--workers", "2", "--out", str(tmp_path)]) == 1
    assert "is not an empty directory" in capsys.readouterr().err
    many = str(10**6)
    assert main(["train", "cnn", "--workers", many, "--out", str(tmp_path / "run")]) == 2
    assert f"Each worker needs its own core. Received: {many} workers" in capsys.readouterr().err
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert main(["train", "cnn", "--workers", "3", "--out", str(tmp_path / "run")]) == 2
    assert "3 workers for 2" in capsys.readouterr().err
    assert main(["train", "cnn", "--workers", "2", "--strategy", "mirrored"]) == 2
    assert "Workers build the model, read the data and connect by themselves. Received: strategy='mirrored'" in (
        capsys.readouterr().err
    )
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert main(["train", "cnn", "--workers", "2"]) == 2
    assert "Received: TF_CONFIG, which already lists workers. Omit it" in capsys.readouterr().err
    assert main(["train", "cnn", "--workers", "2", "--set", "epoch=3"]) == 2
    assert "Did you mean 'epochs'" in capsys.readouterr().err
    monkeypatch.delenv("TF_CONFIG")
    assert main(["train", "--resume", str(tmp_path), "--workers", "2", "--set", "epochs=3"]) == 2
    assert "Received: epochs with resume" in capsys.readouterr().err
    assert main(["train", "--resume", str(tmp_path), "--workers", "2"]) == 1
    assert "run.json" in capsys.readouterr().err
