"""Compare `zoo.tune` with plain keras-tuner on the same space, data and model: trials per hour and memory, alternating.

Each search runs in its own process. The rate covers the search itself. Another row covers the whole command, with imports,
reading the data, the best run and the report. The space does not change the architecture, so all trials cost the same.
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

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import psutil
from rows import add_row

ROUNDS, TRIALS, EPOCHS = 3, 8, 5
MODEL, DATA = "cnn", "mnist_sample"
SPACE = {
    "*": "default",
    "optimizer": ["adam", "adamw"],
    "learning_rate": {"min": 3e-4, "max": 1e-2, "sampling": "log"},
    "label_smoothing": [0.0, 0.1],
    "model.dropout": {"min": 0.0, "max": 0.6, "step": 0.1},
}
MEMORY_TRIALS = 20

PLAIN = """
import json, sys, tempfile, time
import keras_tuner, numpy as np, psutil, zoo

model, data, trials, epochs, space = json.loads(sys.argv[1])
splits = zoo.load_data(data)
parts = [[np.concatenate(each) for each in zip(*part.as_numpy_iterator())] for part in (splits.train, splits.validation)]
(x, y), validation = parts
process, memory = psutil.Process(), []

class Tuner(keras_tuner.RandomSearch):
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        memory.append(process.memory_info().rss / 2**20)

tuner = Tuner(
    zoo.HyperModel(model, space=space), keras_tuner.Objective("val_accuracy", "max"), max_trials=trials, seed=1,
    directory=tempfile.mkdtemp(),
)
begun = time.perf_counter()
tuner.search(x, y, validation_data=tuple(validation), epochs=epochs, batch_size=128, verbose=0)
print(json.dumps({"seconds": time.perf_counter() - begun, "memory": memory, "trials": len(tuner.oracle.trials)}))
"""


def main() -> None:
    """Search, alternating, and add the rows."""
    rates: dict[str, list[float]] = {"keras-tuner": [], "zoo, 1 worker": [], "zoo, 2 workers": []}
    whole: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(ROUNDS):
        for name in rates:
            begun = time.perf_counter()
            seconds, _memory = plain(TRIALS, EPOCHS) if name == "keras-tuner" else ours(TRIALS, EPOCHS, int(name.split()[1]))
            whole[name].append(3600 * TRIALS / (time.perf_counter() - begun))
            rates[name].append(3600 * TRIALS / seconds)
        print({name: round(values[-1]) for name, values in rates.items()}, flush=True)
    what = f"{MODEL}@{DATA}, {EPOCHS} epochs"
    for name, values in rates.items():
        add_row("search", f"{what}, {name}, trials an hour, median", statistics.median(values), "1/h", ROUNDS)
        add_row(
            "search", f"{what}, {name}, whole command, trials an hour, median", statistics.median(whole[name]), "1/h", ROUNDS
        )
    for name, peer in (("zoo, 1 worker", "keras-tuner"), ("zoo, 2 workers", "zoo, 1 worker")):
        ratios = [one / other for one, other in zip(rates[name], rates[peer], strict=True)]
        add_row("search", f"{what}, trials an hour, {name} / {peer}, median", statistics.median(ratios), "ratio", ROUNDS)
    measure_memory()


def measure_memory() -> None:
    """Search with many short trials and add the rows: memory, and a rate that shows the overhead of a trial."""
    for name, (seconds, memory) in (("keras-tuner", plain(MEMORY_TRIALS, 1)), ("zoo", ours(MEMORY_TRIALS, 1, 1))):
        add_row("search", f"{MODEL}@{DATA}, 1 epoch, {name}, trials an hour", 3600 * MEMORY_TRIALS / seconds, "1/h", 1)
        add_row("search", f"{MODEL}@{DATA}, 1 epoch, {name}, memory after 2 trials", memory[1], "MiB", 1)
        add_row("search", f"{MODEL}@{DATA}, 1 epoch, {name}, memory after {len(memory)} trials", memory[-1], "MiB", 1)


def plain(trials: int, epochs: int) -> tuple[float, list[float]]:
    """Search with plain keras-tuner; return seconds, and MiB after each trial."""
    job = json.dumps([MODEL, DATA, trials, epochs, SPACE])
    answer = subprocess.run([sys.executable, "-c", PLAIN, job], capture_output=True, text=True, check=True)
    found = json.loads(answer.stdout.splitlines()[-1])
    if found["trials"] != trials:
        raise SystemExit(f"keras-tuner ran {found['trials']} trials")
    return found["seconds"], found["memory"]


def ours(trials: int, epochs: int, workers: int) -> tuple[float, list[float]]:
    """Search with `zoo tune`; return seconds, and MiB of the searching process after each trial."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "search"
        space = [word for key, value in SPACE.items() for word in ("--space", f"{key}={json.dumps(value)}")]
        process = psutil.Popen(
            [
                sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())", "tune", MODEL,
                "--data", DATA, "--trials", str(trials), "--workers", str(workers), "--out", str(out), "--quiet",
                "--set", f"epochs={epochs}", "--set", "batch_size=128", *space,
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        memory: list[float] = []
        while process.poll() is None:
            ended = len([*out.glob("trials/*/result.json")])
            memory += [process.memory_info().rss / 2**20] * (ended - len(memory))
            time.sleep(0.1)
        if process.returncode:
            raise SystemExit(f"zoo tune ended with {process.returncode}")
        results = [json.loads(path.read_text()) for path in out.glob("trials/*/result.json")]
        if [result["status"] for result in results] != ["finished"] * trials:
            raise SystemExit("a trial did not finish")
        return max(result["ended_s"] for result in results), memory


if __name__ == "__main__":
    main()
