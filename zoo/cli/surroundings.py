"""What `zoo doctor` looks at: versions, machine, folders, released models and optional parts.

Reaching it takes nothing outside the standard library, for each other package may be missing: a look imports what it needs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from zoo.errors import ZooError, one_line

PYTHONS = ((3, 11), (3, 14))  # from, and below
LEAST_DISK, LEAST_MEMORY = 1e9, 2e9  # bytes
KERAS_SETTINGS = {"backend": ["tensorflow"], "floatx": ["float32"], "image_data_format": ["channels_last", "channels_first"]}
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


def python() -> Iterator[Finding]:
    """Look at the version of Python."""
    least, below = PYTHONS
    is_good = least <= sys.version_info[:2] < below
    advice = f"Use Python {least[0]}.{least[1]} to {below[0]}.{below[1] - 1}."
    found = f"{platform.python_version()}, {sys.executable}"
    yield Finding("python", "fine" if is_good else "fault", found, "" if is_good else advice)


def packages() -> Iterator[Finding]:
    """Compare what is installed with what zoo asks for."""
    try:
        asked = [need for need in importlib.metadata.requires("zoo") or [] if "extra ==" not in need]
        yield Finding("zoo", "fine", f"{importlib.metadata.version('zoo')}, {Path(__file__).parents[1]}")
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "zoo", "optional", "not installed, run from its sources", "pip install -c constraints.txt -e . in the clone"
        )
        return
    needs = {re.split(r"[^\w.-]", need, maxsplit=1)[0]: need for need in asked}
    versions = {}
    for name, need in needs.items():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "fault", "not installed", f"pip install '{need}'")
    try:
        from packaging.requirements import Requirement
    except ImportError as error:
        if "packaging" in versions:
            yield Finding("packaging", "fault", one_line(error), "pip install --force-reinstall packaging")
        return
    good = []
    for name, version in versions.items():
        specifier = Requirement(needs[name]).specifier
        if specifier.contains(version, prereleases=True):
            good.append(f"{name} {version}")
        else:
            yield Finding(name, "fault", f"{version}, where {specifier} is asked for", f"pip install '{needs[name]}'")
    shown = [each for each in good if each.split()[0] in ("tensorflow", "keras")]
    yield Finding("packages", "fine", f"{len(good)} of {len(needs)} as asked for: {', '.join(shown)}, ...")


def keras_settings() -> Iterator[Finding]:
    """Look at what Keras computes with, as Keras does: the environment stands before its file."""
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / "keras.json"
    try:
        written = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        written = None
    if not isinstance(written, dict):
        yield Finding("keras.json", "fault", f"{path} is no JSON object", "Mend or remove that file.")
        written = {}
    places = dict.fromkeys(written, str(path))
    if os.environ.get("KERAS_BACKEND"):
        written["backend"], places["backend"] = os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    for name, accepted in KERAS_SETTINGS.items():
        if name in written and written[name] not in accepted:
            advice = f"zoo needs {' or '.join(accepted)}: change it in {places[name]}."
            yield Finding(f"keras {name}", "fault", f"{written[name]}, by {places[name]}", advice)


def machine() -> Iterator[Finding]:
    """Look at cores and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    found = f"{cores} cores, {memory / 1e9:.1f} GB of memory, {platform.machine()}, {platform.system()}"
    if 0 < memory < LEAST_MEMORY:
        yield Finding("machine", "fault", found, "Use a machine with 2 GB of memory or more.")
    else:
        yield Finding("machine", "fine", found)


def runs() -> Iterator[Finding]:
    """Try to write where runs go."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        yield Finding("runs", "fault", "the current folder has been removed", "Go to another one.")
        folder = Path.home()
        os.chdir(folder)  # other looks need a folder to stand in
    yield _written("runs", folder / "runs", "give --out, or go to a folder of yours")


def temporary_files() -> Iterator[Finding]:
    """Try to write where temporary files go."""
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError:  # none of the usual places can be written
        place = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - it is named, not written
    yield _written("temporary files", place, "name another folder in TMPDIR")


def fetched_models() -> Iterator[Finding]:
    """Try to write where fetched models go."""
    from zoo.artefacts.released import cache

    yield _written("fetched models", cache(), "name another folder in ZOO_CACHE")


def _written(name: str, place: Path, mend: str) -> Finding:
    if problem := _cannot_write(place):
        return Finding(name, "fault", f"{place} cannot be written: {problem}", f"Make it writable, or {mend}.")
    free = shutil.disk_usage(_existing(place)).free
    found = f"{place}, {free / 1e9:.1f} GB free"
    if free < LEAST_DISK:
        return Finding(name, "fault", found, f"Free space, or {mend}.")
    return Finding(name, "fine", found)


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


def tensorflow_datasets() -> Iterator[Finding]:
    """Look for zoo's data sets among those of TensorFlow."""
    from zoo import registry

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


def your_files() -> Iterator[Finding]:
    """Look for data sets that the user keeps as files."""
    from zoo.local_data import DEFAULT, VARIABLE

    own = os.environ.get(VARIABLE)
    folder = Path(own or Path.home() / DEFAULT)
    if folder.is_dir():
        names = sorted(path.name for path in folder.iterdir())[:10]
        yield Finding("your files", "fine", f"{folder}: {', '.join(names) or 'empty'}")
    elif own:
        yield Finding(VARIABLE, "fault", f"{folder} is no folder", "Name the folder of your data sets, or unset it.")
    else:
        advice = f"Only sst2 and chnsenticorp want it; {VARIABLE} names another."
        yield Finding("your files", "optional", f"no {folder}", advice)


def released_models() -> Iterator[Finding]:
    """Compare the released models with their SHA-256: those that come with zoo, and those of a folder in ZOO_MODELS."""
    from zoo.artefacts import released

    home = released.packaged()
    try:
        index = released.read_index(str(home)) if home else {}
    except ZooError as error:
        yield Finding("released models", "fault", str(error), "Install zoo again.")
        return
    known = [released.Released(name, str(home), model) for name, model in index.items()]  # ZOO_MODELS may shadow them
    try:
        known += [each for each in released.released_models().values() if each.place != str(home)]
    except ZooError as error:
        yield Finding("released models", "fault", str(error), f"Mend or unset {released.VARIABLE}.")
    damaged = set()
    for each in known:
        try:
            if Path(each.place).is_dir():  # it is no address
                each.directory()
        except ZooError as error:
            damaged.add(each.name)
            advice = "Install zoo again." if each.place == str(home) else f"Restore it, or unset {released.VARIABLE}."
            yield Finding(each.name, "fault", str(error), advice)
    if good := sorted({each.name for each in known} - damaged):
        yield Finding("released models", "fine", ", ".join(good))
    elif not known:
        yield Finding("released models", "fault", "none", "Install zoo again: they come with it.")


def optional_parts() -> Iterator[Finding]:
    """Look for what the extras bring."""
    for extra, (purpose, modules) in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            yield Finding(
                extra, "optional", f"not installed: {', '.join(missing)}", f"For {purpose}: pip install 'zoo[{extra}]'"
            )
        else:
            yield Finding(extra, "fine", purpose)
