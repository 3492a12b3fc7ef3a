"""`zoo doctor`: every fault is found, said, and ends with 1; none ends in a traceback."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.api import diagnosing
from zoo.api.diagnosing import Finding, diagnose
from zoo.cli.main import main


@pytest.fixture(autouse=True)
def plain(tmp_path, monkeypatch):
    """A machine without a fault, in a folder of its own."""
    for name in ("TFDS_DATA_DIR", "ZOO_DATA", "ZOO_MODELS", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def faults():
    return {finding.name: finding for finding in diagnose(self_test=False) if finding.state == "fault"}


def test_a_good_machine_has_no_fault_and_every_lack_an_advice():
    findings = list(diagnose(self_test=False))
    assert [finding for finding in findings if finding.state == "fault"] == []
    assert {"python", "zoo", "packages", "machine", "runs", "released models"} <= {finding.name for finding in findings}
    assert all(finding.advice for finding in findings if finding.state == "optional")


def test_it_ends_with_0_or_1_and_prints_json(capsys, monkeypatch):
    assert main(["doctor", "--quick"]) == 0
    assert "No fault found." in capsys.readouterr().out
    monkeypatch.setenv("ZOO_DATA", "/nowhere")
    assert main(["doctor", "--quick", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["is_good"]
    assert [finding["name"] for finding in told["findings"] if finding["state"] == "fault"] == ["ZOO_DATA"]


def test_a_missing_and_an_old_package_are_faults(monkeypatch):
    known = importlib.metadata.version

    def version(name):
        if name == "pandas":
            raise importlib.metadata.PackageNotFoundError(name)
        return "2.12.0" if name == "tensorflow" else known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = faults()
    assert found["pandas"].advice.startswith("pip install 'pandas")
    assert found["tensorflow"].found == "2.12.0, where >=2.20 is asked for"


def test_sources_without_an_installation_are_said(monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert Finding(
        "zoo", "optional", "not installed, run from its sources", "pip install -c constraints.txt -e . in the clone"
    ) in [*diagnose(self_test=False)]


@pytest.mark.parametrize("version", [(3, 10, 1), (3, 14, 0)])
def test_another_python_is_a_fault(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert "3.11 to 3.13" in faults()["python"].advice


@pytest.mark.parametrize("name", ["TFDS_DATA_DIR", "ZOO_DATA"])
def test_a_folder_of_data_that_is_none_is_a_fault(monkeypatch, tmp_path, name):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "file"))
    assert "unset it" in faults()[name].advice


def test_a_wrong_place_of_models_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path))
    assert "ZOO_MODELS" in faults()["released models"].advice


@pytest.mark.parametrize("place", ["environment", "file"])
def test_another_backend_is_a_fault(monkeypatch, tmp_path, place):
    if place == "environment":
        monkeypatch.setenv("KERAS_BACKEND", "jax")
    else:
        (tmp_path / "keras").mkdir()
        (tmp_path / "keras" / "keras.json").write_text('{"backend": "jax"}')
    assert faults()["keras backend"].found.startswith("jax")


def test_a_broken_file_of_keras_is_a_fault(tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text("{")
    assert "JSONDecodeError" in faults()["backend"].found


def test_folders_that_cannot_be_written_are_faults(monkeypatch):
    monkeypatch.setattr(diagnosing, "_cannot_write", lambda place: "Read-only file system")
    found = faults()
    assert {"runs", "temporary files", "fetched models"} == {*found}
    assert "ZOO_CACHE" in found["fetched models"].advice


def test_what_cannot_be_written_is_told(tmp_path):
    assert diagnosing._cannot_write(tmp_path / "new" / "folder") == ""
    assert diagnosing._cannot_write(Path("/proc/none")) != ""


def test_a_full_disk_and_little_memory_are_faults(monkeypatch):
    monkeypatch.setattr(diagnosing, "LEAST_DISK", 1e18)
    monkeypatch.setattr(diagnosing, "LEAST_MEMORY", 1e18)
    assert {"runs", "temporary files", "fetched models", "machine"} == {*faults()}


def test_a_current_folder_that_was_removed_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert "removed" in faults()["runs"].found


def test_a_look_that_fails_is_a_fault_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(diagnosing, "_machine", lambda: 1 / 0)
    monkeypatch.setattr(diagnosing._machine, "__name__", "_machine")
    found = list(diagnose(self_test=False))
    assert [finding.found for finding in found if finding.state == "fault"] == ["ZeroDivisionError: division by zero"]
    assert "released models" in {finding.name for finding in found}


@pytest.mark.parametrize(
    ("steps", "errors", "ending", "said"),
    [
        ([], "Traceback\nModuleNotFoundError: No module named 'tensorflow'\n", "it ended with code 1", "failed at import"),
        ([], "", "it was ended by signal 4", "AVX"),
        (["import"], "killed\n", "it was ended by signal 9", "failed at train"),
        (["import", "train"], "", "it did not end in 180 s", "failed at predict"),
    ],
)
def test_a_self_test_that_breaks_off_says_where(monkeypatch, steps, errors, ending, said):
    monkeypatch.setattr(diagnosing, "_nvidia_gpus", list)
    told = {name: {"step": name, "seconds": 1.0, "gpus": []} for name in steps}
    finding = [*diagnosing._judge(told, errors, ending)][-1]
    assert finding.state == "fault"
    assert said in finding.found + finding.advice


@pytest.mark.parametrize(
    ("seen", "there", "state"), [(["GPU:0"], ["GPU 0: A"], "fine"), ([], ["GPU 0: A"], "fault"), ([], [], "optional")]
)
def test_a_gpu_that_tensorflow_does_not_see_is_a_fault(monkeypatch, seen, there, state):
    monkeypatch.setattr(diagnosing, "_nvidia_gpus", lambda: there)
    (finding,) = diagnosing._judge_import({"gpus": seen})
    assert finding.state == state


def test_wrong_results_are_a_fault(monkeypatch):
    monkeypatch.setattr(diagnosing, "_nvidia_gpus", list)
    steps = {
        name: {"seconds": 1.0, "gpus": [], "accuracy": 0.1, "is_good": name != "train"}
        for name in ("import", "train", "predict")
    }
    assert [*diagnosing._judge(steps, "", "")][-1].state == "fault"


@pytest.mark.slow
def test_the_self_test_trains():
    finding = [*diagnose()][-1]
    assert (finding.name, finding.state) == ("self-test", "fine"), finding


@pytest.mark.slow
def test_a_broken_tensorflow_is_a_fault_and_no_traceback(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcudart is missing')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "doctor"], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert "failed at import" in done.stdout
    assert "libcudart is missing" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
