"""Build the wheel, and use it in an empty environment of each Python from 3.11 to 3.13 that this machine has.

In a folder without sources: `zoo doctor` with its self-test, a training, predictions of released models, and one in bulk.
`python scripts/check_wheel.py 3.12` tries one Python only.
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
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
MAKE_PICTURE = """
import numpy, zoo
from PIL import Image
images, labels = next(zoo.load_data("mnist_sample").test.as_numpy_iterator())
Image.fromarray(255 - images[0].squeeze()).resize((200, 200)).save("digit.png")
model = zoo.build("cnn", weights="mnist", num_classes=3)
print("label", labels[0], model.output_shape)
"""


def find_python(version: str) -> str | None:
    """Return the path of a Python of this version: one that the shell finds, or one of pyenv's."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, versions.glob(f"{version}.*/bin/python")), reverse=True)]
    for path in filter(None, candidates):
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        if told.stdout.startswith(f"Python {version}."):  # pyenv's own commands answer without being there
            return path
    return None


def build_wheel(folder: Path) -> Path:
    """Build the wheel and look whether it has what git and the index of released models list, and nothing else."""
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)])
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    there = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    models = json.loads((ROOT / "saved_models" / "index.json").read_text(encoding="utf-8"))["models"]
    expected = {"zoo/saved_models/index.json", *run(["git", "ls-files", "zoo"], cwd=ROOT).splitlines()}
    expected |= {f"zoo/saved_models/{name}/{file}" for name, model in models.items() for file in model["files"]}
    if there != expected:
        raise SystemExit(f"The wheel lacks {sorted(expected - there)}, and has too much: {sorted(there - expected)}")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files", flush=True)
    return wheel


def run(words: Sequence[str], **options: object) -> str:
    """Run a command and return what it prints; end with all of it where it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def check(python: str, wheel: Path) -> None:
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
        run(
            [str(programs / "pip"), "install", "--quiet", "--no-compile", *constraints, str(wheel)]
        )  # half of the time is compiling
        (place / "work").mkdir()

        def use(*words: str) -> str:
            return run([str(programs / words[0]), *words[1:]], cwd=place / "work", env=environment)

        print(use("zoo", "--version").strip(), flush=True)
        print(use("zoo", "doctor"), flush=True)
        use("zoo", "train", "cnn", "--set", "epochs=2", "--quiet", "--out", "run")
        scores = json.loads((place / "work" / "run" / "run.json").read_text(encoding="utf-8"))["metrics"]
        expect(scores["accuracy"] > 0.7, scores)
        said = use("python", "-c", MAKE_PICTURE).split()
        told = json.loads(use("zoo", "predict", "cnn@mnist", "digit.png", "--json"))
        expect(str(told[0]["label"]) == said[1] and said[2:] == ["(None,", "3)"], (told, said))
        texts = "a wonderful and moving film\nboring, badly written and a waste of time\n"
        (place / "work" / "lines.txt").write_text(texts, encoding="utf-8")
        use("zoo", "predict", "lstm@imdb", "--data", "lines.txt", "--out", "out.csv")
        rows = (place / "work" / "out.csv").read_text(encoding="utf-8").splitlines()
        expect(len(rows) == 3 and "pos" in rows[1] and "neg" in rows[2], rows)
        check_types(programs / "python", place / "work")


def check_types(python: Path, place: Path) -> None:
    """Look whether a type checker sees the types of the installed package."""
    (place / "typed.py").write_text("import zoo\nreveal_type(zoo.list_models)\nzoo.list_models(pattern=3)\n", encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "--python-executable", str(python), "--ignore-missing-imports", "typed.py"]
    told = subprocess.run(words, capture_output=True, text=True, cwd=place, check=False).stdout
    expect("def (pattern: str" in told and 'incompatible type "int"' in told, told)


def expect(is_so: bool, found: object) -> None:
    """End with what was found where it is not as it should be."""
    if not is_so:
        raise SystemExit(f"Not as it should be: {found}")


def main(versions: Sequence[str]) -> int:
    """Check the wheel on each Python; fail where there is none."""
    pythons = {version: find_python(version) for version in versions or PYTHONS}
    here, missing = ([version for version, path in pythons.items() if bool(path) is is_here] for is_here in (True, False))
    print(f"Pythons that are here: {here}; not here: {missing}", flush=True)
    if not here:
        return 1
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        for version, path in pythons.items():
            if path is not None:
                begun = time.monotonic()
                check(path, wheel)
                print(f"Python {version}: fine, {time.monotonic() - begun:.0f} s\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
