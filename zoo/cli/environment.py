"""The checks of `zoo doctor`: versions, machine, folders, released models and optional packages.

This module imports only the standard library and light parts of zoo, because any other package may be missing.
"""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo import local_data
from zoo.errors import ZooError
from zoo.version import DISTRIBUTION, __version__, install_command

PYTHONS = ((3, 11), (3, 13))  # oldest and newest supported version
LEAST_DISK, LEAST_MEMORY = 1e9, 2e9  # bytes
KERAS_SETTINGS = {"backend": ["tensorflow"], "floatx": ["float32"], "image_data_format": ["channels_last", "channels_first"]}
EXTRAS = {  # the purpose of each extra, and the modules that it installs
    "onnx": ("export to ONNX", ("tf2onnx", "onnxruntime")),
    "ray": ("training and search on a Ray cluster", ("ray",)),
}
FOLDERS = (  # content, environment variable, default in the home directory, and purpose
    ("TensorFlow Datasets", "TFDS_DATA_DIR", "tensorflow_datasets", "Data sets are downloaded to it on first use"),
    ("your files", local_data.VARIABLE, local_data.DEFAULT, "Only sst2 and chnsenticorp need it"),
)
State = Literal["fine", "optional", "fault"]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        name: subject of the check.
        state: "fine"; "optional" if an optional part is missing; "fault" if zoo would fail.
        found: result of the check.
        advice: how to fix the problem; empty if there is none.
    """

    name: str
    state: State
    found: str
    advice: str = ""

    @classmethod
    def judged(cls, name: str, is_good: bool, found: str, advice: str, state: State = "fault") -> Finding:
        """Return a finding: "fine" if `is_good`, otherwise this state with the advice."""
        return cls(name, "fine", found) if is_good else cls(name, state, found, advice)


def python() -> Iterator[Finding]:
    """Check the version of Python."""
    oldest, newest = PYTHONS
    is_good = oldest <= sys.version_info[:2] <= newest
    advice = "Use Python {}.{} to {}.{}.".format(*oldest, *newest)
    yield Finding.judged("python", is_good, f"{platform.python_version()}, {sys.executable}", advice)


def own_files() -> Iterator[Finding]:
    """Check that all files of zoo exist, and that no unrelated distribution installs a package named zoo."""
    advice = f"Uninstall both (pip uninstall zoo {DISTRIBUTION}), then install {DISTRIBUTION} again."
    for other in importlib.metadata.distributions(name="zoo"):
        if other.files is None or any(str(file) == "zoo/__init__.py" for file in other.files):
            found = f"zoo {other.version}, an unrelated distribution, installs a package of the same name"
            yield Finding("unrelated zoo", "fault", found, advice)
    try:
        installed = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return
    # RECORD, since from Python 3.12 on, `files` lists only existing files. Byte code has no checksum, and may be missing.
    rows = csv.reader((installed.read_text("RECORD") or "").splitlines())
    own = [name for name, checksum, _ in rows if name.startswith("zoo/") and checksum]
    if missing := [name for name in own if not Path(str(installed.locate_file(name))).exists()]:
        yield Finding("files of zoo", "fault", f"{len(missing)} of {len(own)} are missing: {missing[0]}", advice)


def packages() -> Iterator[Finding]:
    """Compare the installed packages with what zoo requires."""
    try:
        required = [need for need in importlib.metadata.requires(DISTRIBUTION) or [] if "extra ==" not in need]
    except importlib.metadata.PackageNotFoundError:
        advice = "pip install -c constraints.txt -e . in the clone"
        yield Finding(DISTRIBUTION, "optional", "not installed, run from its sources", advice)
        return
    yield Finding(DISTRIBUTION, "fine", f"{__version__}, {Path(__file__).parents[1]}")
    versions = {}
    for need in required:
        name = re.split(r"[^\w.-]", need, maxsplit=1)[0]
        try:
            versions[need] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "fault", "not installed", f"pip install '{need}'")
    from packaging.requirements import Requirement

    good = {}
    for need, version in versions.items():
        wanted = Requirement(need)
        if wanted.specifier.contains(version, prereleases=True):
            good[wanted.name] = version
        else:
            found = f"{version}, but zoo requires {wanted.specifier}"
            yield Finding(wanted.name, "fault", found, f"pip install '{need}'")
    shown = [f"{name} {good[name]}" for name in ("keras", "tensorflow") if name in good]
    yield Finding("packages", "fine", f"{len(good)} of {len(required)} as required: {', '.join(shown)}, ...")


def keras_settings() -> Iterator[Finding]:
    """Check the settings of Keras in the environment, which takes precedence, and in keras.json."""
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / "keras.json"
    try:
        written = {**json.loads(path.read_text(encoding="utf-8"))} if path.is_file() else {}
    except (TypeError, ValueError):
        yield Finding("keras.json", "fault", f"{path} is not a JSON object", "Fix or remove the file.")
        written = {}
    backend = os.environ.get("KERAS_BACKEND")
    for name, accepted in KERAS_SETTINGS.items():
        is_variable = name == "backend" and backend
        place, value = ("KERAS_BACKEND", backend) if is_variable else (path, written.get(name, accepted[0]))
        if value not in accepted:
            advice = f"zoo needs {' or '.join(accepted)}. Change it in {place}."
            yield Finding(f"keras {name}", "fault", f"{value}, set in {place}", advice)


def machine() -> Iterator[Finding]:
    """Check cores and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else LEAST_MEMORY
    found = f"{cores} cores, {memory / 1e9:.1f} GB of memory, {platform.machine()}, {platform.system()}"
    yield Finding.judged("machine", memory >= LEAST_MEMORY, found, "Use a machine with 2 GB of memory or more.")


def runs() -> Iterator[Finding]:
    """Check that runs can be written."""
    yield _written("runs", lambda: Path.cwd() / "runs", "use --out, or change to a writable folder")


def temporary_files() -> Iterator[Finding]:
    """Check that temporary files can be written."""
    yield _written("temporary files", lambda: Path(tempfile.gettempdir()), "set TMPDIR to another folder")


def downloaded_models() -> Iterator[Finding]:
    """Check that downloaded models can be written."""
    from zoo.artefacts.released import cache

    yield _written("downloaded models", cache, "set ZOO_CACHE to another folder")


def _written(name: str, find: Callable[[], Path], fix: str) -> Finding:
    """Check that a folder is writable, or can be created, and has free space."""
    place: Path | str = "the folder"
    try:
        place = find().absolute()
        existing = next(folder for folder in (place, *place.parents) if folder.exists())
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"0")
    except OSError as error:
        found = f"{place} cannot be written or has been removed: {error.strerror or error}"
        return Finding(name, "fault", found, f"Make it writable, or {fix}.")
    free = shutil.disk_usage(existing).free
    return Finding.judged(name, free >= LEAST_DISK, f"{place}, {free / 1e9:.1f} GB free", f"Free space, or {fix}.")


def data_folders() -> Iterator[Finding]:
    """Look for the folders of TensorFlow Datasets and of the user's own data files."""
    for name, variable, default, need in FOLDERS:
        own = os.environ.get(variable)
        folder = Path(own or Path.home() / default)
        if folder.is_dir():
            names = sorted(path.name for path in folder.iterdir())[:10]
            yield Finding(name, "fine", f"{folder}: {', '.join(names) or 'empty'}")
        elif own:
            yield Finding(
                variable, "fault", f"{folder} is not a folder", "Set it to the folder of your data sets, or unset it."
            )
        else:
            yield Finding(name, "optional", f"no {folder}", f"{need}; {variable} sets another folder.")


def released_models() -> Iterator[Finding]:
    """Check the SHA-256 of zoo's released models, and of those in the folder ZOO_MODELS."""
    from zoo.artefacts import released

    places = {str(released.packaged()): "Reinstall zoo."}
    if own := os.path.expanduser(os.environ.get(released.VARIABLE, "")).rstrip("/"):
        places[own] = f"Restore it, or unset {released.VARIABLE}."
    good, damaged = set(), set()
    for place, advice in places.items():
        try:
            index = released.read_index(place)
        except ZooError as error:
            yield Finding("released models", "fault", str(error), advice)
            continue
        for name, model in index.items():
            try:
                if Path(place).is_dir():  # not a URL
                    released.Released(name, place, model).directory()
                good.add(name)
            except ZooError as error:
                damaged.add(name)
                yield Finding(name, "fault", str(error), advice)
    if good - damaged:
        yield Finding("released models", "fine", ", ".join(sorted(good - damaged)))


def optional_packages() -> Iterator[Finding]:
    """Look for the packages of each extra."""
    for extra, (purpose, modules) in EXTRAS.items():
        missing = ", ".join(name for name in modules if importlib.util.find_spec(name) is None)
        advice = f"For {purpose}: {install_command(extra)}"
        yield Finding.judged(extra, not missing, f"not installed: {missing}" if missing else purpose, advice, "optional")
