"""Peak memory of training from TFRecords, and from ten times as many.

MNIST's training records are laid out once and ten times as a prepared data set, and `linear` is trained on each for one
epoch, in a process of its own; peak resident memory is the operating system's. Both with the default memory budget (the
small one is then held in memory, the large one streamed) and with none (both streamed); `memory.py 0` measures one budget
alone. Needs MNIST in ZOO_SHARED.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rows import add_row, shared_data

RUNS = 3
TRAIN = """
import os, resource, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import zoo
data = zoo.load_data(sys.argv[1], memory_budget_mb=int(sys.argv[2]))
zoo.build("linear", data=data).fit(data.train, epochs=1, verbose=0, shuffle=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def lay_out(folder: Path, times: int) -> Path:
    """Return a prepared data set that holds MNIST's training records `times` times, in as many shards."""
    source = shared_data() / "tfds" / "mnist" / "3.0.1"
    target = folder / f"mnist_{times}" / "3.0.1"
    target.mkdir(parents=True)
    shutil.copy(source / "features.json", target)
    shutil.copy(source / "mnist-test.tfrecord-00000-of-00001", target)
    info = json.loads((source / "dataset_info.json").read_text())
    train = next(split for split in info["splits"] if split["name"] == "train")
    train["shardLengths"] = train["shardLengths"] * times
    train["numBytes"] = str(int(train["numBytes"]) * times)
    for shard in range(times):
        name = f"mnist-train.tfrecord-{shard:05d}-of-{times:05d}"
        shutil.copy(source / "mnist-train.tfrecord-00000-of-00001", target / name)
    (target / "dataset_info.json").write_text(json.dumps(info))
    return target


def peak_mb(data: Path, budget_mb: int) -> float:
    """Return the peak resident memory of one training process, in MiB."""
    answer = subprocess.run(
        [sys.executable, "-c", TRAIN, str(data), str(budget_mb)],
        capture_output=True, text=True, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )  # fmt: skip
    return float(answer.stdout.strip().splitlines()[-1])


def main(budgets_mb: list[int]) -> None:
    """Measure in turn and add the rows."""
    with tempfile.TemporaryDirectory() as folder:
        once, ten_times = lay_out(Path(folder), 1), lay_out(Path(folder), 10)
        for budget_mb in budgets_mb:
            small, large = [], []
            for _ in range(RUNS):
                small.append(peak_mb(once, budget_mb))
                large.append(peak_mb(ten_times, budget_mb))
            words = f"memory_budget_mb={budget_mb}"
            add_row("memory", f"median peak, 60,000 records, {words}", statistics.median(small), "MiB", RUNS)
            add_row("memory", f"median peak, 600,000 records, {words}", statistics.median(large), "MiB", RUNS)
            ratio = statistics.median(large) / statistics.median(small)
            add_row("memory", f"ten times as large / once, {words}", ratio, "ratio", RUNS)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [256, 0])
