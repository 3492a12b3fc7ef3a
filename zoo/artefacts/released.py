"""Released models: run directories with a card, listed by an index in the package, in a folder, or at a URL."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from zoo.artefacts import files
from zoo.artefacts.download import fetch, is_address, read_url
from zoo.errors import ArtefactError, UnknownNameError, UsageError, one_line
from zoo.progress import track_bytes
from zoo.tasks import find_task

logger = logging.getLogger(__name__)
FORMAT = 1
VARIABLE = "ZOO_MODELS"  # folder or URL with the user's own models, which take precedence over zoo's
CACHE_VARIABLE = "ZOO_CACHE"  # cache of models from a URL
INDEX_FILE = "index.json"
CARD_FILE = "card.json"
LOCK_PATIENCE = 3600.0  # seconds to wait while another process fetches the same model


def _inner_path(path: str) -> str:
    """Return a path, checked to stay within its folder."""
    if not re.fullmatch(r"[A-Za-z0-9_-][\w.-]*(/[A-Za-z0-9_-][\w.-]*)*", path, re.ASCII):
        raise ValueError("not a plain path of letters, digits, '_', '-', '.' within the folder")
    return path


def _name(name: str) -> str:
    """Return a name of the form MODEL@DATA."""
    if not re.fullmatch(r"[A-Za-z0-9_-][\w.-]*@[\w.-]+", name, re.ASCII):
        raise ValueError("not of the form MODEL@DATA")
    return name


class File(BaseModel):
    """Expected size and SHA-256 of a file."""

    model_config = ConfigDict(strict=True, frozen=True)

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


Files = dict[Annotated[str, AfterValidator(_inner_path)], File]
Scores = dict[str, FiniteFloat]


class ReleasedModel(BaseModel):
    """Entry of the index for one model."""

    model_config = ConfigDict(strict=True, frozen=True)

    recipe: str
    task: str
    parameters: int
    scores: Scores
    files: Files = Field(min_length=1)

    @property
    def bytes(self) -> int:
        """The total size of its files."""
        return sum(file.bytes for file in self.files.values())


class _Index(BaseModel):
    model_config = ConfigDict(strict=True)

    models: dict[Annotated[str, AfterValidator(_name)], ReleasedModel]


class _Card(BaseModel):
    """The part of a card that is verified."""

    model_config = ConfigDict(strict=True)

    name: str = ""
    scores: Scores = {}
    files: Files = {}


@dataclass(frozen=True)
class Released:
    """A released model and its place: below a folder or a URL."""

    name: str
    place: str
    model: ReleasedModel

    def directory(self) -> Path:
        """Return its complete folder, fetched first if it is at a URL, after checking each file's SHA-256.

        Raises:
            ArtefactError: a file is missing, has other content, cannot be fetched, or cannot be stored.
        """
        if not is_address(self.place):
            directory = Path(self.place) / self.name
            _check_files(directory, self.model.files, "Copy or install it again.")
            return directory
        version = hashlib.sha256(json.dumps(self.model.model_dump(), sort_keys=True).encode()).hexdigest()[:12]
        directory = cache() / f"{self.name}-{version}"
        if not directory.is_dir():
            self._fetch(directory)
        _check_files(directory, self.model.files, f"Remove {directory}; it is then fetched again.")
        return directory

    def _fetch(self, directory: Path) -> None:
        """Fetch all files, resuming an earlier attempt, and put them in place together."""
        partial = directory.with_name(f"{directory.name}.partial")
        with _written_cache(), files.lock(cache() / f"{directory.name}.lock", patience=LOCK_PATIENCE) as is_held:
            if not is_held:
                raise ArtefactError(
                    f"Another process has been fetching this model for an hour. Received: {self.name}. Check that process."
                )
            if directory.is_dir():
                return  # the other process has just fetched it
            with track_bytes(f"Fetching {self.name}", self.model.bytes) as advance:
                for name, file in self.model.files.items():
                    fetch(f"{self.place}/{self.name}/{name}", partial / name, file.bytes, file.sha256, advance)
            partial.rename(directory)


def packaged() -> Path | None:
    """Return the folder of zoo's own models: in the package, or next to it in a clone; None if there is none."""
    package = Path(__file__).parents[1]
    folders = (package / "saved_models", package.parent / "saved_models")
    return next((folder for folder in folders if (folder / INDEX_FILE).is_file()), None)


def cache() -> Path:
    """Return the cache folder for models from a URL."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.path.expanduser(os.environ[CACHE_VARIABLE]))
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoo"


@contextmanager
def _written_cache() -> Iterator[None]:
    """Create the cache, and convert errors of writing to it.

    Raises:
        ArtefactError: the cache cannot be created or written.
    """
    try:
        cache().mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ArtefactError(
            f"The cache cannot be written: {error.strerror or error}. Received: {cache()}. Free space, or choose another "
            f"directory with {CACHE_VARIABLE}."
        ) from error


def released_models(pattern: str = "*", *, task: str | None = None) -> dict[str, Released]:
    """Return released models by name, selected as in `list_pretrained`; those in ZOO_MODELS precede zoo's own.

    Raises:
        ArtefactError: an index cannot be read or is damaged.
        UnknownNameError: the task does not exist.
    """
    if task is not None:
        find_task(task)
    found: dict[str, Released] = {}
    for place in filter(None, (_own_place(), packaged())):
        for name, model in read_index(str(place)).items():
            found.setdefault(name, Released(name, str(place), model))
    return {
        name: released
        for name, released in found.items()
        if fnmatch.fnmatchcase(name, pattern) and task in (None, released.model.task)
    }


def _own_place() -> str | None:
    """Return the folder or URL in ZOO_MODELS, if it is set.

    Raises:
        ArtefactError: the value is neither.
    """
    own = os.environ.get(VARIABLE, "")
    if is_address(own):
        return own.rstrip("/")
    if "://" in own:
        raise ArtefactError(
            f"{VARIABLE} names neither a folder nor a URL. Received: {own}; accepted: a folder, http://... or https://... "
            "Fix or unset it."
        )
    return os.path.expanduser(own) or None


def by_name_and_recipe() -> dict[str, Released]:
    """Return all released models by name, and by their recipe if no model has that name.

    Raises:
        ArtefactError: an index cannot be read or is damaged.
    """
    known = released_models()
    return {**{released.model.recipe: released for released in known.values()}, **known}


def find_released(name: str) -> Released:
    """Return the model of this name, for example "cnn@mnist", or of this recipe.

    Raises:
        ArtefactError: an index cannot be read or is damaged.
        UnknownNameError: there is no such model.
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
    """Return the directory of a run, given by path or as the name of a released model.

    Raises:
        ArtefactError: a released model is damaged or cannot be fetched.
        UnknownNameError: the value looks like a released model's name, but neither the model nor a path exists.
        UsageError: the value is neither a path nor a name.
    """
    if not isinstance(run, str | os.PathLike):
        raise UsageError(f"A run must be a path or a released model's name. Received: {type(run).__name__}. Pass one of these.")
    path = Path(run)
    if not isinstance(run, str) or not re.fullmatch(r"[\w-][\w.-]*@[\w.-]+", run):
        return path
    if not path.exists():
        return find_released(run).directory()
    home = packaged()
    if home and (home / run).is_dir() and not path.samefile(home / run):
        logger.warning(
            "This directory is used, not the released model of its name. Received: %s. For the released model, pass its "
            "path: %s",
            path.absolute(),
            home / run,
        )
    return path


def read_card(directory: Path) -> dict[str, Any] | None:
    """Return the card of a released model, or None if a directory has none.

    Raises:
        ArtefactError: it is damaged.
    """
    path = directory / CARD_FILE
    return files.read_json(path) if path.is_file() else None


def check_card(directory: Path, scores: Mapping[str, float]) -> None:
    """Compare a run with the card in its directory, if there is one: the files, and the scores.

    Raises:
        ArtefactError: a file is missing or has other content, the scores differ, or the card is damaged.
    """
    fix = "Copy or fetch the released model again."
    try:
        card = _Card.model_validate(read_card(directory) or {})
    except ValidationError as error:
        raise ArtefactError(f"A card is damaged: {files.first_problem(error)}. Received: {directory}. {fix}") from error
    _check_files(directory, card.files, fix)
    if card.scores and card.scores != scores:
        raise ArtefactError(
            f"A card has different scores than its run. Received: {dict(scores)} in {directory}; accepted: {card.scores}. {fix}"
        )


def _check_files(directory: Path, listed: Mapping[str, File], fix: str) -> None:
    for name, file in listed.items():
        path = directory / name
        if not path.is_file():
            raise ArtefactError(f"A file of a released model is missing. Received: no {path}. {fix}")
        if path.stat().st_size != file.bytes or files.sha256(path) != file.sha256:
            raise ArtefactError(f"A file of a released model has a different SHA-256 than listed. Received: {path}. {fix}")


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
            f"There is no index of released models. Received: {place}, without {INDEX_FILE}. Set {VARIABLE} to a folder or "
            f"URL with an index, or unset it."
        )
    return _models_of(files.read_json(path), place)


def _models_of(content: Mapping[str, Any], place: str) -> Mapping[str, ReleasedModel]:
    files.check_format(content, FORMAT, "index of released models", place)
    try:
        return _Index.model_validate(content).models
    except ValidationError as error:
        raise ArtefactError(
            f"The index of released models is damaged: {files.first_problem(error)}. Received: {place}. Restore it."
        ) from error


def _index_at(place: str) -> Mapping[str, ReleasedModel]:
    """Return the models at a URL; if its index is not usable, use the stored index, with a warning."""
    kept = cache() / f"index-{hashlib.sha256(place.encode()).hexdigest()[:12]}.json"
    try:
        text = read_url(f"{place}/{INDEX_FILE}")
        models = _models_of(_parse(text, place), place)
    except ArtefactError as error:
        with suppress(ArtefactError):
            models = _models_of(files.read_json(kept), place)
            logger.warning("%s The stored index is used.", error)
            return models
        raise ArtefactError(f"{error} Or unset {VARIABLE} to use the models that come with zoo.") from error
    try:
        with _written_cache():
            if not kept.is_file() or kept.read_bytes() != text.encode():
                files.write_text(kept, text)
    except ArtefactError as error:
        logger.warning("%s The index is used, but not stored.", error)
    return models


def _parse(text: str, place: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ArtefactError(f"The index of released models is not JSON: {one_line(error)}. Received: {place}.") from error
    if not isinstance(content, dict):
        raise ArtefactError(f"The index of released models is not a JSON object. Received: {place}. Use the URL of an index.")
    return content
