"""Measure the peak memory of training from TFRecords or a text file, and from ten times as many examples.

MNIST's training records are stored once and ten times as a prepared data set, and `linear` trains on each for one epoch in its
own process; the operating system reports the peak resident memory. Both run with the default memory budget (the small data set
is then held in memory, the large one streamed) and with none (both streamed). `memory.py 0` measures only that budget;
`memory.py texts` measures only texts: IMDB's 25,000 training reviews as a CSV file, and a file ten times as long, with 200
steps of `lstm/tiny`. Needs MNIST and IMDB in ZOO_SHARED.
"""

from __future__ import annotations

import csv
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
PEAK = """
import pathlib, re
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) / 1024)
"""  # not ru_maxrss, which starts at the peak of the parent process
TRAIN = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import zoo
data = zoo.load_data(sys.argv[1], memory_budget_mb=int(sys.argv[2]))
zoo.build("linear", data=data).fit(data.train, epochs=1, verbose=0, shuffle=False)
"""
TRAIN_TEXTS = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import zoo
data = zoo.load_data(sys.argv[1], memory_budget_mb=int(sys.argv[2]), batch_size=64)
zoo.build("lstm/tiny", data=data).fit(data.train.take(200), epochs=1, verbose=0, shuffle=False)
"""


def write_texts(folder: Path, times: int) -> Path:
    """Return a CSV file with `times` copies of IMDB's training reviews, each copy marked by its number."""
    import tensorflow_datasets as tfds

    reviews = tfds.load("imdb_reviews", split="train", data_dir=str(shared_data() / "tfds"), download=False)
    path = folder / f"imdb_{times}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for copy in range(times):
            for example in reviews.as_numpy_iterator():
                writer.writerow([f"{copy} {example['text'].decode()}", int(example["label"])])
    return path


def lay_out(folder: Path, times: int) -> Path:
    """Return a prepared data set with `times` copies of MNIST's training records, one shard per copy."""
    source = shared_data() / "tfds" / "mnist" / "3.0.1"
    target = folder / f"mnist_{times}" / "3.0.1"
    target.mkdir(parents=True, exist_ok=True)
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


def peak_mb(code: str, data: Path, budget_mb: int) -> float:
    """Return the peak resident memory of one training process, in MiB."""
    answer = subprocess.run(
        [sys.executable, "-c", code + PEAK, str(data), str(budget_mb)],
        capture_output=True, text=True, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )  # fmt: skip
    return float(answer.stdout.strip().splitlines()[-1])


def compare(code: str, once: Path, ten_times: Path, what: str, budget_mb: int) -> None:
    """Measure, alternating, and add the rows."""
    small, large = [], []
    for _ in range(RUNS):
        small.append(peak_mb(code, once, budget_mb))
        large.append(peak_mb(code, ten_times, budget_mb))
    words = f"{what}, memory_budget_mb={budget_mb}"
    add_row("memory", f"median peak, once, {words}", statistics.median(small), "MiB", RUNS)
    add_row("memory", f"median peak, ten times, {words}", statistics.median(large), "MiB", RUNS)
    add_row("memory", f"ten times / once, {words}", statistics.median(large) / statistics.median(small), "ratio", RUNS)


def main(words: list[str]) -> None:
    """Measure the given budgets in MB for records, or "texts"; without arguments, measure everything."""
    with tempfile.TemporaryDirectory() as folder:
        budgets_mb = [int(word) for word in words if word != "texts"]
        for budget_mb in budgets_mb or ([] if words else [256, 0]):
            compare(TRAIN, lay_out(Path(folder), 1), lay_out(Path(folder), 10), "60,000 records", budget_mb)
        if not words or "texts" in words:
            once, ten_times = write_texts(Path(folder), 1), write_texts(Path(folder), 10)
            compare(TRAIN_TEXTS, once, ten_times, "25,000 reviews", 16)


if __name__ == "__main__":
    main(sys.argv[1:])
