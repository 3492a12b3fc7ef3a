"""A search directory: specification, trials and result, and the functions that write them."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from zoo.artefacts.files import lock, new_directory, read_json, validated, write_json
from zoo.errors import ArtefactError, UsageError
from zoo.tuning.spec import Limits, SearchSpec

if TYPE_CHECKING:
    from zoo.artefacts.run import Run

logger = logging.getLogger(__name__)
SEARCH_FILE, TRIAL_FILE, RESULT_FILE = "search.json", "trial.json", "result.json"
DEFAULT_TRIALS, DEFAULT_KEEP = 20, 3
ALL_TRIED = "all settings of the space were tried"  # why a search ended
HEAVY_PARTS = ("model.keras", "checkpoints", "logs", "assets")  # parts of a trial's run that only the best trials keep


class _Format(BaseModel):
    format: Literal[1]


@dataclass(frozen=True)
class Trial:
    """One combination of settings and its scores on the validation part.

    Args:
        name: name; "0000" for the first trial.
        status: "running", "finished", "failed", "infeasible" if it violates a constraint, or "stopped" if resuming the
            search resumes it.
        settings: the searched settings, in flat keys.
        objective: the score to optimise, averaged over the trial's runs; None until the trial is finished.
        scores: scores on the validation part, averaged over the trial's runs.
        each: scores of each run, for repeated seeds and folds.
        parameters: number of parameters of the model; None if it was not built.
        latency_ms: time for one example, if there is a constraint on it.
        seconds: duration.
        ended_s: end, in seconds since the search started.
        reason: why the trial failed or is infeasible.
        worker: name of the worker that runs or last ran the trial.
        directory: directory of the trial's runs.
    """

    name: str
    status: str
    settings: Mapping[str, Any]
    objective: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    each: Sequence[Mapping[str, float]] = ()
    parameters: int | None = None
    latency_ms: float | None = None
    seconds: float | None = None
    ended_s: float | None = None
    reason: str | None = None
    worker: str = ""
    directory: Path = Path()


@dataclass(frozen=True, repr=False)
class Search:
    """A search directory, opened.

    Args:
        directory: the search directory.
        spec: specification of the search.
        content: the content of `search.json` when it was opened: status, limits and times.

    Example:
        >>> import zoo
        >>> search = zoo.tune("linear", data="iris", trials=2, epochs=2, out=directory, verbose=0)  # doctest: +SKIP
        >>> search.best_trial.settings["learning_rate"], search.best_run.metrics["accuracy"]  # doctest: +SKIP
        (0.01, 0.9545)
    """

    directory: Path
    spec: SearchSpec
    content: Mapping[str, Any]
    _ended: dict[str, Trial] = field(default_factory=dict, init=False, compare=False)  # a cache: ended trials do not change

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Search:
        """Open a search directory.

        Raises:
            ArtefactError: the directory contains no search, or a damaged one, or one of a newer format.
        """
        path = Path(directory)
        if not (path / SEARCH_FILE).is_file():
            raise ArtefactError(f"There is no search here: no {SEARCH_FILE}. Received: {path}. Pass a directory of `zoo.tune`.")
        content = read_json(path / SEARCH_FILE)
        where = ("This search", path / SEARCH_FILE, "Restore it.")
        validated(_Format, content, *where)
        return cls(path, validated(SearchSpec, content, *where), content)

    @property
    def status(self) -> str:
        """One of "running", "finished", "interrupted", "failed"."""
        return str(self.content["status"])

    @property
    def objective(self) -> str:
        """Name of the validation score that the search optimises."""
        return str(self.spec.objective["name"])

    @property
    def direction(self) -> str:
        """Direction of the objective: "min" or "max"."""
        return str(self.spec.objective["direction"])

    @property
    def trials(self) -> list[Trial]:
        """All trials that have started, in order."""
        folders = sorted(path.parent for path in (self.directory / "trials").glob(f"*/{TRIAL_FILE}"))
        return [self.trial(folder.name) for folder in folders]

    @property
    def best_trials(self) -> list[Trial]:
        """The finished trials, best first; among equal scores, fewer parameters rank first."""
        finished = [trial for trial in self.trials if trial.objective is not None]
        sign = -1 if self.direction == "max" else 1
        return sorted(finished, key=lambda trial: (sign * float(trial.objective or 0), trial.parameters or 0, trial.name))

    @property
    def best_trial(self) -> Trial:
        """The best trial.

        Raises:
            ArtefactError: no trial has finished.
        """
        if not self.best_trials:
            raise ArtefactError(f"No trial has finished. Received: {self.directory}, {self.status}. Run: zoo tune --resume.")
        return self.best_trials[0]

    @property
    def best_run(self) -> Run:
        """The run of the best trial, with its test scores.

        Raises:
            ArtefactError: the search has not finished.
        """
        from zoo.artefacts.run import Run

        return Run.open(self.directory / "best")

    @property
    def best(self) -> Run:
        """The former name of `best_run`.

        Raises:
            AttributeError: always; the message has the new name.
        """
        raise AttributeError("`Search.best` has a new name. Use `Search.best_run`.")

    def trial(self, name: str) -> Trial:
        """Return the trial of this name.

        Raises:
            ArtefactError: its files are missing or damaged.
        """
        if name in self._ended:
            return self._ended[name]
        folder = self.trial_directory(name)
        has_ended = (folder / RESULT_FILE).is_file()
        content = read_json(folder / (RESULT_FILE if has_ended else TRIAL_FILE))
        known = {each.name: content[each.name] for each in fields(Trial) if each.name in content}
        unfinished = "running" if self.status == "running" else "stopped"
        trial = Trial(**{"status": unfinished, **known, "name": name, "directory": folder})
        if has_ended:
            self._ended[name] = trial
        return trial

    def trial_directory(self, name: str) -> Path:
        """Return the directory of a trial's runs."""
        return self.directory / "trials" / name

    def __repr__(self) -> str:
        return f"Search({str(self.directory)!r}, {self.status}, {len(self.trials)} trials)"


def begin_search(directory: Path, spec: SearchSpec, limits: Limits) -> Search:
    """Start a search in a new directory."""
    given = {"trials": None, "minutes": None, "keep": DEFAULT_KEEP, "retrain": False, **limits.given}
    if spec.algorithm != "grid" and limits.trials is limits.minutes is None:
        given["trials"] = DEFAULT_TRIALS
    content = {"format": 1, "status": "running", "seconds": 0.0, **spec.model_dump(mode="json"), **given}
    with new_directory(directory):
        write_json(directory / SEARCH_FILE, content)
    return Search.open(directory)


def update_search(search: Search, **content: Any) -> Search:
    """Write new content to `search.json`, and return the updated search."""
    write_json(search.directory / SEARCH_FILE, {**search.content, **content})
    return Search.open(search.directory)


@contextmanager
def locked(search: Search) -> Iterator[None]:
    """Lock a search directory for this process, and rename damaged files of trials, so that these trials run again.

    Raises:
        UsageError: another process uses the directory.
        ArtefactError: the directory cannot be written to.
    """
    directory = search.directory
    if not os.access(directory, os.W_OK):
        raise ArtefactError(f"A search directory must be writable. Received: {directory}, which is read-only. Change this.")
    with lock(directory / ".lock", patience=0.0) as is_held:
        if not is_held:
            raise UsageError(f"Another process uses this search directory. Received: {directory}. Wait until it ends.")
        for path in sorted(directory.glob("trials/*/[!.]*.json")):
            try:
                read_json(path)
            except ArtefactError as error:
                if isinstance(error.__cause__, OSError):
                    raise
                path.rename(path.with_name(f"{path.name}.damaged"))
                logger.warning("This file was damaged and has been renamed; its trial resumes without it: %s", path)
        yield


def elapsed(search: Search) -> float:
    """Return how many seconds the search has run, over all sessions."""
    begun = search.content.get("session_begun")
    return float(search.content["seconds"]) + (time.time() - begun if begun is not None else 0.0)


def seconds_before(search: Search) -> float:
    """Return how many seconds earlier sessions ran; a killed session counts up to the end of its last trial."""
    return max([float(search.content["seconds"]), *(trial.ended_s for trial in search.trials if trial.ended_s is not None)])


def keep_best_only(search: Search) -> None:
    """Remove models, checkpoints and logs of all but the best finished trials; keep scores and histories."""
    unsuccessful = [trial for trial in search.trials if trial.status in ("failed", "infeasible")]
    for trial in [*search.best_trials[search.content["keep"] :], *unsuccessful]:
        for part in HEAVY_PARTS:
            for path in trial.directory.glob(f"run-*/{part}"):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
