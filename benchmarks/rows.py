"""Rows of `results.csv`, each a measurement with its commit and machine."""

from __future__ import annotations

import csv
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zoo

PATH = Path(__file__).parent / "results.csv"
COLUMNS = ("date", "commit", "benchmark", "measure", "value", "unit", "runs", "machine")


def _commit() -> str:
    """Return the commit, with "-dirty" if sources other than results.csv differ from it."""

    def git(*words: str) -> str:
        answer = subprocess.run(["git", *words], cwd=PATH.parent, capture_output=True, text=True, check=False)
        return answer.stdout.strip()

    changed = git("status", "--porcelain", "--", ":/", ":!results.csv")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("-dirty" if changed else "")


COMMIT = _commit()  # when this process starts


def add_row(benchmark: str, measure: str, value: float, unit: str, runs: int, *, machine: str | None = None) -> None:
    """Append a row and print it.

    Args:
        benchmark: name of the script.
        measure: description of the measurement.
        value: mean or median, as the measure says.
        unit: unit, for example "s", "ratio" or "accuracy".
        runs: number of runs.
        machine: str or None, default None; the hardware, None for the processor.
    """
    row = (
        datetime.now(UTC).strftime("%Y-%m-%d"),
        COMMIT,
        benchmark,
        measure,
        f"{value:.6g}",
        unit,
        runs,
        machine or f"{os.cpu_count()} cores {platform.machine()}",
    )
    is_new = not PATH.exists()
    with PATH.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        writer.writerow(row)
    print(f"{benchmark}: {measure} = {value:.6g} {unit} ({runs} runs)", flush=True)


def shared_data() -> Path:
    """Return the folder of real data named by ZOO_SHARED (default ../shared, next to the project)."""
    root = Path(__file__).parent.parent
    folder = Path(os.environ.get("ZOO_SHARED", root.parent / "shared")) / "data"
    if not folder.is_dir():
        raise SystemExit(f"This benchmark needs real MNIST. Received: no folder {folder}. Set ZOO_SHARED.")
    return folder


def use_shared_data() -> None:
    """Let zoo find the real MNIST and texts of ZOO_SHARED."""
    os.environ["TFDS_DATA_DIR"] = str(shared_data() / "tfds")
    os.environ["ZOO_DATA"] = str(shared_data() / "text")


def recipe_and_data(pair: str) -> tuple[str, dict[str, Any], zoo.Splits]:
    """Return the model of "cnn@mnist", the recipe's training settings, and the data, read with the recipe's settings."""
    import zoo

    use_shared_data()
    model, _, name = pair.partition("@")
    recipe = dict(zoo.info(pair).settings)
    arguments = {key.removeprefix("data."): value for key, value in recipe.items() if key.startswith("data.")}
    recipe = {key: value for key, value in recipe.items() if not key.startswith("data.")}
    return model, recipe, zoo.load_data(name, batch_size=recipe["batch_size"], **arguments)
