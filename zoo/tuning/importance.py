"""The importance of each searched setting for the objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.tuning.search import Search, Trial
from zoo.tuning.space import Choices, Interval

FEWEST = 10  # finished trials; fewer give no result
TREES, REPEATS = 300, 20


@dataclass(frozen=True)
class Importance:
    """Importance of the settings by a random forest.

    Args:
        shares: share of each setting; they sum to 1. It measures the forest's error when the setting's values are shuffled.
        explained: R2 of the forest on trials that a tree has not seen; at most 1, and 0 or less if nothing is known.
    """

    shares: dict[str, float]
    explained: float


def importance_of(search: Search) -> Importance | None:
    """Return the importance of each setting; None if there are too few trials, or all are equal.

    References:
        Breiman, Random forests, Machine Learning 2001, section 10 (permutation importance).
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    trials = [trial for trial in search.trials if trial.objective is not None]
    targets = np.array([trial.objective for trial in trials])
    space, names = search.spec.varied, list(search.spec.varied)
    if len(trials) < FEWEST or np.ptp(targets) == 0:
        return None
    places = np.array([[place_in(space[name], trial.settings[name]) for name in names] for trial in trials])
    forest = RandomForestRegressor(TREES, min_samples_leaf=2, oob_score=True, random_state=0).fit(places, targets)
    found = permutation_importance(forest, places, targets, n_repeats=REPEATS, random_state=0).importances_mean
    found = np.maximum(found, 0.0)
    total = found.sum() or 1.0
    shares = {name: float(share) for name, share in zip(names, found / total, strict=True)}
    return Importance(dict(sorted(shares.items(), key=lambda item: -item[1])), float(forest.oob_score_))


def place_in(found: Choices | Interval, value: object) -> float:
    """Return the position of a value in its range, in [0, 1]."""
    if isinstance(found, Choices):
        values = list(found.values)
        return values.index(value) / max(len(values) - 1, 1) if value in values else 0.0
    low, high, number = found.low, found.high, float(value)  # type: ignore[arg-type]
    if found.sampling == "log":
        low, high, number = math.log(low), math.log(high), math.log(number)
    return (number - low) / (high - low) if high > low else 0.0


def best_so_far(trials: Sequence[Trial], *, is_better_high: bool) -> list[float]:
    """Return the best objective so far after each trial; all trials have finished."""
    scores = np.array([trial.objective for trial in trials], float)
    return list((np.maximum if is_better_high else np.minimum).accumulate(scores)) if len(scores) else []
