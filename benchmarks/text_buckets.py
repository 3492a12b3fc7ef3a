"""Measure what batches of similar length save: `lstm` on IMDB with buckets, and with every batch padded to 400 tokens.

Two epochs each, alternating, three seeds; the rows show the time of `fit` and the test accuracy. Needs IMDB in ZOO_SHARED.
"""

from __future__ import annotations

import os
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from rows import add_row, shared_data

import zoo

RUNS = 3


def main() -> None:
    """Train, alternating, and add the rows."""
    data_dir = str(shared_data() / "tfds")
    ways = {"buckets": True, "fixed length 400": False}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    accuracies: dict[str, list[float]] = {way: [] for way in ways}
    for seed in range(RUNS):
        for way, buckets in ways.items():
            reading = {"data_dir": data_dir, "max_length": 400, "buckets": buckets}
            with tempfile.TemporaryDirectory() as folder:
                run = zoo.train(
                    "lstm",
                    data="imdb_reviews",
                    out=folder,
                    seed=seed,
                    epochs=2,
                    baseline=False,
                    verbose=0,
                    data_arguments=reading,
                )
                seconds[way].append(run.content["timings"]["fit_s"])
                accuracies[way].append(run.metrics["accuracy"])
    for way in ways:
        add_row("text_buckets", f"lstm@imdb_reviews, 2 epochs, {way}, median fit", statistics.median(seconds[way]), "s", RUNS)
        add_row("text_buckets", f"lstm@imdb_reviews, 2 epochs, {way}, mean test accuracy", statistics.mean(accuracies[way]),
                "accuracy", RUNS)  # fmt: skip
    ours, fixed = (statistics.median(seconds[way]) for way in ways)
    add_row("text_buckets", "fixed length 400 / buckets, median fit", fixed / ours, "ratio", RUNS)


if __name__ == "__main__":
    main()
