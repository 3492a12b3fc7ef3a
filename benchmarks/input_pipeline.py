"""Measure the overhead of the input pipeline, and compare it with the standard one.

1. Upper limit: `cnn` fitted on one batch in memory, with as many steps per epoch as `load_data("mnist").train`.
2. Peer: the pipeline of the TensorFlow Datasets guide (map, cache, shuffle, batch, prefetch(AUTOTUNE)), five epochs from
   opening the data to the last step; total time, and time of `fit` alone.

Both run alternately in one process; figures are medians and ratios of medians. Needs MNIST in ZOO_SHARED.
"""

from __future__ import annotations

import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
import tensorflow_datasets as tfds
from rows import add_row, shared_data

import zoo

BATCH_SIZE = 128
EPOCHS = 5
RUNS = 3
DATA_DIR = str(shared_data() / "tfds")


def fit_seconds(model, data, steps: int | None = None, epochs: int = 1) -> float:
    """Return the seconds that `fit` takes."""
    begun = time.perf_counter()
    model.fit(data, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
    return time.perf_counter() - begun


def compare_with_ceiling() -> None:
    """Compare one epoch through the pipeline with one epoch on a single batch."""
    data = zoo.load_data("mnist", batch_size=BATCH_SIZE, data_dir=DATA_DIR)
    model = zoo.build("cnn", data=data)
    steps = int(data.train.cardinality())
    batch = next(iter(data.train))
    options = tf.data.Options()
    options.autotune.enabled = False
    ceiling = tf.data.Dataset.from_tensors(batch).repeat(steps).with_options(options)
    fit_seconds(model, data.train)  # traces and warms up
    fit_seconds(model, ceiling)
    ours, theirs = [], []
    for _ in range(2 * RUNS + 1):
        ours.append(fit_seconds(model, data.train))
        theirs.append(fit_seconds(model, ceiling))
    ours_s, ceiling_s = statistics.median(ours), statistics.median(theirs)
    add_row("input_pipeline", "cnn on mnist, median epoch through load_data", ours_s, "s", len(ours))
    add_row("input_pipeline", "cnn on mnist, median epoch on one in-memory batch", ceiling_s, "s", len(ours))
    add_row("input_pipeline", "share of the ceiling that load_data reaches", ceiling_s / ours_s, "ratio", len(ours))


def guide_pipeline():
    """Return MNIST through the pipeline of the TensorFlow Datasets guide for Keras."""
    data, info = tfds.load(
        "mnist", split="train", data_dir=DATA_DIR, download=False, shuffle_files=True, as_supervised=True, with_info=True
    )
    data = data.map(lambda image, label: (tf.cast(image, tf.float32) / 255.0, label), num_parallel_calls=tf.data.AUTOTUNE)
    data = data.cache().shuffle(info.splits["train"].num_examples)
    return data.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)


def our_pipeline():
    """Return MNIST from `load_data`, with as little as possible held out."""
    return zoo.load_data("mnist", batch_size=BATCH_SIZE, data_dir=DATA_DIR).train


def compare_with_guide() -> None:
    """Measure five epochs, including opening the data, in seconds per 1,000 examples, since zoo holds out validation data."""
    examples = {our_pipeline: 54_000, guide_pipeline: 60_000}
    total, fit = {make: [] for make in examples}, {make: [] for make in examples}
    model = zoo.build("cnn")
    fit_seconds(model, our_pipeline().take(50))
    fit_seconds(model, guide_pipeline().take(50))
    for _ in range(RUNS):
        for make, count in examples.items():
            begun = time.perf_counter()
            data = make()
            fit[make].append(fit_seconds(model, data, epochs=EPOCHS) / (count / 1000))
            total[make].append((time.perf_counter() - begun) / (count / 1000))
    for name, seconds in (("fit", fit), ("open and fit", total)):
        ours, guide = statistics.median(seconds[our_pipeline]), statistics.median(seconds[guide_pipeline])
        add_row("input_pipeline", f"{name}, 5 epochs, load_data, median for 1,000 examples", ours, "s", RUNS)
        add_row("input_pipeline", f"{name}, 5 epochs, guide pipeline, median for 1,000 examples", guide, "s", RUNS)
        add_row("input_pipeline", f"{name}, 5 epochs, guide pipeline / load_data", guide / ours, "ratio", RUNS)


if __name__ == "__main__":
    compare_with_ceiling()
    compare_with_guide()
