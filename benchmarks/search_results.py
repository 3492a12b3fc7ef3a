"""Compare the best of 20 random trials with the recipe, and with Bayesian search and Hyperband at equal wall time.

Searches use only the validation part. At the end, the best settings are trained with three seeds, like the recipe, and scored
on the test part. The given folder stores the searches, so that a second call resumes them.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from rows import add_row, use_shared_data

import zoo

TRIALS, SEEDS = 20, (0, 1, 2)
SEARCHES: dict[str, dict[str, Any]] = {
    "cnn@mnist_sample": {"epochs": 10},
    "lstm@sst2": {},
}  # epochs of a trial, if not the recipe's


def main(folder: Path) -> None:
    """Search, retrain the best settings, and add the rows."""
    use_shared_data()
    for pair, settings in SEARCHES.items():
        model, _, data = pair.partition("@")
        best: dict[str, dict[str, Any]] = {"recipe": {}}
        minutes = None
        for algorithm in ("random", "bayesian", "hyperband"):
            out = folder / f"{model}-{data}-{algorithm}"
            limits = {"trials": TRIALS} if minutes is None else {"minutes": minutes}
            search = zoo.tune(model, data=data, algorithm=algorithm, out=out, **limits, **settings)
            finished = [trial for trial in search.trials if trial.objective is not None]
            took = max(trial.ended_s or 0.0 for trial in finished) / 60
            minutes = minutes or took
            top = search.best_trial
            best[algorithm] = {key: value for key, value in top.settings.items() if key != "epochs"}
            add_row("search_results", f"{pair}, {algorithm}, finished trials", len(finished), "trials", 1)
            add_row("search_results", f"{pair}, {algorithm}, minutes until the last one ended", took, "min", 1)
            add_row(
                "search_results",
                f"{pair}, {algorithm}, best validation {search.objective}",
                float(top.objective or 0),
                "accuracy",
                1,
            )
            print(algorithm, top.name, dict(top.settings), flush=True)
        found: dict[str, list[float]] = {}  # two searches may find the same settings
        for name, chosen in best.items():
            settings_then = str(sorted(chosen.items()))
            if settings_then not in found:
                found[settings_then] = [test_score(model, data, chosen, seed) for seed in SEEDS]
            scores = found[settings_then]
            print(pair, name, scores, flush=True)
            add_row("search_results", f"{pair}, {name}, mean test accuracy", statistics.mean(scores), "accuracy", len(SEEDS))
            add_row("search_results", f"{pair}, {name}, least test accuracy", min(scores), "accuracy", len(SEEDS))
            add_row("search_results", f"{pair}, {name}, greatest test accuracy", max(scores), "accuracy", len(SEEDS))


def test_score(model: str, data: str, chosen: dict[str, Any], seed: int) -> float:
    """Return the test accuracy of settings that override the recipe's."""
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.train(model, data=data, config=chosen, seed=seed, baseline=False, out=Path(folder) / "run", verbose=0)
        return run.metrics["accuracy"]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/search_results"))
