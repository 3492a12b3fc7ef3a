"""Train recipes with their own learning rate and with the finder's suggestion, alternating.

`python benchmarks/learning_rate.py [MODEL@DATA ...]` runs the named recipes, or `cnn`, `lstm` and `transformer` on MNIST and
IMDB, with three seeds each.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from rows import add_row, recipe_and_data

import zoo

SEEDS = (0, 1, 2)
PAIRS = ("cnn@mnist", "lstm@imdb_reviews", "transformer@imdb_reviews")


def main(pairs: list[str]) -> None:
    """Train both ways and add the rows."""
    for pair in pairs or PAIRS:
        model, recipe, data = recipe_and_data(pair)
        suggested = []
        scores: dict[str, list[float]] = {"own rate": [], "suggested rate": []}
        validation: dict[str, list[float]] = {"own rate": [], "suggested rate": []}
        for seed in SEEDS:
            sweep = zoo.find_learning_rate(model, data=data, config=recipe, seed=seed, verbose=0)
            suggested.append(sweep.suggestion)
            for name, rate in (("own rate", recipe["learning_rate"]), ("suggested rate", sweep.suggestion)):
                with tempfile.TemporaryDirectory() as folder:
                    changed = {**recipe, "learning_rate": rate, "baseline": False}
                    run = zoo.train(model, data=data, config=changed, seed=seed, out=folder, verbose=0)
                    scores[name].append(run.metrics["accuracy"])
                    validation[name].append(float(run.history["val_accuracy"][-1]))
            print(pair, suggested, scores, validation, flush=True)
        add_row("learning_rate", f"{pair}, own rate", recipe["learning_rate"], "1", 1)
        add_row("learning_rate", f"{pair}, suggested rate, median", statistics.median(suggested), "1", len(SEEDS))
        for name in scores:
            for part, values in (("validation", validation[name]), ("test", scores[name])):
                add_row(
                    "learning_rate", f"{pair}, {name}, mean {part} accuracy", statistics.mean(values), "accuracy", len(SEEDS)
                )


if __name__ == "__main__":
    main(sys.argv[1:])
