"""Compare one process on two cores, two logical devices, two processes on one core each, and two Ray workers, alternating.

Each trains the recipes of cnn on MNIST, and lstm and transformer on IMDB, for some steps of each epoch. Speed is measured in
the steps after the first epoch, without validation; start-up is the time from the start of the command to the end of the first
step. Then the step time on one core is measured by batch size; docs/design/0005-distribution.md estimates scaling from it.

`python benchmarks/distribution.py [cores]`; `cores` skips the comparison.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from rows import add_row, recipe_and_data, use_shared_data

ROUNDS = 3
EPOCHS, STEPS = 3, 50
PAIRS = ("cnn@mnist", "lstm@imdb_reviews", "transformer@imdb_reviews")
MODES = {
    "one process, 2 cores": "one",
    "2 logical devices": "devices",
    "2 processes, 1 core each": "workers",
    "2 Ray workers": "ray",
}
SHARES = (1, 4, 16)  # divisors of the recipe's batch size


def main() -> None:
    """Measure and add the rows."""
    use_shared_data()
    if "cores" not in sys.argv:
        compare()
    for pair in PAIRS:
        batch_size = settings_of(pair)["batch_size"]
        for share in SHARES:
            found = measure("core", pair, batch_size // share)
            add_row(
                "distribution", f"{pair}, 1 core, batch {batch_size // share}, median step", found["step"], "s", found["steps"]
            )


def compare() -> None:
    """Train in each way, alternating, and add medians and ratios to one process."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for pair in PAIRS:
            for name, mode in MODES.items():
                found.setdefault((pair, name), []).append(measure(mode, pair))
                print(pair, name, found[pair, name][-1], flush=True)
    for pair in PAIRS:
        unit, per_example = ("images/s", 1.0) if pair.startswith("cnn") else ("tokens/s", tokens_per_text(pair))
        for name in MODES:
            runs = found[pair, name]
            one = found[pair, "one process, 2 cores"]
            speed = statistics.median(run["speed"] for run in runs) * per_example
            ratio = statistics.median(run["speed"] / alone["speed"] for run, alone in zip(runs, one, strict=True))
            add_row("distribution", f"{pair}, {name}, median", speed, unit, ROUNDS)
            add_row("distribution", f"{pair}, {name} / one process, median of the rounds' ratios", ratio, "ratio", ROUNDS)
            add_row(
                "distribution", f"{pair}, {name}, median start-up", statistics.median(run["start"] for run in runs), "s", ROUNDS
            )
            add_row("distribution", f"{pair}, {name}, median step", statistics.median(run["step"] for run in runs), "s", ROUNDS)


def measure(mode: str, pair: str, batch_size: int | None = None) -> dict[str, float]:
    """Return examples per second, seconds to the end of the first step, median seconds per step, and the number of steps."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        words = [sys.executable, __file__, "run", mode, pair, str(times), str(batch_size or 0)]
        begun = time.time()
        environments: list[dict[str, str]] = [{}]
        if mode == "workers":
            addresses = ["127.0.0.1:38251", "127.0.0.1:38252"]
            tasks = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in (0, 1)]
            environments = [{"TF_CONFIG": json.dumps(task)} for task in tasks]
        cores = sorted(os.sched_getaffinity(0))
        pinned = {"workers": [[cores[0]], [cores[1]]], "core": [[cores[0]]]}.get(mode, [cores])
        processes = [
            subprocess.Popen(
                words, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                preexec_fn=lambda own=own: os.sched_setaffinity(0, own),
            )
            for environment, own in zip(environments, pinned, strict=True)
        ]  # fmt: skip
        for process in processes:
            _, error = process.communicate()
            if process.returncode:
                raise SystemExit(error.decode()[-3000:])
        noted = json.loads(times.read_text())
    later = noted["epochs"][1:]
    steps = [after - before for epoch in later for before, after in itertools.pairwise(epoch)]
    seconds = sum(epoch[-1] - epoch[0] for epoch in later)
    return {
        "speed": noted["batch_size"] * len(steps) / seconds,
        "start": noted["epochs"][0][0] - begun,
        "step": statistics.median(steps),
        "steps": len(steps),
    }


def settings_of(pair: str) -> dict[str, Any]:
    """Return the recipe's settings."""
    import zoo

    return dict(zoo.info(pair).settings)


def tokens_per_text(pair: str) -> float:
    """Return the mean number of tokens of a training text, after truncation."""
    import numpy as np

    _, _, data = recipe_and_data(pair)
    counts = [np.count_nonzero(ids) for ids, _ in data.train.as_numpy_iterator()]
    return sum(counts) / data.info.num_examples["train"]


def run(mode: str, pair: str, path: str, batch_size: int) -> None:
    """Train in this process, or as one of two, and record the end of each step."""
    import tensorflow as tf

    if mode == "devices":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import zoo

    recipe = settings_of(pair)
    recipe |= {"batch_size": batch_size or recipe["batch_size"], "baseline": False, "data.validation": 0.01}
    model, _, data = pair.partition("@")
    others = {"ray": {"ray": "local", "workers": 2}, "devices": {"strategy": "mirrored"}}.get(mode, {})
    is_chief = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {}).get("index", 0) == 0
    with tempfile.TemporaryDirectory() as folder:
        callback = times_callback(path if is_chief else os.devnull, recipe["batch_size"], ends=mode != "ray")
        zoo.train(
            model, data=data, config=recipe, epochs=EPOCHS, steps_per_epoch=STEPS, out=Path(folder) / "run", verbose=0,
            callbacks=[callback], **others,
        )  # fmt: skip


def times_callback(path: str, batch_size: int, *, ends: bool) -> Any:
    """Return a callback that writes the end time of each batch, and can then exit before the test part is scored.

    The class is defined here, so that Ray sends it by value.
    """
    import keras

    class Times(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.epochs = ([],)[:0]  # checkpoints do not include tuples

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epochs = (*self.epochs, [])

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.epochs[-1].append(time.time())

        def on_train_end(self, logs: Any = None) -> None:
            own = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {}).get("index", 0)
            if own == 0:
                Path(path).write_text(json.dumps({"batch_size": batch_size, "epochs": self.epochs}))
            if ends:
                time.sleep(1)  # so that no worker notices the other's exit
                os._exit(0)

    return Times()


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        main()
