"""Estimate scaling from message sizes and measured steps, and print the tables of the design note.

The estimate for a step of n workers is

    fixed + per_example * batch / n  +  messages * 2 (n - 1) * hop  +  bytes on the wire / bandwidth

`fixed` and `per_example` define a line through the step times in results.csv, measured on one core at three batch sizes. `hop`
is half the round-trip time of a one-number message between two processes (also measured here). Dense gradients travel along a
ring, 2 (n - 1) / n of their size; the embedding rows of a batch are gathered, (n - 1) / n of all workers' rows.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from rows import PATH, add_row, recipe_and_data

WORKERS = (1, 2, 4, 8, 16, 32, 64)
GBITS = (1, 10, 100)
PAIRS = ("cnn@mnist", "lstm@imdb_reviews", "transformer@imdb_reviews")
MESSAGES = 3  # per step: gradients, metrics, and the number of examples
GATHERED = 2  # additional messages per embedding: its rows and their indices
GAIN = 1.1  # scaling ends where doubling the workers gains less than this factor


def main() -> None:
    """Estimate and print."""
    hop = hop_seconds()
    add_row("reckon_scaling", "a message of one number between two processes, a hop", hop, "s", 200)
    measured = read_steps()
    for pair in PAIRS:
        batch_size, dense, rows, row_bytes, tables = messages_of(pair)
        sizes = sorted(measured[pair]["core"])
        per_example, fixed = np.polyfit(sizes, [measured[pair]["core"][size] for size in sizes], 1)
        print(f"\n{pair}: {dense / 1e6:.2f} MB dense, {rows * row_bytes / 1e6:.2f} MB of rows, batch {batch_size}; a step on")
        print(f"one core {1000 * fixed:.1f} ms + {1000 * per_example:.3f} ms per example (measured at {sizes})")

        def step(workers: int, gbits: float, batch: float) -> float:
            hops = (MESSAGES + GATHERED * tables) * 2 * (workers - 1) * hop  # noqa: B023 - called in this round only
            ring = 2 * (workers - 1) / workers * dense  # noqa: B023
            gathered = (workers - 1) / workers * rows * row_bytes * batch / batch_size  # noqa: B023
            compute = fixed + per_example * batch / workers  # noqa: B023
            return float(compute + hops + (ring + gathered) * 8 / (gbits * 1e9) if workers > 1 else compute)

        for kind in ("the recipe's batch", "the recipe's batch for each worker"):
            print(f"\n| {kind} | " + " | ".join(map(str, WORKERS)) + " | limit |")
            print("|---|" + "---|" * (len(WORKERS) + 1))
            for gbits in GBITS:
                batches = [batch_size * (workers if "each" in kind else 1) for workers in WORKERS]
                speeds = [batch / step(workers, gbits, batch) for workers, batch in zip(WORKERS, batches, strict=True)]
                gains = [after / before for before, after in itertools.pairwise(speeds)]
                end = next((WORKERS[place] for place, gain in enumerate(gains) if gain < GAIN), f"over {WORKERS[-1]}")
                cells = " | ".join(f"{speed / speeds[0]:.1f}" for speed in speeds)
                print(f"| {gbits} Gbit/s | {cells} | {end} |")
        print(f"\nestimated on one core {1000 * step(1, 1, batch_size):.1f} ms, measured "
              f"{1000 * measured[pair]['core'][batch_size]:.1f}; two workers with a free network "
              f"{1000 * step(2, 1e9, batch_size):.1f} ms, measured {1000 * measured[pair]['two']:.1f}")  # fmt: skip


def read_steps() -> dict[str, dict[str, object]]:
    """Return the newest measured step times in seconds: on one core by batch size, and with two processes."""
    found: dict[str, dict[str, object]] = {pair: {"core": {}} for pair in PAIRS}
    with PATH.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["benchmark"] != "distribution":
                continue
            pair, _, rest = row["measure"].partition(", ")
            if core := re.fullmatch(r"1 core, batch (\d+), median step", rest):
                found[pair]["core"][int(core[1])] = float(row["value"])
            if rest == "2 processes, 1 core each, median step":
                found[pair]["two"] = float(row["value"])
    return found


def messages_of(pair: str) -> tuple[int, int, float, int, int]:
    """Return batch size, bytes of dense gradients, embedding rows per batch, bytes per row, and number of tables."""
    import zoo

    model_name, recipe, data = recipe_and_data(pair)
    arguments = {key.removeprefix("model."): value for key, value in recipe.items() if key.startswith("model.")}
    model = zoo.build(model_name, data=data, **arguments)
    tables = {id(weight) for layer in model.layers for weight in layer.trainable_weights if is_table(layer, weight)}
    dense = sum(4 * int(np.prod(weight.shape)) for weight in model.trainable_weights if id(weight) not in tables)
    widths = [int(weight.shape[-1]) for weight in model.trainable_weights if id(weight) in tables]
    tokens = 0.0
    if widths:
        lengths = [ids.size / len(ids) for ids, _ in data.train.as_numpy_iterator()]
        tokens = statistics.mean(lengths) * recipe["batch_size"]
    row_bytes = 4 * widths[0] + 8 if widths else 0
    return recipe["batch_size"], dense, tokens * len(widths), row_bytes, len(widths)


def is_table(layer: object, weight: object) -> bool:
    """Return whether a weight is an embedding table, of which a batch uses some rows."""
    return "embedding" in type(layer).__name__.lower() and len(weight.shape) == 2 and weight.shape[0] > 1000


def hop_seconds() -> float:
    """Return half the time in which two processes sum one number."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
    tasks = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in (0, 1)]
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, "hop"], env={**os.environ, "TF_CONFIG": json.dumps(task)}, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )
        for task in tasks
    ]  # fmt: skip
    said = [process.communicate()[0] for process in processes]
    return float(said[0].split()[-1])


def print_hop() -> None:
    """Run one of two processes that repeatedly sum one number."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()

    def of_replica(number: tf.Tensor) -> tf.Tensor:
        return tf.distribute.get_replica_context().all_reduce("SUM", number + 1.0)

    summed = tf.function(lambda number: strategy.run(of_replica, args=(number,)))
    number, times = tf.constant(1.0), []
    for _ in range(200):
        begun = time.perf_counter()
        strategy.experimental_local_results(summed(number))[0].numpy()
        times.append(time.perf_counter() - begun)
    print(statistics.median(times) / 2)


if __name__ == "__main__":
    print_hop() if sys.argv[1:] == ["hop"] else main()
