"""A package outside zoo adds a kind of input, its reader, a task, a model, a data set and a recipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import zoo

PLUGIN = Path(__file__).parent / "fixtures" / "plugin"
GROUPS = ("inputs", "readers", "tasks", "models", "datasets", "recipes")
WHOLE_LIFE = """
import csv, json, sys
from pathlib import Path
import numpy as np
import zoo
from zoo.cli.main import main

folder = Path(sys.argv[1])
run = zoo.train("fir", data="two_tones", out=folder / "run", verbose=0)
file = zoo.load_data("two_tones").info.location or sys.argv[2]
assert zoo.load_data(file).info.task_name == "signal_classification"  # by its suffix alone
assert zoo.load_data(file).info.kind.name == "signal"
evaluated = zoo.evaluate(run)
assert dict(evaluated.metrics) == run.metrics
assert main(["predict", str(run.directory), "--data", file, "--out", str(folder / "run.csv")]) == 0
export = zoo.export(run, folder / "export", format="saved_model")
assert main(["predict", str(folder / "export"), "--data", file, "--out", str(folder / "export.csv")]) == 0
signal = np.sin(2 * np.pi * 2 * np.arange(16) / 16)[:, np.newaxis]
said = {name: zoo.load(folder / name).predict(signal) for name in ("run", "export")}
rows = {name: list(csv.DictReader((folder / f"{name}.csv").open())) for name in said}
json.dump({
    "metrics": run.metrics,
    "epochs": run.settings["epochs"],
    "proof": export.content["formats"]["saved_model"],
    "labels": {name: each.labels for name, each in said.items()},
    "report": (run.directory / "report.html").read_text(),
    "columns": [*rows["run"][0]],
    "predicted": {name: [row["label"] for row in each] for name, each in rows.items()},
}, (folder / "result.json").open("w"))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the installed package, and with one broken entry point per group."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    shutil.copytree(PLUGIN / "zoo_signals", folder / "zoo_signals", ignore=shutil.ignore_patterns("__pycache__"))
    information = folder / "zoo_signals-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), "broken = zoo_signals.missing"]
    (information / "entry_points.txt").write_text("\n".join(lines))
    return folder


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    root = Path(zoo.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(site)])}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, cwd=site.parent
    )


def test_a_plug_in_is_listed_and_described(site: Path) -> None:
    code = (
        "import json, zoo; from zoo.cli.main import main; from zoo.registry import list_recipes\n"
        "from zoo.tasks import TASKS\nmain(['list', 'f*', '--task', 'signal_classification'])\n"
        "print(json.dumps([zoo.info('fir').to_dict()['tasks'], zoo.list_datasets('two*'), list_recipes('fir@*'), list(TASKS)]))"
    )
    done = run(site, "-c", code)
    assert done.returncode == 0, done.stderr
    *listed, last = done.stdout.splitlines()
    assert [line.split()[0] for line in listed if line.startswith("fir")] == ["fir", "fir/wide"]
    tasks, datasets, recipes, names = json.loads(last)
    assert (tasks, datasets, recipes) == (["signal_classification"], ["two_tones"], ["fir@two_tones"])
    assert names[-1] == "signal_classification"
    assert "Plug-in broken (zoo_signals.missing) was ignored" in done.stderr


@pytest.mark.slow
def test_a_plug_in_trains_scores_predicts_in_bulk_and_exports(site: Path, tmp_path: Path) -> None:
    done = run(site, "-c", WHOLE_LIFE, str(tmp_path), str(site / "zoo_signals" / "two_tones.sig"))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["epochs"] == 30  # the recipe's
    assert result["metrics"]["kappa"] > 0.8  # a score of its own
    assert "<td>kappa</td>" in result["report"]
    assert result["proof"]["largest_difference"] <= 1e-5
    assert result["labels"] == {"run": ["low"], "export": ["low"]}
    assert result["columns"] == ["row", "label", "probability_high", "probability_low"]
    assert result["predicted"]["run"] == result["predicted"]["export"]
    assert len(result["predicted"]["run"]) == 80


def test_the_package_uses_every_group() -> None:
    points = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["entry-points"]
    assert set(points) == {f"zoo.{group}" for group in GROUPS}
