"""The checks of `zoo doctor`: versions, machine, folders, released models and optional packages.

Importing this needs the standard library only, because any other package may be missing; a check imports what it uses.
"""

from __future__ import annotations

import base64
import hashlib
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
from zoo.version import DISTRIBUTION, __version__, install_command

PYTHONS = ((3, 11), (3, 14))  # the oldest, and the first that is too new
LEAST_DISK, LEAST_MEMORY = 1e9, 2e9  # bytes
KERAS_SETTINGS = {"backend": ["tensorflow"], "floatx": ["float32"], "image_data_format": ["channels_last", "channels_first"]}
EXTRAS = {  # the purpose of each extra, and the modules that it installs
    "onnx": ("export to ONNX", ("tf2onnx", "onnxruntime")),
    "ray": ("training on a Ray cluster", ("ray",)),
}


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        name: what was checked.
        state: "fine"; "optional" if something is missing that not everybody needs; "fault" if zoo would fail.
        found: what the check found.
        advice: how to fix it; empty if all is fine.
    """

    name: str
    state: Literal["fine", "optional", "fault"]
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return plain data, ready for JSON."""
        return asdict(self)


def python() -> Iterator[Finding]:
    """Check the version of Python."""
    least, below = PYTHONS
    is_good = least <= sys.version_info[:2] < below
    advice = f"Use Python {least[0]}.{least[1]} to {below[0]}.{below[1] - 1}."
    found = f"{platform.python_version()}, {sys.executable}"
    yield Finding("python", "fine" if is_good else "fault", found, "" if is_good else advice)


def own_files() -> Iterator[Finding]:
    """Check that the files of zoo are as installed, and that no unrelated distribution installs a package named zoo."""
    advice = f"Uninstall both (pip uninstall zoo {DISTRIBUTION}), then install {DISTRIBUTION} again."
    for other in importlib.metadata.distributions(name="zoo"):
        if any(str(file) == "zoo/__init__.py" for file in other.files or ()):
            found = f"zoo {other.version}, an unrelated distribution, installs a package of the same name"
            yield Finding("unrelated zoo", "fault", found, advice)
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return
    own = [file for file in files if file.parts[0] == "zoo" and "saved_models" not in file.parts]
    if changed := [str(file) for file in own if not _is_as_installed(file)]:
        found = f"{len(changed)} of {len(own)} are missing or changed: {changed[0]}"
        yield Finding("files of zoo", "fault", found, advice)


def _is_as_installed(file: importlib.metadata.PackagePath) -> bool:
    if file.hash is None:  # byte code
        return True
    try:
        digest = hashlib.new(file.hash.mode, file.read_binary()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == file.hash.value


def packages() -> Iterator[Finding]:
    """Compare the installed packages with what zoo requires."""
    try:
        required = [need for need in importlib.metadata.requires(DISTRIBUTION) or [] if "extra ==" not in need]
    except importlib.metadata.PackageNotFoundError:
        advice = "pip install -c constraints.txt -e . in the clone"
        yield Finding(DISTRIBUTION, "optional", "not installed, run from its sources", advice)
        return
    yield Finding(DISTRIBUTION, "fine", f"{__version__}, {Path(__file__).parents[1]}")
    needs = {re.split(r"[^\w.-]", need, maxsplit=1)[0]: need for need in required}
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
            yield Finding(name, "fault", f"{version}, but zoo requires {specifier}", f"pip install '{needs[name]}'")
    shown = [each for each in good if each.split()[0] in ("tensorflow", "keras")]
    yield Finding("packages", "fine", f"{len(good)} of {len(needs)} as required: {', '.join(shown)}, ...")


def keras_settings() -> Iterator[Finding]:
    """Check the settings of Keras, which prefers the environment to its file."""
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / "keras.json"
    try:
        written = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        written = None
    if not isinstance(written, dict):
        yield Finding("keras.json", "fault", f"{path} is not a JSON object", "Fix or remove that file.")
        written = {}
    places = dict.fromkeys(written, str(path))
    if os.environ.get("KERAS_BACKEND"):
        written["backend"], places["backend"] = os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    for name, accepted in KERAS_SETTINGS.items():
        if name in written and written[name] not in accepted:
            advice = f"zoo needs {' or '.join(accepted)}: change it in {places[name]}."
            yield Finding(f"keras {name}", "fault", f"{written[name]}, set in {places[name]}", advice)


def machine() -> Iterator[Finding]:
    """Check cores and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    found = f"{cores} cores, {memory / 1e9:.1f} GB of memory, {platform.machine()}, {platform.system()}"
    if 0 < memory < LEAST_MEMORY:
        yield Finding("machine", "fault", found, "Use a machine with 2 GB of memory or more.")
    else:
        yield Finding("machine", "fine", found)


def runs() -> Iterator[Finding]:
    """Check that runs can be written."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        yield Finding("runs", "fault", "the current folder has been removed", "Change to another folder.")
        folder = Path.home()
        os.chdir(folder)  # the other checks need a current folder
    yield _written("runs", folder / "runs", "use --out, or change to a folder of your own")


def temporary_files() -> Iterator[Finding]:
    """Check that temporary files can be written."""
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError:  # none of the usual places is writable
        place = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - only named in the message
    yield _written("temporary files", place, "set TMPDIR to another folder")


def fetched_models() -> Iterator[Finding]:
    """Check that fetched models can be written."""
    from zoo.artefacts.released import cache

    yield _written("fetched models", cache(), "set ZOO_CACHE to another folder")


def _written(name: str, place: Path, fix: str) -> Finding:
    if problem := _cannot_write(place):
        return Finding(name, "fault", f"{place} cannot be written: {problem}", f"Make it writable, or {fix}.")
    free = shutil.disk_usage(_existing(place)).free
    found = f"{place}, {free / 1e9:.1f} GB free"
    if free < LEAST_DISK:
        return Finding(name, "fault", found, f"Free space, or {fix}.")
    return Finding(name, "fine", found)


def _existing(place: Path) -> Path:
    """Return the nearest folder that exists."""
    return next(each for each in (place.absolute(), *place.absolute().parents) if each.exists())


def _cannot_write(place: Path) -> str:
    """Return why no file can be created in a folder, which need not exist yet; empty if one can."""
    try:
        folder = _existing(place)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def tensorflow_datasets() -> Iterator[Finding]:
    """Look for zoo's data sets in the folder of TensorFlow Datasets."""
    from zoo import registry

    own = os.environ.get("TFDS_DATA_DIR")
    folder = Path(own or Path.home() / "tensorflow_datasets")
    known = [name for name in registry.list_datasets() if (folder / name).is_dir()] if folder.is_dir() else []
    if own and not folder.is_dir():
        yield Finding(
            "TFDS_DATA_DIR", "fault", f"{folder} is not a folder", "Set it to the folder of TensorFlow Datasets, or unset it."
        )
    elif known:
        yield Finding("TensorFlow Datasets", "fine", f"{folder}: {', '.join(known)}")
    else:
        advice = "They are fetched on first use, or set TFDS_DATA_DIR to their folder. Embedded data sets need neither."
        yield Finding("TensorFlow Datasets", "optional", f"{folder}: none of zoo's", advice)


def your_files() -> Iterator[Finding]:
    """Look for the user's own data files."""
    from zoo.local_data import DEFAULT, VARIABLE

    own = os.environ.get(VARIABLE)
    folder = Path(own or Path.home() / DEFAULT)
    if folder.is_dir():
        names = sorted(path.name for path in folder.iterdir())[:10]
        yield Finding("your files", "fine", f"{folder}: {', '.join(names) or 'empty'}")
    elif own:
        yield Finding(VARIABLE, "fault", f"{folder} is not a folder", "Set it to the folder of your data sets, or unset it.")
    else:
        advice = f"Only sst2 and chnsenticorp need it; {VARIABLE} sets another folder."
        yield Finding("your files", "optional", f"no {folder}", advice)


def released_models() -> Iterator[Finding]:
    """Check the SHA-256 of the released models that come with zoo, and of those in the folder ZOO_MODELS."""
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
        yield Finding("released models", "fault", str(error), f"Fix or unset {released.VARIABLE}.")
    damaged = set()
    for each in known:
        try:
            if Path(each.place).is_dir():  # not an address
                each.directory()
        except ZooError as error:
            damaged.add(each.name)
            advice = "Install zoo again." if each.place == str(home) else f"Restore it, or unset {released.VARIABLE}."
            yield Finding(each.name, "fault", str(error), advice)
    if good := sorted({each.name for each in known} - damaged):
        yield Finding("released models", "fine", ", ".join(good))
    elif not known:
        yield Finding("released models", "fault", "none", "Install zoo again; they are part of it.")


def optional_packages() -> Iterator[Finding]:
    """Look for the packages of each extra."""
    for extra, (purpose, modules) in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            found, advice = f"not installed: {', '.join(missing)}", f"For {purpose}: {install_command(extra)}"
            yield Finding(extra, "optional", found, advice)
        else:
            yield Finding(extra, "fine", purpose)
