"""Compare `zoo.train`, with checkpoints and logs, with plain `model.fit` on the same pipeline.

Both train the recipe of cnn on MNIST, alternating, on the same Splits; times include tracing and validation.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
from rows import add_row, recipe_and_data

import zoo
from zoo import settings as configuration
from zoo.pipeline.splits import training_stream
from zoo.training.compile import compile_for_training
from zoo.training.construct import construct

ROUNDS = 5
MODEL, DATA = "cnn", "mnist"


def main() -> None:
    """Train both ways, alternating, and add the rows."""
    _, recipe, data = recipe_and_data(f"{MODEL}@{DATA}")
    names = {"model": MODEL, "data": DATA, "task": data.info.task_name}
    settings = configuration.resolve(data.info.task.settings, recipe, names)
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(ROUNDS):
        times["bare"].append(bare(data, settings))
        with tempfile.TemporaryDirectory() as folder:
            run = zoo.train(MODEL, data=data, config=recipe, out=folder, verbose=0)
            times["ours"].append(run.content["timings"]["fit_s"])
        print({name: round(values[-1], 2) for name, values in times.items()}, flush=True)
    pair = f"{MODEL}@{DATA}, {settings.epochs} epochs"
    add_row("overhead", f"{pair}, bare model.fit, median", statistics.median(times["bare"]), "s", ROUNDS)
    add_row("overhead", f"{pair}, zoo.train, median", statistics.median(times["ours"]), "s", ROUNDS)
    ratios = [ours / bare for ours, bare in zip(times["ours"], times["bare"], strict=True)]
    add_row(
        "overhead",
        f"{pair}, zoo.train / bare model.fit, median of the rounds' ratios",
        statistics.median(ratios),
        "ratio",
        ROUNDS,
    )


def bare(data: zoo.Splits, settings: configuration.Settings) -> float:
    """Return the seconds of plain `model.fit`."""
    keras.utils.set_random_seed(settings.seed)
    model, task, width = construct(MODEL, data.info, settings.task, settings.model_arguments)
    compile_for_training(model, task, width, data, settings)
    begun = time.perf_counter()
    model.fit(
        training_stream(data),
        validation_data=data.validation,
        epochs=settings.epochs,
        steps_per_epoch=int(data.train.cardinality()),
        shuffle=False,
        verbose=0,
    )
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
