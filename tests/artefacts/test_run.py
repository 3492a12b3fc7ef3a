"""Run directories: their content, and errors for damaged ones."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

import zoo
from zoo.artefacts.files import default_directory, free_path
from zoo.errors import ArtefactError


def test_the_directory_contains_these_files_and_no_partial_ones(image_run: zoo.Run) -> None:
    names = {str(path.relative_to(image_run.directory)) for path in image_run.directory.rglob("*") if path.is_file()}
    of_training = {name for name in names if name.startswith(("checkpoints/", "logs/train/", "logs/validation/"))}
    assert names - of_training == {"run.json", "config.yaml", "history.csv", "model.keras", "assets/data.json", "report.html"}
    assert not [name for name in names if "partial" in name]


def test_run_json_records_model_settings_data_and_results(image_run: zoo.Run) -> None:
    content = json.loads((image_run.directory / "run.json").read_text())
    assert content["status"] == "finished"
    assert content["format"] == 1
    assert content["epochs_finished"] == 3
    assert content["settings"] == yaml.safe_load((image_run.directory / "config.yaml").read_text())
    assert (content["settings"]["model"], content["settings"]["data"], content["settings"]["seed"]) == ("linear", "digits", 0)
    assert content["data"]["fingerprint"] == zoo.load_data("digits").info.fingerprint
    assert content["data"]["num_examples"] == {"train": 1257, "validation": 270, "test": 270}
    assert {"python", "zoo", "tensorflow", "keras"} <= set(content["versions"])
    assert {"machine", "cpus", "gpus"} <= set(content["device"])
    assert content["metrics"] == image_run.metrics
    assert set(content["timings"]) == {"fit_s", "epoch_s"}


@pytest.mark.slow
def test_config_yaml_repeats_the_run(image_run: zoo.Run, tmp_path: Path) -> None:
    again = zoo.train(config=image_run.directory / "config.yaml", out=tmp_path / "again", verbose=0)
    assert again.settings == image_run.settings
    assert again.metrics == image_run.metrics
    for left, right in zip(again.model.get_weights(), image_run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_history_csv_has_a_row_per_epoch(image_run: zoo.Run) -> None:
    with (image_run.directory / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert {"loss", "accuracy", "macro_f1", "val_loss", "val_accuracy", "val_macro_f1"} <= set(rows[0])
    assert image_run.history["loss"] == [float(row["loss"]) for row in rows]
    assert image_run.history["loss"][2] < image_run.history["loss"][0]


def test_a_reopened_run_predicts_and_scores_the_same(image_run: zoo.Run) -> None:
    again = zoo.Run.open(image_run.directory)
    images = np.random.default_rng(0).random((5, 8, 8))
    np.testing.assert_array_equal(again.predict(images).probabilities, image_run.predict(images).probabilities)
    assert again.info == image_run.info
    assert zoo.evaluate(again).metrics == pytest.approx(image_run.metrics)
    assert again.model.optimizer is not None


def test_repr_has_the_scores(image_run: zoo.Run) -> None:
    assert f"accuracy={image_run.metrics['accuracy']:.4f}" in repr(image_run)


def change_json(name: str, **content: object) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        path = run / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **content}))

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: (run / "run.json").unlink(), r"incomplete: run\.json is missing"),
        (lambda run: (run / "run.json").write_text("{"), "damaged"),
        (lambda run: (run / "run.json").write_text("[]"), "not a JSON object"),
        (lambda run: (run / "run.json").write_text('{"format": 1}'), r"run\.json is damaged: status: Field required"),
        (change_json("run.json", metrics={"accuracy": None}), r"damaged: metrics\.accuracy: Input should be a valid number"),
        (change_json("run.json", metrics=[1]), "damaged: metrics: Input should be a valid dictionary"),
        (change_json("run.json", format=2), "another format: format: Input should be 1. Received: 2 in .* Install a newer zoo"),
        (lambda run: (run / "model.keras").unlink(), r"incomplete: model\.keras is missing\. .* Restore the file"),
        (lambda run: (run / "assets" / "data.json").unlink(), r"data\.json is missing"),
        (lambda run: (run / "assets" / "data.json").write_bytes(b"\xff"), "damaged"),
        (change_json("assets/data.json", statistics=[1]), "damaged"),
        (change_json("assets/data.json", task_name="cooking"), "Unknown task"),
        (change_json("assets/data.json", table={"columns": [{}]}), "damaged"),
        (change_json("assets/data.json", surprise=1), "damaged"),
    ],
)
def test_a_damaged_run_is_refused(image_run: zoo.Run, tmp_path: Path, damage: Callable[[Path], object], words: str) -> None:
    copy = shutil.copytree(image_run.directory, tmp_path / "copy")
    damage(copy)
    with pytest.raises(ArtefactError, match=words) as caught:
        zoo.Run.open(copy)
    assert str(copy) in str(caught.value)


@pytest.mark.parametrize("keep", [0, 1000])
def test_a_damaged_model_is_refused_when_it_is_read(image_run: zoo.Run, tmp_path: Path, keep: int) -> None:
    copy = shutil.copytree(image_run.directory, tmp_path / "copy")
    model = copy / "model.keras"
    model.write_bytes(model.read_bytes()[:keep])
    run = zoo.Run.open(copy)
    with pytest.raises(ArtefactError, match=r"model cannot be read: .*model\.keras"):
        _ = run.model


@pytest.mark.parametrize("content", [None, "epoch,loss\n1,abc\n", "epoch,loss\n1\n"])
def test_a_damaged_history_is_refused(image_run: zoo.Run, tmp_path: Path, content: str | None) -> None:
    copy = shutil.copytree(image_run.directory, tmp_path / "copy")
    (copy / "history.csv").unlink()
    if content is not None:
        (copy / "history.csv").write_text(content)
    with pytest.raises(ArtefactError, match=r"history cannot be read.*Restore it"):
        _ = zoo.Run.open(copy).history


def test_a_directory_without_a_run_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(ArtefactError, match=r"run directory does not exist.*Create one with `zoo\.train`"):
            zoo.Run.open(place)


def test_a_run_without_a_finished_epoch_is_reported(image_run: zoo.Run, tmp_path: Path) -> None:
    copy = shutil.copytree(image_run.directory, tmp_path / "copy")
    (copy / "model.keras").unlink()
    change_json("run.json", status="interrupted")(copy)
    with pytest.raises(
        ArtefactError, match=r"interrupted before the first model was saved.*Resume it with: zoo train --resume"
    ):
        zoo.load(copy)
    (copy / "checkpoints" / "untrained.keras").unlink()
    with pytest.raises(ArtefactError, match=r"incomplete: untrained\.keras is missing"):
        zoo.Run.open_unfinished(copy).untrained_model()


def test_default_directories_are_never_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = default_directory("cnn/tiny", "some/数据.csv")
    first.mkdir(parents=True)
    second = default_directory("cnn/tiny", "some/数据.csv")
    assert first != second
    assert first.parent == second.parent == Path("runs")
    assert first.name.startswith("cnn_tiny-数据-")
    (tmp_path / "compare.png").touch()
    assert free_path(tmp_path / "compare.png").name == "compare-2.png"


def test_data_arguments_are_stored_once_and_read_from_both_places(tmp_path: Path) -> None:
    data = zoo.load_data("iris", validation=0.2, split_seed=3)
    run = zoo.train("linear", data=data, epochs=1, out=tmp_path / "run", verbose=0)
    facts = json.loads((tmp_path / "run" / "assets" / "data.json").read_text())
    assert "arguments" not in facts
    assert run.settings["data.split_seed"] == 3
    assert zoo.Run.open(tmp_path / "run").info.arguments == run.info.arguments == {"validation": 0.2, "split_seed": 3}
    assert zoo.evaluate(tmp_path / "run").metrics == pytest.approx(run.metrics)
    (tmp_path / "run" / "assets" / "data.json").write_text(json.dumps({**facts, "arguments": {"split_seed": 4}}))
    assert zoo.Run.open(tmp_path / "run").info.arguments == {"split_seed": 4}  # as version 0.1 wrote it
