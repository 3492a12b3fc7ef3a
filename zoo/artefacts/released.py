"""Released models: run directories with a card, listed in an index in the package, in a folder, or at a URL."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import logging
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from zoo.artefacts import files
from zoo.artefacts.download import fetch, is_address, read_url
from zoo.errors import ArtefactError, UnknownNameError, UsageError
from zoo.progress import track_bytes
from zoo.tasks import find_task

logger = logging.getLogger(__name__)
FORMAT = 1
VARIABLE = "ZOO_MODELS"  # folder or URL of the user's own models, which take precedence over zoo's
CACHE_VARIABLE = "ZOO_CACHE"  # folder for models from a URL
INDEX_FILE = "index.json"
CARD_FILE = "card.json"
WORD = "[A-Za-z0-9_-][A-Za-z0-9_.-]*"
NAME = f"^{WORD}@[A-Za-z0-9_.-]+$"
INNER_PATH = f"^{WORD}(/{WORD})*$"  # stays within its folder


class File(BaseModel):
    """Expected size and SHA-256 of a file."""

    model_config = ConfigDict(strict=True, frozen=True)

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


Files = dict[Annotated[str, Field(pattern=INNER_PATH)], File]
Scores = dict[str, FiniteFloat]


class ReleasedModel(BaseModel):
    """The entry of one model in the index."""

    model_config = ConfigDict(strict=True, frozen=True)

    recipe: str
    task: str
    parameters: int
    scores: Scores
    files: Files = Field(min_length=1)

    @property
    def bytes(self) -> int:
        """The total size of the model's files."""
        return sum(file.bytes for file in self.files.values())


class _Index(BaseModel):
    model_config = ConfigDict(strict=True)

    format: Literal[1]
    models: dict[Annotated[str, Field(pattern=NAME)], ReleasedModel]


class _Card(BaseModel):
    """The part of a card that is verified."""

    model_config = ConfigDict(strict=True)

    name: str = ""
    scores: Scores = {}
    files: Files = {}


@dataclass(frozen=True)
class Released:
    """A released model, and the folder or URL that contains it."""

    name: str
    place: str
    model: ReleasedModel

    def directory(self) -> Path:
        """Return the model's folder after checking the SHA-256 of each file; download it first if it is at a URL.

        Raises:
            ArtefactError: a file is missing, has other content, cannot be downloaded, or cannot be stored.
        """
        if not is_address(self.place):
            return _checked(Path(self.place) / self.name, self.model.files, "Copy or install it again.")
        version = hashlib.sha256(json.dumps(self.model.model_dump(), sort_keys=True).encode()).hexdigest()[:12]
        directory = cache() / f"{self.name}-{version}"
        if not directory.is_dir():
            self._fetch(directory)
        return _checked(directory, self.model.files, f"Remove {directory} to download it again.")

    def _fetch(self, directory: Path) -> None:
        """Download all files, resuming an earlier attempt, and rename the folder when it is complete."""
        partial = directory.with_name(f"{directory.name}.partial")
        try:
            with (
                files.lock(cache() / f"{directory.name}.lock", patience=math.inf),
                track_bytes(f"Downloading {self.name}", self.model.bytes) as advance,
            ):
                if not directory.is_dir():  # another process may have downloaded it
                    for name, file in self.model.files.items():
                        fetch(f"{self.place}/{self.name}/{name}", partial / name, file.bytes, file.sha256, advance)
                    partial.rename(directory)
        except OSError as error:
            raise ArtefactError(
                f"The cache cannot be written: {error.strerror or error}. Received: {cache()}. Free space, or choose another "
                f"directory with {CACHE_VARIABLE}."
            ) from error


def packaged() -> Path | None:
    """Return the folder of zoo's own models: in the package, or next to it in a clone; None if there is none."""
    package = Path(__file__).parents[1]
    folders = (package / "saved_models", package.parent / "saved_models")
    return next((folder for folder in folders if (folder / INDEX_FILE).is_file()), None)


def cache() -> Path:
    """Return the cache folder for models from a URL."""
    own = os.environ.get(CACHE_VARIABLE)
    return Path(own).expanduser() if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoo"


def released_models(pattern: str = "*", *, task: str | None = None) -> dict[str, Released]:
    """Return released models by name, selected as in `list_pretrained`; models in ZOO_MODELS override zoo's own.

    Raises:
        ArtefactError: an index cannot be read or is damaged.
        UnknownNameError: the task does not exist.
    """
    if task is not None:
        find_task(task)
    found: dict[str, Released] = {}
    own = os.environ.get(VARIABLE, "")
    for place in filter(None, (own.rstrip("/") if is_address(own) else os.path.expanduser(own), packaged())):
        for name, model in read_index(str(place)).items():
            found.setdefault(name, Released(name, str(place), model))
    return {
        name: released
        for name, released in found.items()
        if fnmatch.fnmatchcase(name, pattern) and task in (None, released.model.task)
    }


def by_name_and_recipe() -> dict[str, Released]:
    """Return all released models by name, and by recipe unless a model has that name.

    Raises:
        ArtefactError: an index cannot be read or is damaged.
    """
    known = released_models()
    return {**{released.model.recipe: released for released in known.values()}, **known}


def find_released(name: str) -> Released:
    """Return the released model with this name, for example "cnn@mnist", or recipe.

    Raises:
        ArtefactError: an index cannot be read or is damaged.
        UnknownNameError: no released model has this name or recipe.
    """
    known = by_name_and_recipe()
    if name not in known:
        raise UnknownNameError("recipe or released model", name, {released.name for released in known.values()})
    return known[name]


def list_pretrained(pattern: str = "*", *, task: str | None = None) -> list[str]:
    """Return the names of the released models, MODEL@DATA, for `load`, `verify`, `Run.open` and `weights` of `build`.

    Args:
        pattern: shell pattern for the name, for example "*@imdb"; default `"*"`.
        task: list only models for this task; default None.

    Raises:
        ArtefactError: the folder or URL in ZOO_MODELS cannot be read.
        UnknownNameError: the task does not exist.

    Example:
        >>> list_pretrained("cnn@*")
        ['cnn@mnist']
    """
    return sorted(released_models(pattern, task=task))


def directory_of(run: str | os.PathLike[str]) -> Path:
    """Return the directory of a run, from its path or the name of a released model.

    Raises:
        ArtefactError: a released model is damaged or cannot be downloaded.
        UnknownNameError: the value looks like a released model's name, but neither the model nor a path exists.
        UsageError: the value is neither a path nor a name.
    """
    if not isinstance(run, str | os.PathLike):
        raise UsageError(f"A run must be a path or a released model's name. Received: {type(run).__name__}. Pass one of these.")
    path = Path(run)
    if not isinstance(run, str) or not re.match(NAME, run):
        return path
    if not path.exists():
        return find_released(run).directory()
    home = packaged()
    if home and (home / run).is_dir() and not path.samefile(home / run):
        logger.warning(
            "The directory is used, not the released model with the same name. Received: %s. For the released model, pass its "
            "path: %s",
            path.absolute(),
            home / run,
        )
    return path


def read_card(directory: Path) -> dict[str, Any] | None:
    """Return the card of a released model, or None if a directory has none.

    Raises:
        ArtefactError: the card is damaged.
    """
    path = directory / CARD_FILE
    return files.read_json(path) if path.is_file() else None


def check_card(directory: Path, scores: Mapping[str, float]) -> None:
    """Compare a run's files and scores with the card in its directory, if there is one.

    Raises:
        ArtefactError: a file is missing or has other content, the scores differ, or the card is damaged.
    """
    fix = "Copy or download the released model again."
    card = files.validated(_Card, read_card(directory) or {}, "A card", directory, fix)
    _checked(directory, card.files, fix)
    if card.scores and card.scores != scores:
        raise ArtefactError(
            f"A card has different scores than its run. Received: {dict(scores)} in {directory}; accepted: {card.scores}. {fix}"
        )


def _checked(directory: Path, listed: Mapping[str, File], fix: str) -> Path:
    """Return a directory after checking the SHA-256 of its files."""
    for name, file in listed.items():
        files.check_sha256(directory / name, file.sha256, "a released model", fix)
    return directory


def read_index(place: str) -> Mapping[str, ReleasedModel]:
    """Return the models in the index of a folder or a URL.

    Raises:
        ArtefactError: the index cannot be read or is damaged.
    """
    if is_address(place):
        return _index_at(place)
    path = Path(place) / INDEX_FILE
    if not path.is_file():
        raise ArtefactError(
            f"There is no index of released models. Received: {place}, without {INDEX_FILE}. Set {VARIABLE} to a folder, "
            "http://... or https://... with an index, or unset it."
        )
    return _models_of(files.read_json(path), place)


def _models_of(content: Mapping[str, Any], place: str) -> Mapping[str, ReleasedModel]:
    return files.validated(_Index, content, "The index of released models", place, "Restore it.").models


def _index_at(place: str) -> Mapping[str, ReleasedModel]:
    """Return the models at a URL; if its index is not usable, use the stored index, with a warning."""
    stored = cache() / f"index-{hashlib.sha256(place.encode()).hexdigest()[:12]}.json"

    def write(partial: Path) -> None:
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)

    try:
        content = read_url(f"{place}/{INDEX_FILE}")
        models = _models_of(files.parse_json(content, place), place)
        if not stored.is_file() or stored.read_bytes() != content:
            files.write_atomically(stored, write)
    except ArtefactError as error:
        if not stored.is_file():
            raise ArtefactError(f"{error} Fix {VARIABLE} or {CACHE_VARIABLE}, or unset {VARIABLE}.") from error
        logger.warning("%s Using the stored index.", error)
        return _models_of(files.read_json(stored), str(stored))
    return models
