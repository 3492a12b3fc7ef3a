"""`zoo doctor`: every fault is found, said, and ends with 1; none ends in a traceback."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.artefacts.released import packaged
from zoo.cli import environment, self_test
from zoo.cli.doctor import diagnose
from zoo.cli.environment import Finding
from zoo.cli.main import main
from zoo.version import DISTRIBUTION


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
    assert {"python", DISTRIBUTION, "packages", "machine", "runs", "released models"} <= {finding.name for finding in findings}
    assert all(finding.advice for finding in findings if finding.state == "optional")


def test_it_ends_with_0_or_1_and_prints_json(capsys, monkeypatch):
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


def test_sources_without_an_installation_are_said(monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert Finding(
        DISTRIBUTION, "optional", "not installed, run from its sources", "pip install -c constraints.txt -e . in the clone"
    ) in [*diagnose(self_test=False)]


def installation(folder, name, **files):
    """Write a distribution's metadata, with a record of these files of package zoo."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (folder / "zoo").mkdir(exist_ok=True)
    record = []
    for stem, content in files.items():
        (folder / "zoo" / f"{stem}.py").write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        record.append(f"zoo/{stem}.py,sha256={digest},{len(content)}\nzoo/__pycache__/{stem}.cpython-311.pyc,,\n")
    (metadata / "RECORD").write_text("".join(record), encoding="utf-8")


def test_an_unrelated_zoo_is_a_fault_and_so_are_the_files_that_it_overwrites(tmp_path, monkeypatch):
    installation(tmp_path, DISTRIBUTION, __init__=b"ours", api=b"ours")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert [*environment.own_files()] == []
    installation(tmp_path, "zoo", __init__=b"theirs", rpc=b"theirs")
    unrelated, files = environment.own_files()
    assert unrelated.found == "zoo 1.0, an unrelated distribution, installs a package of the same name"
    assert files.found == "1 of 4 are missing or changed: zoo/__init__.py"
    assert {unrelated.state, files.state} == {"fault"}
    assert files.advice == f"Uninstall both (pip uninstall zoo {DISTRIBUTION}), then install {DISTRIBUTION} again."


def test_files_that_uninstalling_the_unrelated_zoo_removed_are_a_fault(tmp_path, monkeypatch):
    installation(tmp_path, DISTRIBUTION, __init__=b"ours")
    (tmp_path / "zoo" / "__init__.py").unlink()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (finding,) = environment.own_files()
    assert finding.found == "1 of 2 are missing or changed: zoo/__init__.py"


def test_without_packaging_missing_packages_are_still_named(monkeypatch):
    known = importlib.metadata.version

    def version(name):
        if name in ("packaging", "pyyaml"):
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    found = faults()
    assert {name: finding.advice for name, finding in found.items()} == {
        "packaging": "pip install 'packaging'",
        "pyyaml": "pip install 'pyyaml>=6'",
    }


def test_a_packaging_that_cannot_be_imported_is_a_fault(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    assert faults()["packaging"].advice == "pip install --force-reinstall packaging"


def test_without_any_package_there_are_findings_and_no_traceback(tmp_path):
    """The standard library, zoo, and what zoo's installation says of itself."""
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
        "fetched models",
        "released models",
    }
    assert found["released models"]["advice"].startswith("Install that package")


@pytest.mark.parametrize("version", [(3, 10, 1), (3, 14, 0)])
def test_another_python_is_a_fault(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert "3.11 to 3.13" in faults()["python"].advice


@pytest.mark.parametrize("name", ["TFDS_DATA_DIR", "ZOO_DATA"])
def test_a_folder_of_data_that_is_none_is_a_fault(monkeypatch, tmp_path, name):
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


def test_a_wrong_place_of_models_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path))
    assert "ZOO_MODELS" in faults()["released models"].advice


def released(folder, *, damaged):
    """Write a folder with one released model, as zoo has it."""
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
    assert found["lenet@mnist"].advice == "Install zoo again."
    assert fine_models() is None


def test_a_damaged_index_of_zoo_is_a_fault(monkeypatch, tmp_path):
    (tmp_path / "index.json").write_text("[]")
    monkeypatch.setattr("zoo.artefacts.released.packaged", lambda: tmp_path)
    assert faults()["released models"].advice == "Install zoo again."


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
    assert found["keras.json"].advice == "Fix or remove that file."


def test_settings_of_keras_that_zoo_cannot_train_with_are_faults(tmp_path):
    (tmp_path / "keras").mkdir()
    file = tmp_path / "keras" / "keras.json"
    file.write_text('{"floatx": "float32", "image_data_format": "channels_first", "epsilon": 1e-7}')
    assert faults() == {}
    file.write_text('{"floatx": "float16", "image_data_format": "first"}')
    found = faults()
    assert {*found} == {"keras floatx", "keras image_data_format"}
    assert found["keras floatx"].advice == f"zoo needs float32: change it in {file}."


def test_folders_that_cannot_be_written_are_faults(monkeypatch):
    monkeypatch.setattr(environment, "_cannot_write", lambda place: "Read-only file system")
    found = faults()
    assert {"runs", "temporary files", "fetched models"} == {*found}
    assert "ZOO_CACHE" in found["fetched models"].advice


def test_what_cannot_be_written_is_told(tmp_path):
    assert environment._cannot_write(tmp_path / "new" / "folder") == ""
    assert environment._cannot_write(Path("/proc/none")) != ""


def test_a_full_disk_and_little_memory_are_faults(monkeypatch):
    monkeypatch.setattr(environment, "LEAST_DISK", 1e18)
    monkeypatch.setattr(environment, "LEAST_MEMORY", 1e18)
    assert {"runs", "temporary files", "fetched models", "machine"} == {*faults()}


def test_a_current_folder_that_was_removed_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert "removed" in faults()["runs"].found


def test_a_look_that_fails_is_a_fault_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(environment, "machine", lambda: 1 / 0)
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
    monkeypatch.setattr(self_test, "_nvidia_gpus", list)
    told = {name: {"step": name, "seconds": 1.0, "gpus": []} for name in steps}
    finding = [*self_test._judge(told, errors, ending)][-1]
    assert finding.state == "fault"
    assert said in finding.found + finding.advice


@pytest.mark.parametrize(
    ("seen", "there", "state"), [(["GPU:0"], ["GPU 0: A"], "fine"), ([], ["GPU 0: A"], "fault"), ([], [], "optional")]
)
def test_a_gpu_that_tensorflow_does_not_see_is_a_fault(monkeypatch, seen, there, state):
    monkeypatch.setattr(self_test, "_nvidia_gpus", lambda: there)
    (finding,) = self_test._judge_gpus(seen)
    assert finding.state == state


def test_a_step_that_fails_says_its_cause(monkeypatch, capsys, tmp_path):
    def work(folder):
        yield {"gpus": []}
        raise TypeError("`x` and `y`\nmust have the same dtype")

    monkeypatch.setattr(self_test, "_work", work)
    monkeypatch.setattr(self_test, "_nvidia_gpus", list)
    self_test.main(str(tmp_path))
    steps = {step["step"]: step for step in map(json.loads, capsys.readouterr().out.splitlines())}
    finding = [*self_test._judge(steps, "No model has been saved yet.\n", "")][-1]
    assert finding.state == "fault"
    assert finding.found == "failed at train: TypeError: `x` and `y` must have the same dtype"


def test_the_cause_is_told_where_tensorflow_puts_a_traceback_around_it():
    inner = ImportError("libcudart is missing")
    outer = ImportError("Traceback (most recent call last):\n ...\nFailed to load the native TensorFlow runtime.")
    outer.__context__ = inner
    assert self_test._cause(outer) == "ImportError: libcudart is missing"
    assert self_test._cause(inner) == "ImportError: libcudart is missing"


def test_wrong_results_are_a_fault(monkeypatch):
    monkeypatch.setattr(self_test, "_nvidia_gpus", list)
    steps = {
        name: {"seconds": 1.0, "gpus": [], "accuracy": 0.1, "is_good": name != "train"}
        for name in ("import", "train", "predict")
    }
    assert [*self_test._judge(steps, "", "")][-1].state == "fault"


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
