"""Build the wheel, and test it in an empty environment of each installed Python from 3.11 to 3.13.

In a folder without sources, each Python runs `zoo doctor` with its self-test, a training run, predictions of released models
and a bulk prediction. The first Python also checks what zoo reports if an unrelated distribution named `zoo` is installed.
`python scripts/check_wheel.py 3.12` tests one Python only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
UNRELATED_VERSION = "0.1"
MAKE_PICTURE = """
import numpy, zoo
from PIL import Image
images, labels = next(zoo.load_data("mnist_sample").test.as_numpy_iterator())
Image.fromarray(255 - images[0].squeeze()).resize((200, 200)).save("digit.png")
model = zoo.build("cnn", weights="mnist", num_classes=3)
print("label", labels[0], model.output_shape)
"""


def find_python(version: str) -> str | None:
    """Return the path of a Python of this version, from PATH or from pyenv."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, versions.glob(f"{version}.*/bin/python")), reverse=True)]
    for path in filter(None, candidates):
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        if answer.stdout.startswith(f"Python {version}."):  # pyenv's shims exist for Pythons that are not installed
            return path
    return None


def build_wheel(folder: Path) -> Path:
    """Build the wheel, and check that it has the files that git and the index of released models list, and no others."""
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)])
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    there = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    models = json.loads((ROOT / "saved_models" / "index.json").read_text(encoding="utf-8"))["models"]
    expected = {"zoo/saved_models/index.json", *run(["git", "ls-files", "zoo"], cwd=ROOT).splitlines()}
    expected |= {f"zoo/saved_models/{name}/{file}" for name, model in models.items() for file in model["files"]}
    if there != expected:
        raise SystemExit(f"The wheel lacks {sorted(expected - there)}, and should not have {sorted(there - expected)}")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files", flush=True)
    return wheel


def run(words: Sequence[str], **options: object) -> str:
    """Run a command and return its output; exit with the output if the command fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def check(python: str, wheel: Path, *, with_unrelated: bool) -> None:
    """Install the wheel in an empty environment, and use it from an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ZOO_", "VIRTUAL_ENV"))
        }
        environment["HOME"] = folder
        run([python, "-m", "venv", str(place / "venv")])
        programs = place / "venv" / "bin"
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        # compiling to byte code would take half of the total time
        run([str(programs / "pip"), "install", "--quiet", "--no-compile", *constraints, str(wheel)])
        (place / "work").mkdir()

        def use(*words: str) -> str:
            return run([str(programs / words[0]), *words[1:]], cwd=place / "work", env=environment)

        print(use("zoo", "--version").strip(), flush=True)
        print(use("zoo", "doctor"), flush=True)
        use("zoo", "train", "mlp", "--data", "digits", "--epochs", "5", "--quiet", "--out", "run")
        scores = json.loads((place / "work" / "run" / "run.json").read_text(encoding="utf-8"))["metrics"]
        expect(scores["accuracy"] > 0.5, scores)
        output = use("python", "-c", MAKE_PICTURE).split()
        answer = json.loads(use("zoo", "predict", "cnn@mnist", "digit.png", "--json"))
        expect(str(answer[0]["label"]) == output[1] and output[2:] == ["(None,", "3)"], (answer, output))
        texts = "a wonderful and moving film\nboring, badly written and a waste of time\n"
        (place / "work" / "lines.txt").write_text(texts, encoding="utf-8")
        use("zoo", "predict", "lstm@imdb", "--data", "lines.txt", "--out", "out.csv")
        rows = (place / "work" / "out.csv").read_text(encoding="utf-8").splitlines()
        expect(len(rows) == 3 and "pos" in rows[1] and "neg" in rows[2], rows)
        check_types(programs / "python", place / "work")
        if with_unrelated:
            check_unrelated(programs, place / "work", wheel, environment)


def check_unrelated(programs: Path, place: Path, wheel: Path, environment: Mapping[str, str]) -> None:
    """Check what `import zoo` and `zoo doctor` report if a distribution named zoo is installed before or after ours."""
    other = place / f"zoo-{UNRELATED_VERSION}-py3-none-any.whl"
    metadata = f"zoo-{UNRELATED_VERSION}.dist-info"
    contents = {
        "zoo/__init__.py": "",
        "zoo/rpc.py": "",
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: zoo\nVersion: {UNRELATED_VERSION}\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.writestr(f"{metadata}/RECORD", "".join(f"{name},,\n" for name in [*contents, f"{metadata}/RECORD"]))

    def install(which: Path) -> None:
        words = ["install", "--quiet", "--no-compile", "--no-deps", "--no-index", "--force-reinstall", str(which)]
        run([str(programs / "pip"), *words], env=environment)

    def doctor() -> set[str]:
        words = [str(programs / "zoo"), "doctor", "--quick", "--json"]
        output = subprocess.run(words, capture_output=True, text=True, cwd=place, env=environment, check=False).stdout
        return {finding["name"] for finding in json.loads(output)["findings"] if finding["state"] == "fault"}

    def import_zoo() -> str:
        words = [str(programs / "python"), "-c", "import zoo; zoo.list_models()"]
        return subprocess.run(words, capture_output=True, text=True, cwd=place, env=environment, check=True).stderr

    expect(doctor() == set() and not import_zoo(), "a fault before the unrelated package is there")
    install(other)  # its zoo/__init__.py replaces ours
    expect(doctor() == {"unrelated zoo"}, doctor())
    install(wheel)  # ours replaces its
    expect(doctor() == {"unrelated zoo"} and "RuntimeWarning" in import_zoo(), (doctor(), import_zoo()))
    run([str(programs / "pip"), "uninstall", "--quiet", "--yes", "zoo"], env=environment)  # and removes our zoo/__init__.py
    expect(doctor() == {"files of zoo"}, doctor())
    install(wheel)
    expect(doctor() == set() and not import_zoo(), doctor())


def check_types(python: Path, place: Path) -> None:
    """Check that a type checker sees the types of the installed package."""
    (place / "typed.py").write_text("import zoo\nreveal_type(zoo.list_models)\nzoo.list_models(pattern=3)\n", encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "--python-executable", str(python), "--ignore-missing-imports", "typed.py"]
    output = subprocess.run(words, capture_output=True, text=True, cwd=place, check=False).stdout
    expect("def (pattern: str" in output and 'incompatible type "int"' in output, output)


def expect(is_so: bool, found: object) -> None:
    """Exit with a message unless a condition holds."""
    if not is_so:
        raise SystemExit(f"Not as expected: {found}")


def main(versions: Sequence[str]) -> int:
    """Check the wheel with each Python; fail if there is none."""
    pythons = {version: find_python(version) for version in versions or PYTHONS}
    here, missing = ([version for version, path in pythons.items() if bool(path) is is_here] for is_here in (True, False))
    print(f"Pythons found: {here}; missing: {missing}", flush=True)
    if not here:
        return 1
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        for version, path in pythons.items():
            if path is not None:
                begun = time.monotonic()
                check(path, wheel, with_unrelated=version == here[0])
                print(f"Python {version}: fine, {time.monotonic() - begun:.0f} s\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
