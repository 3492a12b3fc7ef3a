"""Precision, batch size and learning rate by "auto" against Adam, 1e-3, batches of 32, float32, at equal wall time.

`python benchmarks/auto.py [MODEL@DATA ...]` runs those named, or every recipe of a model on a data set, three seeds each. Both
sides have the recipe's model, data, schedule and regularisation, and Adam. The time of the probes and of training with what
they chose, over half of the recipe's epochs, is the time that the other side gets: as many steps as fit into it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from rows import add_row, recipe_and_data

import zoo
from zoo import registry

SEEDS = (0, 1, 2)
BUDGET_S = 20.0
AUTO = {"precision": "auto", "batch_size": "auto", "learning_rate": "auto", "auto_seconds": BUDGET_S}
PLAIN = {"precision": "float32", "batch_size": 32, "learning_rate": 1e-3}


def main(names: list[str]) -> None:
    """Train both ways in turn and add the rows."""
    recipes = [name for data in registry.list_datasets() for name in registry.info(data).recipes]
    for pair in names or [name for name in recipes if "/" not in name]:  # a variant is no other model
        model, recipe, data = recipe_and_data(pair)
        epochs = max(1, recipe["epochs"] // 2)
        common = {**recipe, "epochs": epochs, "optimizer": "adam", "baseline": False}
        score = next(iter(zoo.info(pair).expected))
        seconds_of = plan(model, data, {**common, **PLAIN})
        found: dict[str, list[dict[str, float]]] = {"auto": [], "plain": []}
        for seed in SEEDS:
            run = train(model, data, {**common, **AUTO}, seed)
            chosen = {name: run.content["auto"][name]["chosen"] for name in ("precision", "batch_size", "learning_rate")}
            probes_s, fit_s = run.content["auto"]["seconds"], run.content["timings"]["fit_s"]
            found["auto"].append({**scores(run, score), "seconds": probes_s + fit_s, "probes_s": probes_s})
            start_s, epoch_s, step_s = seconds_of
            steps = max(1, round(((probes_s + fit_s - start_s) / epochs - epoch_s) / step_s))
            run = train(model, data, {**common, **PLAIN, "steps_per_epoch": steps}, seed)
            found["plain"].append({**scores(run, score), "seconds": run.content["timings"]["fit_s"]})
            print(pair, chosen, f"{steps} plain steps an epoch", {name: each[-1] for name, each in found.items()}, flush=True)
        for name, each in found.items():
            add_row("auto", f"{pair}, {name}, mean validation {score}", mean(each, "validation"), score, len(SEEDS))
            add_row("auto", f"{pair}, {name}, mean test {score}", mean(each, "test"), score, len(SEEDS))
            add_row("auto", f"{pair}, {name}, mean time", mean(each, "seconds"), "s", len(SEEDS))
        add_row("auto", f"{pair}, auto, mean time of the probes", mean(found["auto"], "probes_s"), "s", len(SEEDS))


def plan(model: str, data: zoo.Splits, settings: dict[str, Any]) -> tuple[float, float, float]:
    """Return the seconds that training takes to begin, for each epoch beside its steps, and for each step."""
    short, long = 20, 80
    timings = [
        train(model, data, {**settings, "epochs": 3, "steps_per_epoch": steps}, 0).content["timings"] for steps in (short, long)
    ]
    step_s = max((timings[1]["epoch_s"] - timings[0]["epoch_s"]) / (long - short), 1e-4)
    return timings[1]["fit_s"] - 3 * timings[1]["epoch_s"], max(timings[1]["epoch_s"] - long * step_s, 0.0), step_s


def train(model: str, data: zoo.Splits, settings: dict[str, Any], seed: int) -> zoo.Run:
    """Return a run whose directory is gone."""
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.train(model, data=data, config=settings, seed=seed, out=folder, verbose=0)
        _ = run.history  # read while it is there
        return run


def scores(run: zoo.Run, score: str) -> dict[str, float]:
    """Return one score on validation, after the last epoch, and on test."""
    return {"validation": float(run.history[f"val_{score}"][-1]), "test": run.metrics[score]}


def mean(runs: list[dict[str, float]], key: str) -> float:
    """Return the mean of one number over the runs."""
    return statistics.mean(run[key] for run in runs)


if __name__ == "__main__":
    main(sys.argv[1:])
