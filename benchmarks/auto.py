"""Compare automatic precision, batch size and learning rate with float32, 32 and 0.001 at equal wall time, all with Adam.

`python benchmarks/auto.py [MODEL@DATA ...]` runs the named recipes, or all of them, with three seeds each. Both sides use the
recipe's model, data, schedule and regularisation, and Adam. The time of the probes and of training with the chosen settings,
over half of the recipe's epochs, is the time budget of the other side, which takes as many steps as fit. That number is
found by training again with more or fewer steps until it takes 0.95 to 1.08 times as long (at most three times).
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import tempfile
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from rows import add_row, recipe_and_data

import zoo
from zoo import registry

SEEDS = (0, 1, 2)
BUDGET_S = 20.0
AUTO = {"precision": "auto", "batch_size": "auto", "learning_rate": "auto", "auto_seconds": BUDGET_S}
PLAIN = {"precision": "float32", "batch_size": 32, "learning_rate": 1e-3}


def main(names: list[str]) -> None:
    """Train both ways, alternating, and add the rows."""
    recipes = [name for data in registry.list_datasets() for name in registry.info(data).recipes]
    for pair in names or [name for name in recipes if "/" not in name]:  # variants are the same model
        model, recipe, data = recipe_and_data(pair)
        epochs = math.ceil(recipe["epochs"] / 2)
        common = {**recipe, "epochs": epochs, "optimizer": "adam", "baseline": False}
        score = next(iter(zoo.info(pair).expected))
        plain = {**common, **PLAIN}
        points: dict[int, float] = {}  # steps per epoch of the plain side, and their time in seconds
        found: dict[str, list[dict[str, float]]] = {"auto": [], "plain": []}
        for seed in SEEDS:
            run = train(model, data, {**common, **AUTO}, seed)
            chosen = {name: run.content["auto"][name]["chosen"] for name in ("precision", "batch_size", "learning_rate")}
            probes_s, fit_s = run.content["auto"]["seconds"], run.content["timings"]["fit_s"]
            found["auto"].append({**scores(run, score), "seconds": probes_s + fit_s, "probes_s": probes_s})
            steps, run = train_for(probes_s + fit_s, model, data, plain, seed, points)
            found["plain"].append({**scores(run, score), "seconds": run.content["timings"]["fit_s"]})
            print(pair, chosen, f"{steps} plain steps an epoch", {name: each[-1] for name, each in found.items()}, flush=True)
        for name, each in found.items():
            add_row("auto", f"{pair}, {name}, mean validation {score}", mean(each, "validation"), score, len(SEEDS))
            add_row("auto", f"{pair}, {name}, mean test {score}", mean(each, "test"), score, len(SEEDS))
            add_row("auto", f"{pair}, {name}, mean time", mean(each, "seconds"), "s", len(SEEDS))
        add_row("auto", f"{pair}, auto, mean time of the probes", mean(found["auto"], "probes_s"), "s", len(SEEDS))


def train_for(
    seconds: float, model: str, data: zoo.Splits, settings: dict[str, Any], seed: int, points: dict[int, float]
) -> tuple[int, zoo.Run]:
    """Return a run that took about that many seconds, and its steps per epoch; `points` holds the times of earlier runs."""
    for _ in range(3):
        if len(points) > 1:
            slope, start = np.polyfit(list(points), list(points.values()), 1)
            steps = round((seconds - start) / slope)
        elif points:
            ((steps, took),) = points.items()
            steps = round(steps * seconds / took) + (1 if seconds > took else 0)  # always a new point
        else:
            steps = math.ceil(len(data.targets("train")) / settings["batch_size"])
        steps = max(1, steps)
        run = train(model, data, {**settings, "steps_per_epoch": steps}, seed)
        points[steps] = run.content["timings"]["fit_s"]
        if 0.95 < points[steps] / seconds < 1.08:
            break
    return steps, run


def train(model: str, data: zoo.Splits, settings: dict[str, Any], seed: int) -> zoo.Run:
    """Return a run after removing its directory."""
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.train(model, data=data, config=settings, seed=seed, out=folder, verbose=0)
        _ = run.history  # read it before it is removed
        return run


def scores(run: zoo.Run, score: str) -> dict[str, float]:
    """Return one score on the validation part, after the last epoch, and on the test part."""
    return {"validation": float(run.history[f"val_{score}"][-1]), "test": run.metrics[score]}


def mean(runs: list[dict[str, float]], key: str) -> float:
    """Return the mean of one number over the runs."""
    return statistics.mean(run[key] for run in runs)


if __name__ == "__main__":
    main(sys.argv[1:])
