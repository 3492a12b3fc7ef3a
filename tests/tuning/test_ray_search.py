"""A search on a Ray cluster of several nodes, one of which is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import zoo
from zoo.errors import UsageError

WITHIN = 180.0  # seconds
COMMAND = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())", "tune", "linear", "--quiet"]
WORDS = ["--data", "iris", "--set", "epochs=150", "--space", "*=default", "--space", "learning_rate={min: 0.01, max: 0.1}"]


@pytest.fixture
def cluster() -> Iterator:
    """A cluster of a head without cores and three machines with one core each."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    found.machines = [found.add_node(num_cpus=1) for _ in range(3)]
    yield found
    found.shutdown()


def trials_of(machine) -> list[psutil.Process]:
    """Return the processes of trials on a machine."""
    raylet = psutil.Process(machine.all_processes["raylet"][0].process.pid)
    return [each for each in raylet.children(recursive=True) if "ray::_run" in " ".join(each.cmdline())]


def wait_for(condition, process: subprocess.Popen) -> None:
    until = time.monotonic() + WITHIN
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.slow
def test_the_trial_of_a_killed_machine_resumes_on_another(tmp_path: Path, cluster) -> None:
    out = tmp_path / "s"
    words = [*COMMAND, *WORDS, "--out", str(out), "--trials", "3", "--workers", "2", "--ray", cluster.address]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len([*out.glob("trials/*/run-1/checkpoints/*.npz")]) >= 2, process)
    wait_for(lambda: any(map(trials_of, cluster.machines)), process)
    victim = next(each for each in cluster.machines if trials_of(each))
    cluster.remove_node(victim, allow_graceful=False)
    printed, error = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, error
    assert "Test part" in printed
    results = [json.loads(path.read_text()) for path in sorted(out.glob("trials/*/result.json"))]
    assert [each["status"] for each in results] == ["finished"] * 3
    assert max(each["attempts"] for each in results) == 2
    search = zoo.Search.open(out)
    assert search.best_run.metrics == zoo.evaluate(search.best_run).metrics
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.slow
def test_a_signal_lets_the_trials_on_ray_save(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    out = tmp_path / "s"
    words = [*COMMAND, *WORDS, "--set", "epochs=3000", "--out", str(out), "--trials", "2", "--ray", "local"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: [*out.glob("trials/*/run-1/checkpoints/*.npz")], process)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=WITHIN)
    assert process.returncode == 1
    assert f"To resume: zoo tune --resume {out}" in error
    assert json.loads((out / "search.json").read_text())["status"] == "interrupted"
    assert json.loads((out / "trials" / "0000" / "run-1" / "run.json").read_text())["status"] == "interrupted"


def test_an_unknown_cluster_is_refused_before_a_search_starts(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with pytest.raises(UsageError, match=r"cannot be joined or started: .* Connection refused"):
        zoo.tune("linear", data="iris", ray="127.0.0.1:1", out=tmp_path / "s")
    assert not (tmp_path / "s").exists()
