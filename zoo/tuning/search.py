"""A search directory: what is searched, every trial, and what came of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artefacts.files import lock, read_json, write_json
from zoo.errors import ArtefactError, UsageError
from zoo.tuning.space import Interval, Space, read_range

if TYPE_CHECKING:
    from zoo.artefacts.run import Run

FORMAT = 1
SEARCH_FILE = "search.json"
ENDED_FILE = "ended.json"  # why no more trials begin
SIGNS = "machines"  # folder where each machine but the chief's own writes that it is there
TIME_OVER, ALL_TRIED = "the time is over", "all settings of the space were tried"  # why no more trials begin
TRIAL_FILE, RESULT_FILE = "trial.json", "result.json"
HEAVY_PARTS = ("model.keras", "checkpoints", "logs", "assets")  # of a trial's run, which only the best keep
SHOWS_ONLY = (
    "zoo/cli/", "zoo/tuning/report", "zoo/tuning/table", "zoo/tuning/importance", "zoo/evaluation/report",
    "zoo/evaluation/page", "zoo/evaluation/pictures",
)  # fmt: skip
LIMITS = ("trials", "minutes", "keep")  # which do not make a search another one
OF_THE_SEARCH = ("model", "data", "settings", "space", "algorithm", "objective", "seed", "repeats", "folds", "constraints")


@dataclass(frozen=True)
class Trial:
    """One choice of settings, and what it gave on the validation part.

    Args:
        name: "0000" for the first.
        status: "running", "finished", "failed", "infeasible" where it breaks a constraint, or "stopped" where it would go on if
            the search did.
        settings: the searched ones, in flat keys.
        objective: what the search goes by, the mean of its runs; None until it is finished.
        scores: of the validation part, means of its runs.
        each: scores of each run, where seeds are repeated or folds are taken.
        parameters: of the model; None if it was not built.
        latency_ms: of one example, where there is a constraint on it.
        seconds: that it took.
        ended_s: when it ended, in seconds of the search.
        reason: why it failed.
        worker: that runs it, or ran it.
        directory: of its runs.
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


class Search:
    """A search directory, opened.

    Example:
        >>> import zoo
        >>> best = zoo.tune("linear", data="iris", trials=2, epochs=2, out=directory, verbose=0)  # doctest: +SKIP
        >>> zoo.Search.open(directory).best_trial.settings["learning_rate"]  # doctest: +SKIP
        0.01
    """

    def __init__(self, directory: Path, content: Mapping[str, Any]) -> None:
        self.directory = directory
        self.content = dict(content)
        self._ended: dict[str, Trial] = {}
        self._noticed = 0

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Search:
        """Open a search directory.

        Raises:
            ArtefactError: there is none, it is damaged, or of a newer format.
        """
        path = Path(directory)
        if not (path / SEARCH_FILE).is_file():
            raise ArtefactError(f"There is no search here: {SEARCH_FILE} is missing. Received: {path}. `zoo.tune` makes one.")
        content = read_json(path / SEARCH_FILE)
        if content.get("format") != FORMAT:
            raise ArtefactError(
                f"This search is of another format. Received: format {content.get('format')!r} in {path}; accepted: {FORMAT}. "
                "Install the zoo that it was made with."
            )
        if missing := {"status", "defaults", "seconds", *LIMITS, *OF_THE_SEARCH} - set(content):
            raise ArtefactError(
                f"This search is damaged. Received: {path / SEARCH_FILE} without {', '.join(sorted(missing))}. Restore it."
            )
        return cls(path, content)

    @classmethod
    def begin(cls, directory: Path, content: Mapping[str, Any]) -> Search:
        """Begin a search in a directory."""
        search = cls(directory, {"format": FORMAT, "status": "running", "seconds": 0.0, **content})
        search.update()
        return search

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory for this process.

        Raises:
            UsageError: another one searches there.
            ArtefactError: it cannot be written to.
        """
        if not os.access(self.directory, os.W_OK):
            raise ArtefactError(f"A search that goes on is written to. Received: {self.directory}, which cannot be. Mend that.")
        with lock(self.directory / ".lock", patience=0.0) as is_held:
            if not is_held:
                raise UsageError(
                    f"Another process searches here. Received: {self.directory}. Wait for it, or run trials of it with --join."
                )
            yield

    def update(self, **content: Any) -> None:
        """Add to `search.json`."""
        self.content.update(content)
        write_json(self.directory / SEARCH_FILE, self.content)

    def check_same(self, other: Mapping[str, Any]) -> None:
        """Refuse to go on with a search for something else.

        Args:
            other: what is searched now, as `begin` takes it.

        Raises:
            UsageError: space, data, code or anything else that decides on scores has changed; the message shows the difference.
        """
        then, now = _flat(self.content), _flat(other)
        changed = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
        if changed:
            named = {"fingerprint": "content of the data, as a fingerprint"}
            shown = "; ".join(
                f"{named.get(name, name)}: then {_shown(then.get(name))}, now {_shown(now.get(name))}" for name in changed[:10]
            )
            more = f"; and {len(changed) - 10} more" if len(changed) > 10 else ""
            raise UsageError(
                f"The search in {self.directory} was for something else, and its trials cannot be set beside others. Received: "
                f"{shown}{more}. Put it back, or begin a search in another directory with out= or --out."
            )

    @property
    def status(self) -> str:
        """One of "running", "finished", "interrupted", "failed"."""
        return str(self.content["status"])

    @property
    def objective(self) -> str:
        """The score of the validation part that the search goes by."""
        return str(self.content["objective"]["name"])

    @property
    def is_better_high(self) -> bool:
        """Whether more of the objective is better."""
        return bool(self.content["objective"]["direction"] == "max")

    @property
    def space(self) -> Space:
        """What is searched."""
        defaults = self.content["defaults"]
        return {key: read_range(key, plain, defaults.get(key)) for key, plain in self.content["space"].items()}

    @property
    def varied(self) -> Space:
        """What differs between trials: what is searched, and with Hyperband the epochs."""
        if self.content["algorithm"] != "hyperband":
            return self.space
        return {**self.space, "epochs": Interval(1, self.content["max_epochs"], None, "linear", 1)}

    @property
    def trials(self) -> list[Trial]:
        """All trials that have begun, in their order."""
        folders = sorted(path.parent for path in (self.directory / "trials").glob(f"*/{TRIAL_FILE}"))
        return [self.trial(folder.name) for folder in folders]

    @property
    def best_trials(self) -> list[Trial]:
        """The finished trials, the best first; of equals the one with fewer parameters."""
        finished = [trial for trial in self.trials if trial.objective is not None]
        sign = -1 if self.is_better_high else 1
        return sorted(finished, key=lambda trial: (sign * float(trial.objective or 0), trial.parameters or 0, trial.name))

    @property
    def best_trial(self) -> Trial:
        """The best trial.

        Raises:
            ArtefactError: none has finished.
        """
        best = self.best_trials
        if not best:
            raise ArtefactError(
                f"No trial has finished. Received: {self.directory}, {self.status}. Let it go on: zoo tune --resume."
            )
        return best[0]

    @property
    def best(self) -> Run:
        """The run of the best trial, scored on the test part once.

        Raises:
            ArtefactError: the search has not finished.
        """
        from zoo.artefacts.run import Run

        return Run.open(self.directory / "best")

    @property
    def ended_because(self) -> str:
        """Why no more trials begin; empty where nothing was said."""
        path = self.directory / ENDED_FILE
        return str(read_json(path)["because"]).rstrip(".") if path.is_file() else ""

    def elapsed(self) -> float:
        """Return how long the search has run until now, in seconds, of all sessions together."""
        begun = self.content.get("session_begun")
        return float(self.content["seconds"]) + (time.time() - begun if begun is not None else 0.0)

    def seconds_before(self) -> float:
        """Return how long earlier sessions ran, of which the last may have been killed: then until its last trial ended."""
        return max([float(self.content["seconds"]), *(trial.ended_s for trial in self.trials if trial.ended_s is not None)])

    def trial_directory(self, name: str) -> Path:
        """Return where a trial keeps its runs."""
        return self.directory / "trials" / name

    def notice(self) -> bool:
        """Read what is new, and return whether a trial has ended since this was asked before."""
        ended = sum(trial.name in self._ended for trial in self.trials)
        before, self._noticed = self._noticed, ended
        return ended > before

    def set_damaged_aside(self) -> list[Path]:
        """Rename files of trials that are damaged, so that these trials are run again; return what they were called."""
        damaged = []
        for path in sorted(self.directory.glob("trials/*/[!.]*.json")):
            try:
                read_json(path)
            except ArtefactError as error:
                if isinstance(error.__cause__, OSError):
                    raise
                path.rename(path.with_name(f"{path.name}.damaged"))
                damaged.append(path)
        return damaged

    def keep_best_only(self, count: int) -> None:
        """Remove models, checkpoints and logs of all finished trials but the best ones; scores and histories stay."""
        for trial in [*self.best_trials[count:], *(trial for trial in self.trials if trial.status in ("failed", "infeasible"))]:
            for run in trial.directory.glob("run-*"):
                for part in HEAVY_PARTS:
                    path = run / part
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def trial(self, name: str) -> Trial:
        """Return the trial of this name, which is read once when it has ended.

        Raises:
            ArtefactError: its files are missing or damaged.
        """
        if name not in self._ended:
            folder = self.trial_directory(name)
            result = folder / RESULT_FILE
            content = read_json(result if result.is_file() else folder / TRIAL_FILE)
            known = {key: content[key] for key in Trial.__dataclass_fields__ if key in content}
            unfinished = "running" if self.status == "running" else "stopped"
            trial = Trial(**{"status": unfinished, **known, "name": name, "directory": folder})
            if trial.status == unfinished:
                return trial
            self._ended[name] = trial
        return self._ended[name]

    def __repr__(self) -> str:
        return f"Search({str(self.directory)!r}, {self.status}, {len(self.trials)} trials)"


def nearest_infeasible(trials: Sequence[Trial]) -> Trial:
    """Return the trial that came nearest to keeping the constraints: speed is only looked at where the size is within its."""
    return min(trials, key=lambda trial: (trial.latency_ms is None, trial.latency_ms or trial.parameters or 0))


def trials_over(limit: int) -> str:
    """Return why no more trials begin after so many."""
    return f"{limit} trials"


def code_of(package: Path, *others: Path) -> dict[str, str]:
    """Return a hash of each source file that decides on scores: of zoo without what only shows, and of a plug-in's model."""
    files = {path.relative_to(package.parent).as_posix(): path for path in sorted(package.rglob("*.py"))}
    files = {name: path for name, path in files.items() if not name.startswith(SHOWS_ONLY)}
    files |= {path.name: path for path in others if not path.is_relative_to(package)}
    return {name: hashlib.blake2b(path.read_bytes(), digest_size=6).hexdigest() for name, path in files.items()}


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a search what it is, as single values by name."""
    found: dict[str, Any] = {}
    for name in (*OF_THE_SEARCH, "fingerprint", "code", "versions"):
        value = content.get(name)
        if isinstance(value, Mapping):
            found |= {f"{name} {key}": inner for key, inner in value.items()}
        else:
            found[name] = value
    return found


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
