"""`scripts/gpu_check.sh` runs its steps on logical CPUs, checks their numbers, resumes, and reports a missing GPU."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import gpu_check
import pytest

SCRIPT = Path(gpu_check.__file__).with_suffix(".sh")


@pytest.fixture
def cpu(monkeypatch):
    """Logical CPUs in place of GPUs, and no rows."""
    monkeypatch.setattr(gpu_check, "IS_CPU", True, raising=False)


@pytest.mark.parametrize(
    ("check", "found", "wrong"),
    [
        ("one device", {"cnn, difference": 9e-4}, ""),
        ("all devices", {"cnn, difference": 9e-4}, "cnn, difference is above 0.0001"),
        ("all devices", {"cnn, difference": float("nan")}, "cnn, difference is above 0.0001"),
        ("mixed precision", {"float32, accuracy": 0.97, "mixed_float16, accuracy": 0.96}, ""),
        ("mixed precision", {"float32, accuracy": 0.97, "half, accuracy": 0.94}, "half, accuracy is below 0.950"),
        ("speed of cnn", {"cnn": 1.0}, ""),
    ],
)
def test_numbers_beyond_the_limit_fail(check, found, wrong):
    assert gpu_check.problem(check, found) == wrong


@pytest.mark.parametrize(("count", "expected"), [(1, 4), (2, 6)])
def test_each_check_runs_once_and_a_failed_one_again(cpu, tmp_path, monkeypatch, capsys, count, expected):
    def answer(words, **_):
        asked.append(words[3])
        found = {"cnn, difference": 1.0 if words[3] == broken else 0.0}
        if words[3] == "mixed precision":
            found = {"float32, accuracy": 0.9}
        return subprocess.CompletedProcess(words, 0, json.dumps(found), "")

    monkeypatch.setattr(gpu_check.subprocess, "run", answer)
    monkeypatch.setattr(gpu_check, "count_devices", lambda: count)
    arguments = argparse.Namespace(out=str(tmp_path))
    asked, broken = [], "one device"
    assert gpu_check.main(arguments) == 1
    assert len(asked) == expected
    assert "FAILED   one device" in capsys.readouterr().out
    asked, broken = [], None
    assert gpu_check.main(arguments) == 0
    assert asked == ["one device"]


def test_without_a_gpu_the_exit_code_is_2(monkeypatch, capsys):
    monkeypatch.setattr(gpu_check, "IS_CPU", False, raising=False)
    monkeypatch.setattr(gpu_check, "count_devices", lambda: 0)
    assert gpu_check.main(argparse.Namespace(out="nowhere")) == 2
    assert "TensorFlow sees no GPU" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.long
def test_every_check_passes_on_logical_cpus(tmp_path):
    done = subprocess.run([SCRIPT, "--cpu", "--out", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("6 passed, 0 failed\n")
