"""What zoo finds around it: versions, devices, folders, optional parts, and whether a small training works."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ZooError, one_line

logger = logging.getLogger(__name__)
PYTHONS = ((3, 11), (3, 14))  # from, and below
LEAST_DISK, LEAST_MEMORY = 1e9, 2e9  # bytes
PATIENCE = 180.0  # seconds that the self-test has
EXTRAS = {  # what they are for, and the modules that they bring
    "onnx": ("export to ONNX", ("tf2onnx", "onnxruntime")),
    "litert": ("predictions by LiteRT", ("ai_edge_litert",)),
    "ray": ("training on a Ray cluster", ("ray",)),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: of the thing.
        state: "fine"; "optional" where something is missing that not everybody needs; "fault" where zoo would fail.
        found: what is there.
        advice: what to do about it; empty where all is fine.
    """

    name: str
    state: Literal["fine", "optional", "fault"]
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return plain data, ready for JSON."""
        return asdict(self)


def diagnose(*, self_test: bool = True) -> Iterator[Finding]:
    """Look at everything, and yield each finding as soon as it is made; nothing here raises.

    Args:
        self_test: whether to import TensorFlow and train a small model, some ten seconds, in a process of its own.
    """
    looks: list[Callable[[], Iterator[Finding]]] = [
        _python, _packages, _backend, _machine, _writing, _data, _released, _optional_parts,
    ]  # fmt: skip
    if self_test:
        looks.append(_self_test)
    for look in looks:
        try:
            yield from look()
        except Exception as error:  # a broken installation can raise anything, and the other findings matter
            name = look.__name__.strip("_").replace("_", " ")
            yield Finding(
                name, "fault", f"{type(error).__name__}: {one_line(error)}", "Install zoo again in a fresh environment."
            )


def _python() -> Iterator[Finding]:
    least, below = PYTHONS
    is_good = least <= sys.version_info[:2] < below
    advice = f"Use Python {least[0]}.{least[1]} to {below[0]}.{below[1] - 1}."
    found = f"{platform.python_version()}, {sys.executable}"
    yield Finding("python", "fine" if is_good else "fault", found, "" if is_good else advice)


def _packages() -> Iterator[Finding]:
    """Compare what is installed with what zoo asks for."""
    from packaging.requirements import Requirement

    try:
        asked = importlib.metadata.requires("zoo") or []
        yield Finding("zoo", "fine", f"{importlib.metadata.version('zoo')}, {Path(__file__).parents[1]}")
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "zoo", "optional", "not installed, run from its sources", "pip install -c constraints.txt -e . in the clone"
        )
        return
    wanted = [need for need in map(Requirement, asked) if need.marker is None or need.marker.evaluate({"extra": ""})]
    good = []
    for need in wanted:
        try:
            version = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(need.name, "fault", "not installed", f"pip install '{need}'")
            continue
        if need.specifier.contains(version, prereleases=True):
            good.append(f"{need.name} {version}")
        else:
            yield Finding(need.name, "fault", f"{version}, where {need.specifier} is asked for", f"pip install '{need}'")
    shown = [each for each in good if each.split()[0] in ("tensorflow", "keras")]
    yield Finding("packages", "fine", f"{len(good)} of {len(wanted)} as asked for: {', '.join(shown)}, ...")


def _backend() -> Iterator[Finding]:
    """Look at what Keras computes with, as Keras does: the environment stands before its file."""
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    written = json.loads(path.read_text(encoding="utf-8")).get("backend") if path.is_file() else None
    for place, backend in (("KERAS_BACKEND", os.environ.get("KERAS_BACKEND")), (str(path), written)):
        if backend:
            if backend != "tensorflow":
                yield Finding(
                    "keras backend", "fault", f"{backend}, by {place}", f"zoo needs tensorflow: change it in {place}."
                )
            return


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    found = f"{cores} cores, {memory / 1e9:.1f} GB of memory, {platform.machine()}, {platform.system()}"
    if 0 < memory < LEAST_MEMORY:
        yield Finding("machine", "fault", found, "Use a machine with 2 GB of memory or more.")
    else:
        yield Finding("machine", "fine", found)


def _writing() -> Iterator[Finding]:
    """Try to write where runs, temporary files and fetched models go."""
    from zoo.artefacts.released import cache

    try:
        runs = Path.cwd() / "runs"
    except FileNotFoundError:
        yield Finding("runs", "fault", "the current folder has been removed", "Go to another one.")
        runs = Path.home() / "runs"
        os.chdir(Path.home())  # other looks need a folder to stand in
    places = {
        "runs": (runs, "give --out, or go to a folder of yours"),
        "temporary files": (_temporary(), "name another folder in TMPDIR"),
        "fetched models": (cache(), "name another folder in ZOO_CACHE"),
    }
    for name, (place, mend) in places.items():
        if problem := _cannot_write(place):
            yield Finding(name, "fault", f"{place} cannot be written: {problem}", f"Make it writable, or {mend}.")
            continue
        free = shutil.disk_usage(_existing(place)).free
        found = f"{place}, {free / 1e9:.1f} GB free"
        if free < LEAST_DISK:
            yield Finding(name, "fault", found, f"Free space, or {mend}.")
        else:
            yield Finding(name, "fine", found)


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none of the usual places can be written
        return Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - it is named, not written


def _existing(place: Path) -> Path:
    """Return the nearest folder that exists."""
    return next(each for each in (place.absolute(), *place.absolute().parents) if each.exists())


def _cannot_write(place: Path) -> str:
    """Return why a file cannot be made in a folder that may not be there yet; empty where it can."""
    try:
        folder = _existing(place)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _data() -> Iterator[Finding]:
    """Look for data sets in the folders where they are kept."""
    from zoo import local_data, registry

    own = os.environ.get("TFDS_DATA_DIR")
    folder = Path(own or Path.home() / "tensorflow_datasets")
    known = [name for name in registry.list_datasets() if (folder / name).is_dir()] if folder.is_dir() else []
    if own and not folder.is_dir():
        yield Finding(
            "TFDS_DATA_DIR", "fault", f"{folder} is no folder", "Name the folder of TensorFlow Datasets, or unset it."
        )
    elif known:
        yield Finding("TensorFlow Datasets", "fine", f"{folder}: {', '.join(known)}")
    else:
        advice = "They are fetched when first named, or name their folder in TFDS_DATA_DIR. Embedded data need nothing."
        yield Finding("TensorFlow Datasets", "optional", f"{folder}: none of zoo's", advice)
    own = os.environ.get(local_data.VARIABLE)
    folder = Path(own or Path.home() / local_data.DEFAULT)
    if folder.is_dir():
        yield Finding(
            "your files", "fine", f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir())[:10]) or 'empty'}"
        )
    elif own:
        yield Finding(local_data.VARIABLE, "fault", f"{folder} is no folder", "Name the folder of your data sets, or unset it.")
    else:
        yield Finding(
            "your files",
            "optional",
            f"no {folder}",
            f"Only sst2 and chnsenticorp want it; {local_data.VARIABLE} names another.",
        )


def _released() -> Iterator[Finding]:
    """Compare the released models with their SHA-256."""
    from zoo.artefacts.released import VARIABLE, packaged, released_models

    try:
        known = released_models()
    except ZooError as error:
        yield Finding("released models", "fault", str(error), f"Mend or unset {VARIABLE}.")
        return
    home = str(packaged())
    for released in known.values():
        if released.place == home:
            try:
                released.directory()
            except ZooError as error:
                yield Finding(released.name, "fault", str(error), "Install zoo again.")
    if known:
        yield Finding("released models", "fine", ", ".join(known))
    else:
        yield Finding("released models", "fault", "none", "Install zoo again: they come with it.")


def _optional_parts() -> Iterator[Finding]:
    for extra, (purpose, modules) in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            yield Finding(
                extra, "optional", f"not installed: {', '.join(missing)}", f"For {purpose}: pip install 'zoo[{extra}]'"
            )
        else:
            yield Finding(extra, "fine", purpose)


def _self_test() -> Iterator[Finding]:
    """Train a small model in a process of its own, which may also crash or hang."""
    logger.info("Training a small model, some ten seconds.")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "zoo.api.self_test", folder],
                capture_output=True, text=True, errors="replace", timeout=PATIENCE, env=environment, check=False,
            )  # fmt: skip
            output, errors, ending = done.stdout, done.stderr, _ending(done.returncode)
        except subprocess.TimeoutExpired as error:
            output, errors = (bytes(part or b"").decode("utf-8", "replace") for part in (error.stdout, error.stderr))
            ending = f"it did not end in {PATIENCE:.0f} s"
    steps = {step["step"]: step for step in map(_as_step, output.splitlines()) if step}
    yield from _judge(steps, errors, ending)


def _as_step(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:  # what others print
        return {}
    return found if isinstance(found, dict) and "step" in found else {}


def _ending(code: int) -> str:
    return "" if code == 0 else f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"


def _judge(steps: Mapping[str, Mapping[str, Any]], errors: str, ending: str) -> Iterator[Finding]:
    """Say what the steps of the self-test mean."""
    from zoo.api.self_test import STEPS

    if "import" in steps:
        yield from _judge_import(steps["import"])
    missing = [name for name in STEPS if name not in steps]
    wrong = [name for name, step in steps.items() if step.get("is_good") is False]
    if missing:
        last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "it said nothing")
        advice = "Install the pinned packages in a fresh environment: pip install -c constraints.txt . in the clone."
        if (missing[0] == "import" and "SIGILL" in ending + errors) or "signal 4" in ending:
            advice = "This processor lacks instructions that TensorFlow uses (AVX). Use another machine."
        yield Finding("self-test", "fault", f"failed at {missing[0]}: {ending}; {one_line(ValueError(last))}", advice)
    elif wrong:
        found = ", ".join(f"{name}: {dict(steps[name])}" for name in wrong)
        yield Finding("self-test", "fault", found, "The installation computes wrongly. Install the pinned packages afresh.")
    else:
        seconds = sum(step["seconds"] for step in steps.values())
        accuracy = steps["train"]["accuracy"]
        yield Finding(
            "self-test", "fine", f"trained, kept, read back and asked in {seconds:.0f} s; accuracy {accuracy:.2f} on digits"
        )


def _judge_import(step: Mapping[str, Any]) -> Iterator[Finding]:
    gpus, there = step["gpus"], _nvidia_gpus()
    if gpus:
        yield Finding("gpus", "fine", ", ".join(gpus))
    elif there:
        yield Finding("gpus", "fault", f"{len(there)} that TensorFlow does not see: {there[0]}", "pip install 'zoo[gpu]'")
    else:
        yield Finding("gpus", "optional", "none", "Everything works on the CPU.")


def _nvidia_gpus() -> Sequence[str]:
    try:
        told = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in told.stdout.splitlines() if line.startswith("GPU ")]
