"""keras-tuner's oracles, which choose the settings of each trial, made safe against a sudden end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cmp_to_key
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner import oracles

from zoo.artefacts.files import read_json, write_json
from zoo.errors import ArtefactError, one_line
from zoo.tuning.search import ALL_TRIED, ENDED_FILE, RESULT_FILE, TIME_OVER, Search, nearest_infeasible, trials_over
from zoo.tuning.space import declare_space

FAILURES = 5  # trials in a row that fail before a search ends
INFEASIBLE = 50  # trials in a row that break a constraint
INITIAL_POINTS = 10  # random trials of a Bayesian search, at most
UNLIMITED = 10**9
TUNERS_OWN = "tuner/"  # keras-tuner's prefix of what Hyperband notes beside the settings


class Kept(keras_tuner.Oracle):
    """What is added to an oracle of keras-tuner: a mixin.

    Its files are written whole or not at all, and `reload` brings back exactly what was handed out: keras-tuner's own would
    lose a trial, or run a finished one again, if the process was killed between two of its files. The first trial has the
    settings that the search begins with, so that no search ends below them. Trials that break a constraint do not count.
    """

    search: Search
    end_order: list[str]  # of keras-tuner
    deadline: float | None = None  # of `time.time()`, after which no trial begins
    ended_before = 0  # trials of earlier sessions, whose failures are forgiven

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the settings of the next trial, or that there is none."""
        because = self.ends_because()
        found: dict[str, Any] = {"status": "STOPPED"} if because else super().populate_space(trial_id)
        if found["status"] == "STOPPED":
            write_json(self.search.directory / ENDED_FILE, {"because": because or ALL_TRIED})
        is_first = not self.trials
        if found["status"] == "RUNNING" and is_first:
            own = {name: value for name, value in found["values"].items() if name.startswith(TUNERS_OWN)}
            found["values"] = {**first_values(self.search), **own}
        return found

    def ends_because(self) -> str | None:
        """Return why no more trials begin, if so."""
        ended = [self.search.trial(name) for name in self.end_order]
        limit = self.search.content["trials"]
        if limit is not None and self.counted() >= limit:
            return trials_over(limit)
        if self.deadline is not None and time.time() >= self.deadline:
            return TIME_OVER
        recent = ended[self.ended_before :]
        feasible = [trial for trial in recent if trial.status != "infeasible"]
        failed = feasible[-FAILURES:]
        if len(failed) == FAILURES and {trial.status for trial in failed} == {"failed"}:
            return f"{FAILURES} trials in a row failed, the last one: {failed[-1].reason}"
        none_fits = all(trial.status == "infeasible" for trial in ended)  # which another start would not change
        bad = (ended if none_fits else recent)[-INFEASIBLE:]
        if len(bad) == INFEASIBLE and {trial.status for trial in bad} == {"infeasible"}:
            return f"{INFEASIBLE} trials in a row break a constraint, the nearest with {nearest_infeasible(bad).reason}"
        return None

    def counted(self) -> int:
        """Return how many trials have begun, without those that break a constraint."""
        return len(self.trials) - sum(self.search.trial(name).status == "infeasible" for name in self.end_order)

    def on_fault(self) -> None:
        """Do what is to be done where the state in memory may no longer be that of the files: here, nothing."""

    def end_trial(self, trial: Any) -> None:
        """Note how a trial ended, once: a worker asks again where it did not hear the answer."""
        if trial.trial_id not in self.end_order:
            with self._safely():
                super().end_trial(trial)

    def create_trial(self, tuner_id: str) -> Any:
        """Return a trial for a worker: the one that it was given, as long as that has not ended."""
        with self._safely():
            return super().create_trial(tuner_id)

    @contextmanager
    def _safely(self) -> Iterator[None]:
        """Tell of an error, which leaves keras-tuner's lock held, and memory and files different."""
        try:
            yield
        except Exception:
            self.on_fault()
            raise

    def save(self) -> None:
        """Write the state."""
        write_json(self._state_file, self.get_state())

    def _save_trial(self, trial: Any) -> None:
        write_json(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def go_on(self, *, workers_live: bool) -> None:
        """Bring back the state, if there is any.

        Args:
            workers_live: whether the workers here still run the trials that they were given; else these wait to be given anew.

        Raises:
            ArtefactError: it is damaged.
        """
        if not workers_live:
            (self.search.directory / ENDED_FILE).unlink(missing_ok=True)
        if not self._state_file.is_file() and not self.search.trials:
            return
        state = self._reloaded()
        for name in set(self.trials) - set(self.start_order):
            del self.trials[name]  # written, but never handed out
            shutil.rmtree(self._get_trial_dir(name))
        given = {worker: self.trials[name] for worker, name in state["ongoing_trials"].items()}
        for trial in given.values():
            if trial.status in ("COMPLETED", "FAILED") and trial.trial_id not in self.end_order:
                self.end_order.append(trial.trial_id)
        waiting = {worker: trial for worker, trial in given.items() if trial.trial_id not in self.end_order}
        lost = [name for name in self.end_order if not (self.search.trial_directory(name) / RESULT_FILE).is_file()]
        self.end_order = [name for name in self.end_order if name not in lost]
        self._retry_queue = [*state["retry_queue"], *lost]
        self.ongoing_trials: dict[str, Any] = {}
        for worker, trial in waiting.items():
            if workers_live or machine_of(worker):
                self.ongoing_trials[worker] = trial
            else:
                self._retry_queue.append(trial.trial_id)
        self.tuner_ids = set(self.ongoing_trials)
        self.ended_before = state["ended_before"] if workers_live else len(self.end_order)

    def _reloaded(self) -> dict[str, Any]:
        """Bring back what keras-tuner wrote, and return the state as it is written."""
        state = read_json(self._state_file)
        try:
            super().reload()
            if missing := {*self.start_order, *state["retry_queue"]} - set(self.trials):
                raise KeyError(f"trial {min(missing)} is missing")
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ArtefactError(
                f"What keras-tuner keeps of this search is damaged: {type(error).__name__}: {one_line(error)}. Received: "
                f"{self._state_file.parent}. Restore it, or begin another search; finished trials stay in "
                f"{self.search.directory / 'trials'}."
            ) from error
        return state

    def get_state(self) -> dict[str, Any]:
        """Return the state, as it is written."""
        return {**super().get_state(), "ended_before": self.ended_before}

    def take_back(self, worker: str) -> None:
        """Let another worker have the trial of one that is gone."""
        trial = self.ongoing_trials.pop(worker, None)
        if trial is not None:
            self._retry_queue.append(trial.trial_id)
        self.tuner_ids.discard(worker)
        self.save()

    @property
    def _state_file(self) -> Path:
        return Path(self._get_oracle_fname())


class _RandomSearch(Kept, oracles.RandomSearchOracle):
    pass


class _Bayesian(Kept, oracles.BayesianOptimizationOracle):
    pass


class _Grid(Kept, oracles.GridSearchOracle):
    def go_on(self, *, workers_live: bool) -> None:
        """Bring back the state, and where in the grid the search is, which keras-tuner does not write."""
        super().go_on(workers_live=workers_live)

        def compare(one: str, other: str) -> int:
            values = [self.trials[name].hyperparameters.values for name in (one, other)]
            return int(self._compare(*values))

        self._populate_next = sorted(self.start_order, key=cmp_to_key(compare))
        for name in self._populate_next:
            self._ordered_ids.insert(name)


class _WaitError(Exception):
    """No trial can begin before another ends."""


class _Hyperband(Kept, oracles.HyperbandOracle):
    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the settings of the next trial, that there is none, or that a worker has to wait for another one's."""
        try:
            return super().populate_space(trial_id)
        except _WaitError:
            return {"status": "IDLE"}

    def _increment_bracket_num(self) -> None:
        """Go to the next bracket, unless it would take the trials that those need which have begun."""
        limit = self.search.content["trials"]
        needed = sum(
            self._get_size(bracket["bracket_num"], number) - len(places)
            for bracket in self._brackets
            for number, places in enumerate(bracket["rounds"])
        )
        if limit is not None and self.ongoing_trials and limit - self.counted() <= needed:
            raise _WaitError
        super()._increment_bracket_num()

    def begin_within(self, trials: int) -> None:
        """Begin with the longest bracket that so many trials fill: keras-tuner begins with the longest of all."""
        sizes = [
            sum(self._get_size(bracket, number) for number in range(bracket + 1))
            for bracket in range(self._current_bracket + 1)
        ]
        self._current_bracket: int = max((bracket for bracket, size in enumerate(sizes) if size <= trials), default=0)
        self._brackets: list[Any] = []
        self._start_new_bracket()

    def end_trial(self, trial: Any) -> None:
        """Note how a trial ended; one that failed gives its place in the first round to another."""
        if trial.status == "FAILED":
            for bracket in self._brackets:
                bracket["rounds"][0] = [place for place in bracket["rounds"][0] if place["id"] != trial.trial_id]
        super().end_trial(trial)


def make_oracle(search: Search) -> Any:
    """Return the oracle of a search, in its directory."""
    content = search.content
    hyperparameters = keras_tuner.HyperParameters()
    declare_space(search.space, hyperparameters)
    arguments: dict[str, Any] = {
        "objective": keras_tuner.Objective(search.objective, content["objective"]["direction"]),
        "hyperparameters": hyperparameters,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": content["seed"] + 1,  # of which keras-tuner takes 0 for none
        "max_consecutive_failed_trials": UNLIMITED,  # which would end the search with the chief's lock held
    }
    algorithm = content["algorithm"]
    if algorithm == "hyperband":
        oracle = _Hyperband(**arguments, max_epochs=content["max_epochs"], hyperband_iterations=None)
        if content["trials"] is not None:
            oracle.begin_within(content["trials"])
    elif algorithm == "bayesian":
        oracle = _Bayesian(**arguments, max_trials=None, num_initial_points=_initial_points(search))
    else:
        oracle = (_Grid if algorithm == "grid" else _RandomSearch)(**arguments, max_trials=None)
    oracle.search = search
    oracle.verbose = 0
    oracle._set_project_dir(str(search.directory), "oracle")
    return oracle


def machine_of(worker: str) -> str:
    """Return the name of the machine of a worker, or an empty string for one beside the chief."""
    return worker.rpartition("-worker-")[0]


def first_values(search: Search) -> dict[str, Any]:
    """Return what keras-tuner calls the values that a search begins with."""
    hyperparameters = keras_tuner.HyperParameters()
    declare_space(search.space, hyperparameters)
    return dict(hyperparameters.values)


def _initial_points(search: Search) -> int:
    """Return how many trials of a Bayesian search are random; keras-tuner's 3 for each setting are more than most have."""
    limit = search.content["trials"] or UNLIMITED
    return max(3, min(INITIAL_POINTS, limit // 3))
