"""Crash-safe versions of keras-tuner's oracles, which choose the settings of each trial."""

from __future__ import annotations

import shutil
import time
from functools import cmp_to_key
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner import oracles

from zoo.artefacts.files import read_json, write_json
from zoo.errors import ArtefactError, one_line
from zoo.tuning.search import ALL_TRIED, RESULT_FILE, Search
from zoo.tuning.space import declare_space

FAILURES = 5  # failed trials in a row that end a search
INFEASIBLE = 50  # trials in a row that violate a constraint and end a search
INITIAL_POINTS = 10  # maximum number of random trials of a Bayesian search
UNLIMITED = 10**9
TIME_OVER = "the time limit was reached"


class ResumableOracle(keras_tuner.Oracle):
    """A mixin that makes keras-tuner's oracles crash-safe.

    It writes files atomically, and `restore` restores exactly the trials that were handed out. keras-tuner's own methods
    would lose a trial, or run a finished one again, if the process was killed between two files. The first trial uses the
    initial settings, so that a search cannot end worse than these. Trials that violate a constraint do not count.
    """

    search: Search
    deadline: float | None = None  # `time.time()` after which no trial starts
    ended_before = 0  # trials of earlier sessions; their failures do not count
    ended_because = ""  # why no more trials start

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the settings of the next trial, or the status STOPPED."""
        because = self.end_reason()
        found: dict[str, Any] = {"status": "STOPPED"} if because else super().populate_space(trial_id)
        if found["status"] == "STOPPED":
            self.ended_because = because or ALL_TRIED
        elif found["status"] == "RUNNING" and not self.trials:
            found["values"].update(self.hyperparameters.values)  # the initial settings
        return found

    def end_reason(self) -> str | None:
        """Return why no more trials start, or None."""
        limit = self.search.content["trials"]
        if limit is not None and self.counted() >= limit:
            return trials_over(limit)
        if self.deadline is not None and time.time() >= self.deadline:
            return TIME_OVER
        ended = [self.search.trial(name).status for name in self.end_order]
        failed = [status for status in ended[self.ended_before :] if status != "infeasible"][-FAILURES:]
        if failed == ["failed"] * FAILURES:
            return f"{FAILURES} trials in a row failed"
        if ended[-INFEASIBLE:] == ["infeasible"] * INFEASIBLE:
            return f"{INFEASIBLE} trials in a row violated a constraint"
        return None

    def counted(self) -> int:
        """Return how many trials have started, without those that violate a constraint."""
        return len(self.trials) - sum(self.search.trial(name).status == "infeasible" for name in self.end_order)

    def finish_trial(self, trial: Any, score: float | None) -> None:
        """Record the end of a trial: its objective, or None if it failed.

        keras-tuner gets no other scores: to infer their directions it would create Keras metrics, which occupy GPU memory.
        """
        if score is not None:
            self.update_trial(trial.trial_id, {self.search.objective: score})
        trial.status = "FAILED" if score is None else "COMPLETED"
        self.end_trial(trial)

    def save(self) -> None:
        """Write the state."""
        write_json(self._state_file, self.get_state())

    def _save_trial(self, trial: Any) -> None:
        write_json(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def restore(self) -> None:
        """Restore the state if there is one; unfinished trials will be handed out again.

        Raises:
            ArtefactError: the state is damaged.
        """
        if not self._state_file.is_file() and not self.search.trials:
            return
        read_json(self._state_file)  # names the file if it is missing or damaged
        try:
            super().reload()
            if missing := {*self.start_order, *self._retry_queue} - set(self.trials):
                raise KeyError(f"trial {min(missing)} is missing")
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ArtefactError(
                f"keras-tuner's state of this search is damaged: {type(error).__name__}: {one_line(error)}. Received: "
                f"{self._state_file.parent}. Restore it, or start another search; finished trials remain in "
                f"{self.search.directory / 'trials'}."
            ) from error
        for name in set(self.trials) - set(self.start_order):
            del self.trials[name]  # written, but never handed out
            shutil.rmtree(self._get_trial_dir(name))
        known: dict[str, bool] = dict.fromkeys([*self.end_order, *self._retry_queue], False)
        for name in known:  # keras-tuner may have ended a trial that it would hand out again, and a result may be lost
            has_result = (self.search.trial_directory(name) / RESULT_FILE).is_file()
            known[name] = has_result and self.trials[name].status in ("COMPLETED", "FAILED")
        self.end_order: list[str] = [name for name, has_ended in known.items() if has_ended]
        self._retry_queue: list[str] = [name for name, has_ended in known.items() if not has_ended]
        self.tuner_ids: set[str] = set()
        self.ended_before = len(self.end_order)

    @property
    def _state_file(self) -> Path:
        return Path(self._get_oracle_fname())


class _RandomSearch(ResumableOracle, oracles.RandomSearchOracle):
    pass


class _Bayesian(ResumableOracle, oracles.BayesianOptimizationOracle):
    pass


class _Grid(ResumableOracle, oracles.GridSearchOracle):
    def restore(self) -> None:
        """Restore the state and the position in the grid, which keras-tuner does not store."""
        super().restore()
        values = {name: self.trials[name].hyperparameters.values for name in self.start_order}
        self._populate_next = sorted(values, key=cmp_to_key(lambda one, other: self._compare(values[one], values[other])))
        for name in self._populate_next:
            self._ordered_ids.insert(name)


class _WaitError(Exception):
    """No trial can start before another one ends."""


class _Hyperband(ResumableOracle, oracles.HyperbandOracle):
    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the settings of the next trial, or the status STOPPED, or IDLE if it must wait for another trial."""
        try:
            return super().populate_space(trial_id)
        except _WaitError:
            return {"status": "IDLE"}

    def _increment_bracket_num(self) -> None:
        """Move to the next bracket, unless started brackets still need the remaining trials."""
        limit = self.search.content["trials"]
        needed = sum(
            self._get_size(bracket["bracket_num"], number) - len(places)
            for bracket in self._brackets
            for number, places in enumerate(bracket["rounds"])
        )
        if limit is not None and self.ongoing_trials and limit - self.counted() <= needed:
            raise _WaitError
        super()._increment_bracket_num()

    def start_within(self, trials: int) -> None:
        """Start with the longest bracket that this number of trials fills; keras-tuner starts with the longest bracket."""
        while self._current_bracket and trials < sum(
            self._get_size(self._current_bracket, number) for number in range(self._current_bracket + 1)
        ):
            self._current_bracket -= 1
        self._brackets: list[Any] = []
        self._start_new_bracket()

    def end_trial(self, trial: Any) -> None:
        """Record the end of a trial; a failed trial frees its place in the first round."""
        if trial.status == "FAILED":
            for bracket in self._brackets:
                bracket["rounds"][0] = [place for place in bracket["rounds"][0] if place["id"] != trial.trial_id]
        super().end_trial(trial)


def make_oracle(search: Search) -> Any:
    """Return the oracle of a search, with its state restored."""
    spec, trials = search.spec, search.content["trials"]
    hyperparameters = keras_tuner.HyperParameters()
    declare_space(spec.space, spec.defaults, hyperparameters)
    arguments: dict[str, Any] = {
        "objective": keras_tuner.Objective(search.objective, search.direction),
        "hyperparameters": hyperparameters,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": spec.seed + 1,  # keras-tuner treats 0 as no seed
        "max_consecutive_failed_trials": UNLIMITED,  # `end_reason` counts them
    }
    if spec.algorithm == "hyperband":
        oracle = _Hyperband(**arguments, max_epochs=spec.max_epochs, hyperband_iterations=None)
        if trials is not None:
            oracle.start_within(trials)
    elif spec.algorithm == "bayesian":
        # keras-tuner starts with 3 random trials per setting, more than most searches have in total
        points = max(3, min(INITIAL_POINTS, (trials or UNLIMITED) // 3))
        oracle = _Bayesian(**arguments, max_trials=None, num_initial_points=points)
    else:
        oracle = (_Grid if spec.algorithm == "grid" else _RandomSearch)(**arguments, max_trials=None)
    oracle.search = search
    oracle.verbose = 0
    oracle._set_project_dir(str(search.directory), "oracle")
    if search.content["minutes"] is not None:
        oracle.deadline = search.content["session_begun"] + 60 * search.content["minutes"]
    oracle.restore()
    return oracle


def trials_over(limit: int) -> str:
    """Return the reason why no more trials start after this number."""
    return f"the limit of {limit} trials was reached"
