"""Comparison of runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import zoo
from zoo.artefacts import files
from zoo.errors import ArtefactError, UsageError


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[zoo.Run]:
    folder = tmp_path_factory.mktemp("runs")
    settings = [{"epochs": 2}, {"epochs": 3, "learning_rate": 0.05, "checkpoint_seconds": 0}]
    return [
        zoo.train(model, data="iris", out=folder / model, verbose=0, **given)
        for model, given in zip(("linear", "mlp"), settings, strict=True)
    ]


def test_scores_are_listed_by_run(runs: list[zoo.Run]) -> None:
    found = zoo.compare(*runs).scores
    assert [row["run"] for row in found] == ["linear", "mlp"]
    assert [row["epochs"] for row in found] == [2, 3]
    for row, run in zip(found, runs, strict=True):
        assert {name: row[name] for name in run.metrics} == run.metrics
        assert row["fit_s"] == run.content["timings"]["fit_s"]


def test_only_settings_that_differ_and_matter_are_shown(runs: list[zoo.Run]) -> None:
    differences = zoo.compare(*(run.directory for run in runs)).differences
    assert differences["epochs"] == [2, 3]
    assert differences["learning_rate"] == [runs[0].settings["learning_rate"], 0.05]
    assert "seed" not in differences
    assert "checkpoint_seconds" not in differences


def test_model_arguments_are_compared_even_if_they_are_defaults(runs: list[zoo.Run], tmp_path: Path) -> None:
    given = {"dropout": 0.5, "units": (16,)}
    changed = zoo.train("mlp", data="iris", epochs=1, model_arguments=given, out=tmp_path / "run", verbose=0)
    default = list(zoo.info("mlp").arguments["units"])
    assert zoo.compare(runs[1], changed).differences["model.units"] == [default, [16]]
    content = {name: value for name, value in runs[1].content.items() if name != "model_arguments"}
    old = zoo.Run(runs[1].directory, content, runs[1].info)  # of zoo 0.1, which recorded only what was set
    assert zoo.compare(old, changed).differences["model.units"] == [default, [16]]
    assert not [name for name in zoo.compare(old, runs[1]).differences if name.startswith("model.")]
    assert "model.num_classes" not in zoo.compare(*runs).differences  # it follows from the data


def test_the_plot_is_a_png_with_one_axes_per_score_and_overwrites_nothing(runs: list[zoo.Run], tmp_path: Path) -> None:
    zoo.compare(*runs).plot(tmp_path / "plots" / "curves.png")
    with Image.open(tmp_path / "plots" / "curves.png") as picture:
        assert picture.size == (round(3 * 4.5 * 150), 525)
    with pytest.raises(ArtefactError, match="exists; zoo does not overwrite files"):
        zoo.compare(*runs).plot(tmp_path / "plots" / "curves.png")


def test_runs_that_cannot_be_compared_are_rejected(runs: list[zoo.Run], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"at least two runs\. Received: 1"):
        zoo.compare(runs[0])
    regression = zoo.train("linear", data="diabetes", epochs=1, out=tmp_path / "regression", verbose=0)
    with pytest.raises(UsageError, match="Received: regression and tabular_classification"):
        zoo.compare(runs[0], regression)
    content = files.read_json(regression.directory / "run.json")
    files.write_json(regression.directory / "run.json", {**content, "status": "interrupted"})
    with pytest.raises(UsageError, match=r"Only finished runs.*interrupted. Resume it with: zoo train --resume"):
        zoo.compare(regression.directory, regression.directory)
