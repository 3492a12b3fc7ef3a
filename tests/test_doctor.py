"""`zoo doctor` reports every fault, exits with 1, and never ends in a traceback."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import zoo
from zoo.artefacts.released import packaged
from zoo.cli import environment, self_test
from zoo.cli.doctor import diagnose
from zoo.cli.environment import Finding
from zoo.cli.main import main
from zoo.errors import ZooError
from zoo.processes.forkserver import ForkServer
from zoo.version import DISTRIBUTION


@pytest.fixture(autouse=True)
def plain(tmp_path, monkeypatch):
    """A machine without faults, in a temporary folder."""
    for name in ("TFDS_DATA_DIR", "ZOO_DATA", "ZOO_MODELS", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def faults():
    return {finding.name: finding for finding in diagnose(self_test=False) if finding.state == "fault"}


def test_a_good_machine_has_no_faults_and_missing_parts_have_advice():
    findings = list(diagnose(self_test=False))
    assert [finding for finding in findings if finding.state == "fault"] == []
    assert {"python", DISTRIBUTION, "packages", "machine", "runs", "released models"} <= {finding.name for finding in findings}
    assert all(finding.advice for finding in findings if finding.state == "optional")


def test_it_exits_with_0_or_1_and_prints_json(capsys, monkeypatch):
    assert main(["doctor", "--quick"]) == 0
    assert "No faults found." in capsys.readouterr().out
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
    assert found["tensorflow"].found == "2.12.0, but zoo requires >=2.20"


def test_sources_without_an_installation_are_reported(monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert Finding(
        DISTRIBUTION, "optional", "not installed, run from its sources", "pip install -c constraints.txt -e . in the clone"
    ) in [*diagnose(self_test=False)]


def installation(folder, name, *stems):
    """Write a distribution's metadata, with a record of these files of package zoo."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (folder / "zoo").mkdir(exist_ok=True)
    record = []
    for stem in stems:
        (folder / "zoo" / f"{stem}.py").touch()
        record.append(f"zoo/{stem}.py,sha256=47DEQpj8HBSa,0\nzoo/__pycache__/{stem}.cpython-311.pyc,,\n")
    (metadata / "RECORD").write_text("".join(record), encoding="utf-8")


def test_an_unrelated_zoo_is_a_fault_and_so_are_the_files_that_uninstalling_it_removed(tmp_path, monkeypatch):
    installation(tmp_path, DISTRIBUTION, "__init__", "api")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert [*environment.own_files()] == []
    installation(tmp_path, "zoo", "__init__", "rpc")
    (unrelated,) = environment.own_files()
    assert unrelated.found == "zoo 1.0, an unrelated distribution, installs a package of the same name"
    (tmp_path / "zoo-1.0.dist-info" / "RECORD").unlink()
    assert [*environment.own_files()] == [unrelated]
    shutil.rmtree(tmp_path / "zoo-1.0.dist-info")
    (tmp_path / "zoo" / "__init__.py").unlink()
    (files,) = environment.own_files()
    assert files.found == "1 of 2 are missing: zoo/__init__.py"
    assert {unrelated.state, files.state} == {"fault"}
    assert files.advice == f"Uninstall both (pip uninstall zoo {DISTRIBUTION}), then install {DISTRIBUTION} again."


def test_without_packaging_missing_packages_are_still_named(monkeypatch):
    known = importlib.metadata.version

    def version(name):
        if name in ("packaging", "pyyaml"):
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    found = {name: finding.advice for name, finding in faults().items()}
    assert found.pop("packages").startswith("Install the package with the command above")
    assert found == {"packaging": "pip install 'packaging'", "pyyaml": "pip install 'pyyaml>=6'"}


def test_without_any_package_there_are_findings_and_no_traceback(tmp_path):
    """The standard library, zoo, and the metadata of zoo's installation."""
    (tmp_path / f"{DISTRIBUTION}-0.dist-info").mkdir()
    metadata = importlib.metadata.distribution(DISTRIBUTION).read_text("METADATA")
    (tmp_path / f"{DISTRIBUTION}-0.dist-info" / "METADATA").write_text(metadata, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(zoo.__file__).parents[1])])}
    done = subprocess.run(
        [sys.executable, "-S", "-m", "zoo", "doctor", "--quick", "--json"],
        capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    found = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    for name, command in (("pydantic", "pydantic>=2.8"), ("pyyaml", "pyyaml>=6"), ("annotated-types", "annotated-types")):
        assert found[name]["advice"] == f"pip install '{command}'"
    assert {name for name, finding in found.items() if finding["found"].startswith("ModuleNotFoundError")} == {
        "packages",
        "downloaded models",
        "released models",
    }
    assert found["released models"]["advice"].startswith("Install the package")


@pytest.mark.parametrize("version", [(3, 10, 1), (3, 14, 0)])
def test_an_unsupported_python_is_a_fault(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert "3.11 to 3.13" in faults()["python"].advice


@pytest.mark.parametrize("name", ["TFDS_DATA_DIR", "ZOO_DATA"])
def test_a_data_folder_that_is_not_a_folder_is_a_fault(monkeypatch, tmp_path, name):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "file"))
    assert "unset it" in faults()[name].advice


@pytest.mark.parametrize("name", ["TFDS_DATA_DIR", "ZOO_DATA"])
def test_a_folder_of_data_that_cannot_be_read_is_a_fault(monkeypatch, tmp_path, name):
    def is_dir(path, known=Path.is_dir):
        if path == tmp_path / "data":
            raise PermissionError(13, "Permission denied", str(path))
        return known(path)

    monkeypatch.setenv(name, str(tmp_path / "data"))
    monkeypatch.setattr(Path, "is_dir", is_dir)
    (finding,) = faults().values()
    assert finding.advice == f"Check that {tmp_path / 'data'} exists and is readable."


def test_a_wrong_model_folder_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path))
    assert "ZOO_MODELS" in faults()["released models"].advice


def released(folder, *, damaged):
    """Write a folder with one released model in zoo's layout."""
    home, name = packaged(), "lenet@mnist"
    shutil.copytree(home / name, folder / name)
    index = json.loads((home / "index.json").read_text(encoding="utf-8"))
    index["models"] = {name: index["models"][name]}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    if damaged:
        (folder / name / "card.json").write_text("{}")
    return folder


def fine_models():
    return {finding.name: finding.found for finding in diagnose(self_test=False) if finding.state == "fine"}.get(
        "released models"
    )


def test_a_damaged_model_in_a_folder_of_models_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_MODELS", str(released(tmp_path / "models", damaged=True)))
    assert "ZOO_MODELS" in faults()["lenet@mnist"].advice
    assert "lenet@mnist" not in fine_models()
    assert "cnn@mnist" in fine_models()


def test_a_damaged_model_of_zoo_that_a_folder_shadows_is_a_fault(monkeypatch, tmp_path):
    home = released(tmp_path / "home", damaged=True)
    monkeypatch.setattr("zoo.artefacts.released.packaged", lambda: home)
    monkeypatch.setenv("ZOO_MODELS", str(released(tmp_path / "models", damaged=False)))
    found = faults()
    assert [*found] == ["lenet@mnist"]
    assert str(home) in found["lenet@mnist"].found
    assert found["lenet@mnist"].advice == "Reinstall zoo."
    assert fine_models() is None


def test_a_damaged_index_of_zoo_is_a_fault(monkeypatch, tmp_path):
    (tmp_path / "index.json").write_text("[]")
    monkeypatch.setattr("zoo.artefacts.released.packaged", lambda: tmp_path)
    assert faults()["released models"].advice == "Reinstall zoo."


@pytest.mark.parametrize("place", ["environment", "file"])
def test_another_backend_is_a_fault(monkeypatch, tmp_path, place):
    if place == "environment":
        monkeypatch.setenv("KERAS_BACKEND", "jax")
    else:
        (tmp_path / "keras").mkdir()
        (tmp_path / "keras" / "keras.json").write_text('{"backend": "jax"}')
    assert faults()["keras backend"].found.startswith("jax")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_broken_file_of_keras_is_a_fault(tmp_path, content):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_bytes(content)
    found = faults()
    assert [*found] == ["keras.json"]
    assert str(tmp_path / "keras" / "keras.json") in found["keras.json"].found
    assert found["keras.json"].advice == "Fix or remove the file."


def test_unsupported_keras_settings_are_faults(tmp_path):
    (tmp_path / "keras").mkdir()
    file = tmp_path / "keras" / "keras.json"
    file.write_text('{"floatx": "float32", "image_data_format": "channels_first", "epsilon": 1e-7}')
    assert faults() == {}
    file.write_text('{"floatx": "float16", "image_data_format": "first"}')
    found = faults()
    assert {*found} == {"keras floatx", "keras image_data_format"}
    assert found["keras floatx"].advice == f"zoo needs float32. Change it in {file}."


def test_folders_that_cannot_be_written_are_faults(monkeypatch):
    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(environment.tempfile, "TemporaryFile", refuse)
    found = faults()
    assert {"runs", "temporary files", "downloaded models"} == {*found}
    assert found["runs"].found.endswith("cannot be written or has been removed: Read-only file system")
    assert "ZOO_CACHE" in found["downloaded models"].advice


def test_a_full_disk_and_little_memory_are_faults(monkeypatch):
    monkeypatch.setattr(environment, "LEAST_DISK", 1e18)
    monkeypatch.setattr(environment, "LEAST_MEMORY", 1e18)
    assert {"runs", "temporary files", "downloaded models", "machine"} == {*faults()}


def test_a_current_folder_that_was_removed_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert "removed" in faults()["runs"].found


def test_a_failing_check_is_a_fault_and_the_others_run(monkeypatch):
    monkeypatch.setattr(environment, "machine", lambda: 1 / 0)
    found = list(diagnose(self_test=False))
    assert [finding.found for finding in found if finding.state == "fault"] == ["ZeroDivisionError: division by zero"]
    assert "released models" in {finding.name for finding in found}


def end_by(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("function", "said", "advised"),
    [
        (partial(end_by, signal.SIGILL), "SIGILL", "AVX"),
        (partial(end_by, signal.SIGKILL), "SIGKILL", "pinned packages"),
        (partial(time.sleep, 60), "did not finish within 1 s", "pinned packages"),
    ],
)
def test_a_failing_self_test_reports_its_ending(monkeypatch, function, said, advised):
    monkeypatch.setattr(self_test.ForkServer, "start", lambda server, *_, start=ForkServer.start: start(server, function))
    monkeypatch.setattr(self_test, "PATIENCE", 1.0 if "did not finish" in said else 60.0)
    (finding,) = self_test.self_test()
    assert finding.state == "fault"
    assert said in finding.found
    assert advised in finding.advice


@pytest.mark.parametrize(
    ("seen", "there", "state"), [(["GPU:0"], ["GPU 0: A"], "fine"), ([], ["GPU 0: A"], "fault"), ([], [], "optional")]
)
def test_a_gpu_that_tensorflow_does_not_find_is_a_fault(monkeypatch, seen, there, state):
    monkeypatch.setattr(self_test, "gpus", lambda: there)
    assert self_test._judge_gpus(seen).state == state


def test_a_failing_step_reports_its_cause(monkeypatch, tmp_path):
    def train(*_, **__):
        raise TypeError("`x` and `y`\nmust have the same dtype")

    monkeypatch.setattr("zoo.api.training.train", train)
    with pytest.raises(ZooError, match="failed at train: TypeError: `x` and `y` must have the same dtype"):
        self_test.train_small_model(tmp_path)


def test_the_cause_is_reported_even_inside_tensorflows_traceback():
    inner = ImportError("libcudart is missing")
    outer = ImportError("Traceback (most recent call last):\n ...\nFailed to load the native TensorFlow runtime.")
    outer.__context__ = inner
    assert self_test._cause(outer) == "ImportError: libcudart is missing"
    assert self_test._cause(inner) == "ImportError: libcudart is missing"


@pytest.mark.parametrize("wrong", [{"accuracy": 0.1}, {"loads": False}])
def test_wrong_results_are_a_fault(wrong):
    assert [*self_test.judge({"gpus": [], "accuracy": 0.9, "loads": True, **wrong}, 1.0)][-1].state == "fault"


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
