"""A Ray cluster gives the same run, restarts it if a worker fails, and clear errors explain what is not supported."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

import zoo
from zoo.cli.main import main
from zoo.errors import UsageError

ZOO = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())"]
SETTINGS = [
    "epochs=5",
    "batch_size=64",
    "model.filters=[4,8]",
    "model.kernel_size=3",
    "model.units=16",
    "checkpoint_seconds=0.3",
]


def start(out: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    settings = [f"--set={each}" for each in SETTINGS]
    command = [*ZOO, "train", "cnn", "--data", "digits", "--workers", "2", "--quiet", "--out", str(out), *settings, *words]
    environment = {**os.environ, **environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_two_epochs(run: Path, training: subprocess.Popen[str]) -> None:
    while not (run / "run.json").exists() or json.loads((run / "run.json").read_text()).get("epochs_finished", 0) < 2:
        assert training.poll() is None, training.communicate()
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_worker_restarts_and_the_run_equals_that_of_two_processes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    run = tmp_path / "run"
    training = start(run, "--ray", "local")
    wait_for_two_epochs(run, training)
    family = psutil.Process(training.pid).children(recursive=True)
    victim = next(each for each in reversed(family) if any("ray::_run" in word for word in each.cmdline()))
    os.kill(victim.pid, signal.SIGKILL)
    out, error = training.communicate(timeout=300)
    assert training.returncode == 0, error
    assert f"Run directory: {run}" in out
    assert [each.name for each in tmp_path.iterdir()] == ["run"]

    processes = start(tmp_path / "processes")
    _, error = processes.communicate(timeout=300)
    assert processes.returncode == 0, error
    ours, theirs = zoo.Run.open(run), zoo.Run.open(tmp_path / "processes")
    assert len(ours.content["resumed"]) == 1
    assert ours.content["strategy"] == theirs.content["strategy"]
    assert ours.history == theirs.history
    assert ours.metrics == theirs.metrics
    for mine, others in zip(ours.model.get_weights(), theirs.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, others)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        yield Path(folder)


@pytest.mark.slow
def test_ctrl_c_lets_the_workers_save_and_says_how_to_resume(tmp_path: Path, short_folder: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    run, temporary = tmp_path / "run", short_folder
    training = start(run, "--ray", "local", "--set=epochs=500", TMPDIR=str(temporary))
    wait_for_two_epochs(run, training)
    family = psutil.Process(training.pid).children(recursive=True)
    training.send_signal(signal.SIGINT)
    _, error = training.communicate(timeout=60)
    assert training.returncode == 1
    assert f"To resume: zoo train --resume {run} --ray local --workers 2" in error
    kept = zoo.Run.open(run).content
    assert kept["status"] == "interrupted"
    assert kept["kept"]["epoch"] >= 2
    _, left = psutil.wait_procs(family, timeout=30)  # Ray's own processes end a little after the command
    assert [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []
    assert [each.name for each in temporary.iterdir()] == ["ray"]  # the cluster's own logs


def test_an_unreachable_cluster_is_reported_immediately(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UsageError, match=rf"cannot be joined or started: .*refused\. Received: '{address}'"):
        zoo.train("linear", data="iris", ray=address, workers=2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_more_workers_than_cores_are_refused_before_a_cluster_starts(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with pytest.raises(UsageError, match=r"Each worker needs a core\. Received: 1000000 workers"):
        zoo.train("linear", data="iris", ray="local", workers=10**6, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("workers", [None, 1, "2"])
def test_a_cluster_needs_a_number_of_workers(workers: object, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"at least 2 to use Ray \(local\)\. Received: (workers={workers!r}|no workers)\."):
        zoo.train("linear", data="iris", ray="local", workers=workers, out=tmp_path / "run")


@pytest.mark.parametrize("ray", ["local", None])
def test_objects_of_this_process_are_rejected(ray: str | None, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Splits, which exist only here"):
        zoo.train("linear", data=zoo.load_data("iris"), ray=ray, workers=2, out=tmp_path / "run")
    batches = tf.data.Dataset.from_tensors(([1.0], 1))
    with pytest.raises(UsageError, match="a dataset or generator"):
        zoo.train("linear", data=batches, ray=ray, workers=2, out=tmp_path / "run")
    with pytest.raises(UsageError, match="strategy='mirrored'"):
        zoo.train("linear", data="iris", ray=ray, workers=2, strategy="mirrored", out=tmp_path / "run")
    with pytest.raises(UsageError, match="callbacks, which only the workers of a Ray cluster receive"):
        zoo.train("linear", data="iris", callbacks=[keras.callbacks.Callback()], workers=2, out=tmp_path / "run")
    with pytest.raises(UsageError, match="a model of your own, which exists only here"):
        zoo.train(zoo.build("linear", data="iris"), data="iris", ray=ray, workers=2, out=tmp_path / "run")


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install .*\[ray\]"):
        zoo.train("linear", data="iris", ray="local", workers=2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_command_line_needs_workers_with_ray(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "linear", "--ray", "local"]) == 2
    assert "pass both" in capsys.readouterr().err
