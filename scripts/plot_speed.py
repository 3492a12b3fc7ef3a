"""Draw docs/pictures/speed.png: test accuracy against training time, for zoo's recipes and the Keras examples.

The points are rows of `benchmarks/results.csv`: the newest of `benchmarks/headline.py`, and those of `benchmarks/recipes.py`
for earlier, slower recipes of the same models.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "pictures" / "speed.png"
SECONDS = [15, 30, 60, 120, 240, 480]
PANELS = {  # title: names of the recipes, and of the examples
    "MNIST": (["cnn@mnist", "cnn/accurate@mnist"], ["mnist"]),
    "IMDB": (["lstm@imdb_reviews", "transformer@imdb_reviews"], ["lstm", "transformer"]),
}


def main() -> None:
    """Draw both panels."""
    rows = pd.read_csv(ROOT / "benchmarks" / "results.csv")
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, (title, (recipes, examples)) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        axes.margins(0.1)
        for name in recipes:
            model = name.partition("@")[0]
            now = points(rows, name, "headline", "median training")[-1:]
            draw(axes, now, model, marker="o", color="#2f6f4f")
            before = points(rows, name, "recipes", "median time to fit")
            before = before[~before.accuracy.isin(now.accuracy)]  # the same recipe, measured twice
            draw(axes, before, f"{model}, earlier", marker=".", color="#6f9f86")
        for name in examples:
            found = points(rows, f"Keras example {name}", "headline", "median training")[-1:]
            draw(axes, found, f"Keras example {name}", marker="s", color="#a4551e")
        axes.set_title(title)
        axes.set_xlabel("seconds of training, two cores, median of 3 seeds")
        axes.set_ylabel("test accuracy in %, mean of 3 seeds")
        axes.set_xscale("log")
        axes.set_xticks(SECONDS, map(str, SECONDS))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=120)


def draw(axes: Axes, found: pd.DataFrame, label: str, **style: str) -> None:
    """Draw points, each with its label on the side where there is room."""
    axes.plot(found.time, found.accuracy, linestyle="", **style)
    for time, accuracy in zip(found.time, found.accuracy, strict=True):
        left = time > SECONDS[3]
        place = {"xytext": (-7, -3) if left else (7, -3), "ha": "right" if left else "left"}
        axes.annotate(label, (time, accuracy), textcoords="offset points", fontsize=8, **place)


def points(rows: pd.DataFrame, name: str, benchmark: str, time: str) -> pd.DataFrame:
    """Return times in seconds and accuracies in per cent, each pair from one commit."""
    own = rows[rows.benchmark == benchmark]
    found = [
        own[own.measure == f"{name}, {what}"].drop_duplicates("commit", keep="last").set_index("commit").value
        for what in (time, "mean test accuracy")
    ]
    pairs = pd.concat(found, axis=1, keys=["time", "accuracy"], join="inner")
    return pairs.assign(accuracy=100 * pairs.accuracy)


if __name__ == "__main__":
    main()
