"""A search directory, opened: what is searched, every trial, and the result."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artefacts.files import read_json
from zoo.errors import ArtefactError
from zoo.tuning.spec import SearchSpec

if TYPE_CHECKING:
    from zoo.artefacts.run import Run

FORMAT = 1
SEARCH_FILE, TRIAL_FILE, RESULT_FILE = "search.json", "trial.json", "result.json"


@dataclass(frozen=True)
class Trial:
    """One choice of settings and its scores on the validation part.

    Args:
        name: "0000" for the first trial.
        status: "running", "finished", "failed", "infeasible" if it breaks a constraint, or "stopped" if resuming the search
            would resume it.
        settings: the searched settings, in flat keys.
        objective: the score to optimise, mean of its runs; None until the trial is finished.
        scores: scores on the validation part, means of its runs.
        each: scores of each run, for repeated seeds and folds.
        parameters: number of parameters of the model; None if it was not built.
        latency_ms: time for one example, if there is a constraint on it.
        seconds: duration.
        ended_s: end, in seconds since the search started.
        reason: reason of a failure.
        worker: name of the worker that runs it, or ran it last.
        directory: directory of its runs.
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
        spec: what is searched.
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
            ArtefactError: there is none, it is damaged, or it has a newer format.
        """
        path = Path(directory)
        if not (path / SEARCH_FILE).is_file():
            raise ArtefactError(f"There is no search here: {SEARCH_FILE} is missing. Received: {path}. `zoo.tune` makes one.")
        content = read_json(path / SEARCH_FILE)
        if content.get("format") != FORMAT:
            raise ArtefactError(
                f"This search has another format. Received: format {content.get('format')!r} in {path}; accepted: {FORMAT}. "
                "Install the version of zoo that made it."
            )
        of_spec = {each.name for each in fields(SearchSpec)} - {"factory"}  # which version 0.1 did not write
        if missing := {"status", "seconds", "trials", "minutes", "keep", *of_spec} - set(content):
            raise ArtefactError(
                f"This search is damaged. Received: {path / SEARCH_FILE} without {', '.join(sorted(missing))}. Restore it."
            )
        return cls(path, SearchSpec.read(content), content)

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
        """The finished trials, best first; of equal scores the one with fewer parameters comes first."""
        finished = [trial for trial in self.trials if trial.objective is not None]
        sign = -1 if self.direction == "max" else 1
        return sorted(finished, key=lambda trial: (sign * float(trial.objective or 0), trial.parameters or 0, trial.name))

    @property
    def best_trial(self) -> Trial:
        """The best trial.

        Raises:
            ArtefactError: none has finished.
        """
        best = self.best_trials
        if not best:
            raise ArtefactError(f"No trial has finished. Received: {self.directory}, {self.status}. Resume: zoo tune --resume.")
        return best[0]

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
        if name not in self._ended:
            folder = self.trial_directory(name)
            result = folder / RESULT_FILE
            content = read_json(result if result.is_file() else folder / TRIAL_FILE)
            known = {each.name: content[each.name] for each in fields(Trial) if each.name in content}
            unfinished = "running" if self.status == "running" else "stopped"
            trial = Trial(**{"status": unfinished, **known, "name": name, "directory": folder})
            if trial.status == unfinished:
                return trial
            self._ended[name] = trial
        return self._ended[name]

    def trial_directory(self, name: str) -> Path:
        """Return the directory of a trial's runs."""
        return self.directory / "trials" / name

    def __repr__(self) -> str:
        return f"Search({str(self.directory)!r}, {self.status}, {len(self.trials)} trials)"


def nearest_infeasible(trials: Sequence[Trial]) -> Trial:
    """Return the trial that came nearest to keeping the constraints; latency is measured only where the size is allowed."""
    return min(trials, key=lambda trial: (trial.latency_ms is None, trial.latency_ms or trial.parameters or 0))
