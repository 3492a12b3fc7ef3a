"""Measure what people try first: one epoch of the default `cnn`, `zoo predict`, and one prediction of a released model."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time

from rows import add_row, use_shared_data

SEEDS = (0, 1, 2)
CALLS = 5000
NOW, BEFORE = "cnn at its defaults", "cnn at the defaults of zoo 0.1"
QUESTIONS = {
    "cnn@mnist": "docs/pictures/seven.png",
    "lstm@imdb": "one of the best films I have seen in years",
    "transformer@imdb": "one of the best films I have seen in years",
    "transformer@chnsenticorp": "房间很干净",
}


def processor_seconds(*words: str) -> float:
    """Return the processor time of a command in a new process."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = used()
    subprocess.run([sys.executable, "-m", "zoo", *words], check=True, capture_output=True)
    return used() - before


def answers() -> None:
    """Measure the command line."""
    for name, question in QUESTIONS.items():
        processor_seconds("predict", name, question)
        measured = [processor_seconds("predict", name, question) for _ in range(5)]
        add_row("first_contact", f"zoo predict {name}, median processor time", statistics.median(measured), "s", 5)


def one_answer() -> None:
    """Measure one prediction in a running process, next to an export of the same model."""
    import tempfile

    import numpy as np

    import zoo

    image = np.zeros((28, 28), "uint8")
    with tempfile.TemporaryDirectory() as folder:
        exported = zoo.export("cnn@mnist", f"{folder}/out", format="litert", data="mnist_sample")
        predictors = {"released": zoo.load("cnn@mnist"), "export": exported.predictor()}
        seconds: dict[str, list[float]] = {name: [] for name in predictors}
        for _ in range(CALLS):
            for name, predictor in predictors.items():
                begun = time.perf_counter()
                predictor.predict(image)
                seconds[name].append(time.perf_counter() - begun)
    for name, measured in seconds.items():
        add_row("first_contact", f"cnn@mnist, one prediction, median, {name}", 1e6 * statistics.median(measured), "us", CALLS)


def one_epoch() -> None:
    """Measure accuracy and time of one epoch of plain `fit`, on arrays and on `load_data`'s datasets."""
    import keras
    import tensorflow_datasets as tfds

    import zoo
    from zoo import registry

    arguments = {NOW: {}, BEFORE: registry.find_model("cnn")[0].former_defaults}
    (x, y), (x_test, y_test) = (
        tfds.as_numpy(tfds.load("mnist", split=split, batch_size=-1, as_supervised=True, download=False))
        for split in ("train", "test")
    )
    accuracies: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in SEEDS:
        for name, given in arguments.items():
            keras.utils.set_random_seed(seed)
            model = zoo.build("cnn", **given)
            begun = time.perf_counter()  # tf.data's autotuner can delay the end of an epoch by seconds, so the median is used
            model.fit(x, y, verbose=0)
            seconds.setdefault(name, []).append(time.perf_counter() - begun)
            score = model.evaluate(x_test, y_test, batch_size=500, verbose=0, return_dict=True)["accuracy"]
            accuracies.setdefault(f"{name}, fit on arrays", []).append(score)
            keras.utils.set_random_seed(seed)
            data = zoo.load_data("mnist", seed=seed)
            model = zoo.build("cnn", data=data, **given)
            model.fit(data.train, validation_data=data.validation, epochs=1, verbose=0, shuffle=False)
            score = model.evaluate(data.test, verbose=0, return_dict=True)["accuracy"]
            accuracies.setdefault(f"{name}, fit on load_data", []).append(score)
    for name, measured in accuracies.items():
        print(name, [f"{value:.4f}" for value in measured])
        add_row(
            "first_contact", f"{name}, mean test accuracy after one epoch", statistics.mean(measured), "accuracy", len(SEEDS)
        )
    for name, measured in seconds.items():
        add_row("first_contact", f"{name}, median time of one epoch", statistics.median(measured), "s", len(SEEDS))
    ratio = statistics.median(seconds[NOW]) / statistics.median(seconds[BEFORE])
    add_row("first_contact", "time of one epoch, now / before", ratio, "ratio", len(SEEDS))


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    use_shared_data()
    parts = {"answers": answers, "one_answer": one_answer, "one_epoch": one_epoch}
    for part in sys.argv[1:] or parts:
        parts[part]()
