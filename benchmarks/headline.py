"""Compare zoo's recipes with the Keras examples on the same data, alternating, each run in its own process.

`python benchmarks/headline.py [mnist | lstm | transformer ...]`. Training time includes tracing and validation; the time of
the whole command also includes imports, reading the data and the test evaluation. The IMDB examples validate on 25,000 reviews
after each epoch, and zoo on 2,500, so the time without validation is compared too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rows import add_row, shared_data

SEEDS = (0, 1, 2)
RECIPES = {  # peer: zoo's models and data
    "mnist": (["cnn", "cnn/accurate"], "mnist"),
    "lstm": (["lstm"], "imdb_reviews"),
    "transformer": (["transformer"], "imdb_reviews"),
}
ENVIRONMENT = {
    **os.environ,
    "TFDS_DATA_DIR": str(shared_data() / "tfds"),
    "ZOO_DATA": str(shared_data() / "text"),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
EXAMPLES = str(Path(__file__).with_name("keras_examples.py"))


def peer(name: str, seed: int) -> dict[str, float]:
    """Run a Keras example."""
    begun = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, EXAMPLES, name, str(seed)], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    whole_s = time.perf_counter() - begun
    found = json.loads(answer.stdout)
    return {**found, "whole_s": whole_s, "trained_s": found["fit_s"] - found["validation_s"]}


def ours(model: str, data: str, seed: int) -> dict[str, float]:
    """Run zoo's command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())", "train", model]
        settings = ["--set", f"seed={seed}", "--set", "baseline=false", "--out", folder, "--quiet", "--json"]
        begun = time.perf_counter()
        answer = subprocess.run(
            [*command, "--data", data, *settings], env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        whole_s = time.perf_counter() - begun
    found = json.loads(answer.stdout)
    return {"fit_s": found["timings"]["fit_s"], "whole_s": whole_s, "accuracy": found["accuracy"]}


def main(names: list[str]) -> None:
    """Run the pairs, alternating, and add their rows."""
    for name in names or RECIPES:
        models, data = RECIPES[name]
        subprocess.run([sys.executable, EXAMPLES, name, "prepare"], env=ENVIRONMENT, check=True)
        theirs, rounds = [], {model: [] for model in models}
        for seed in SEEDS:
            theirs.append(peer(name, seed))
            for model in models:
                rounds[model].append(ours(model, data, seed))
                print(model, rounds[model][-1], "peer", theirs[-1], flush=True)
        example = f"Keras example {name}"
        add_row("headline", f"{example}, mean test accuracy", mean(theirs, "accuracy"), "accuracy", len(SEEDS))
        for key, what in (("fit_s", "training"), ("trained_s", "training without validation"), ("whole_s", "whole command")):
            add_row("headline", f"{example}, median {what}", median(theirs, key), "s", len(SEEDS))
        for model, found in rounds.items():
            recipe = f"{model}@{data}"
            add_row("headline", f"{recipe}, mean test accuracy", mean(found, "accuracy"), "accuracy", len(SEEDS))
            add_row(
                "headline", f"{recipe}, lowest test accuracy", min(one["accuracy"] for one in found), "accuracy", len(SEEDS)
            )
            for key, what in (("fit_s", "training"), ("whole_s", "whole command")):
                add_row("headline", f"{recipe}, median {what}", median(found, key), "s", len(SEEDS))
            for their_key, our_key, what in (
                ("fit_s", "fit_s", "training"),
                ("trained_s", "fit_s", "training, the example's without validation"),
                ("whole_s", "whole_s", "whole command"),
            ):
                ratios = [their[their_key] / our[our_key] for their, our in zip(theirs, found, strict=True)]
                measure = f"{example} / {recipe}, {what}, median of the rounds' ratios"
                add_row("headline", measure, statistics.median(ratios), "ratio", len(SEEDS))


def mean(rounds: list[dict[str, float]], key: str) -> float:
    """Return the mean of one number over the rounds."""
    return statistics.mean(one[key] for one in rounds)


def median(rounds: list[dict[str, float]], key: str) -> float:
    """Return the median of one number over the rounds."""
    return statistics.median(one[key] for one in rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
