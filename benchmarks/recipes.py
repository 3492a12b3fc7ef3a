"""Score the recipes on the test parts: three seeds each, ten splits for iris, and their means.

`python benchmarks/recipes.py [MODEL@DATA ...]` runs the named recipes, or all. MNIST, IMDB, SST-2 and
ChnSentiCorp come from ZOO_SHARED.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from rows import add_row, use_shared_data
from sklearn.linear_model import LinearRegression

import zoo
from zoo import registry

SEEDS = (0, 1, 2)
SPLIT_SEEDS = {"iris": range(10)}


def main(names: list[str]) -> None:
    """Run the recipes and add their rows."""
    use_shared_data()
    pairs = [pair for dataset in registry.list_datasets() for pair in registry.info(dataset).recipes]
    for pair in names or pairs:
        model, _, data = pair.partition("@")
        expected = registry.find_recipe(model, data).expected
        scores: dict[str, list[float]] = {name: [] for name in expected}
        seconds = []
        baseline: dict[str, float] = {}
        for split_seed in SPLIT_SEEDS.get(data, (0,)):
            for seed in SEEDS if data not in SPLIT_SEEDS else (split_seed,):
                with tempfile.TemporaryDirectory() as folder:
                    run = zoo.train(
                        model, data=data, out=folder, seed=seed, verbose=0, data_arguments={"split_seed": split_seed},
                        baseline=seed == 0,
                    )  # fmt: skip
                    seconds.append(run.content["timings"]["fit_s"])
                    baseline = run.content.get("baseline", baseline)
                    for name, values in scores.items():
                        values.append(run.metrics[name])
        for name, values in scores.items():
            print(pair, name, [round(value, 4) for value in values], flush=True)
            add_row("recipes", f"{pair}, mean test {name}", statistics.mean(values), name, len(values))
        add_row("recipes", f"{pair}, median time to fit", statistics.median(seconds), "s", len(seconds))
        if baseline:
            add_row("recipes", f"{baseline['name']} on the parts of {pair}, test accuracy", baseline["accuracy"], "accuracy", 1)
        if pair == "linear@diabetes":
            add_row("recipes", "scikit-learn LinearRegression on the same parts, test r2", least_squares_r2(), "r2", 1)


def least_squares_r2() -> float:
    """Return the test R2 of the closed form on the recipe's splits of diabetes."""
    data = zoo.load_data("diabetes", batch_size=1000)
    ((features, targets),) = data.train.as_numpy_iterator()
    ((test_features, test_targets),) = data.test.as_numpy_iterator()
    return float(LinearRegression().fit(features, targets).score(test_features, test_targets))


if __name__ == "__main__":
    main(sys.argv[1:])
