"""Every verb on the command line, as text and as JSON, with its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zoo
from zoo.artefacts.files import sha256
from zoo.cli.main import VERBS, _parse, main
from zoo.training.checkpointing import Checkpointing


@pytest.fixture(scope="module")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("runs") / "image"
    assert main(["train", "linear", "--data", "digits", "--set", "epochs=2", "--out", str(out), "--quiet"]) == 0
    return str(out)


@pytest.fixture(scope="module")
def table_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("runs")
    table = pd.DataFrame({"width": np.arange(40) / 4, "label": ["猫", "dog"] * 20})
    table.to_csv(folder / "rows.csv", index=False)
    arguments = ["--data", str(folder / "rows.csv"), "--set", "epochs=1", "--out", str(folder / "run"), "--quiet"]
    assert main(["train", "linear", *arguments]) == 0
    return str(folder / "run")


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_a_summary_and_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"Example: zoo {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["cook"], ["train", "--colour"], ["evaluate"], ["data", "drop", "iris"]])
def test_wrong_usage_exits_with_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: zoo" in capsys.readouterr().err


def test_list_and_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "*net", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == ["lenet", "resnet"]
    assert main(["list", "--datasets"]) == 0
    assert "mnist_sample" in capsys.readouterr().out
    assert main(["list", "lenett"]) == 0
    assert "Did you mean 'lenet'?" in capsys.readouterr().out
    assert main(["info", "cnn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["arguments"]["units"] == 128
    assert main(["info", "cnn"]) == 0
    assert "model.units" in capsys.readouterr().out
    assert main(["info", "cn"]) == 2
    assert capsys.readouterr().err.startswith("Error: Unknown")


def test_a_recipe_and_its_card_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for name, released in (("cnn@mnist", "cnn@mnist"), ("lstm@imdb_reviews", "lstm@imdb")):
        assert main(["info", name]) == 0
        card = Path(capsys.readouterr().out.splitlines()[-1].rpartition("Its card: ")[2])
        assert card.read_text(encoding="utf-8").startswith(f"# {released}\n")
    assert main(["info", "cnn@mnist"]) == 0
    assert "released model, with augment_invert=0.5, epochs=6. Its card" in capsys.readouterr().out
    assert main(["info", "cnn@mnist_sample", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["card"] is None
    assert main(["info", "lstm@imdb"]) == 0
    assert capsys.readouterr().out.startswith("# lstm@imdb\n")


def test_train_prints_scores_and_next_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "linear", "--data", "iris", "--set", "epochs=1", "--set", "model.l2=0.5", "--out"]
    assert main([*words, str(tmp_path / "text")]) == 0
    text = capsys.readouterr()
    assert f"Run directory: {tmp_path / 'text'}" in text.out
    assert f" evaluate {tmp_path / 'text'}" in text.out
    assert "Epoch 1/1" in text.err
    assert main([*words, str(tmp_path / "json"), "--json", "--quiet"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["directory"] == str(tmp_path / "json")
    run = zoo.Run.open(tmp_path / "json")
    assert {name: content[name] for name in run.metrics} == run.metrics
    assert run.settings["model.l2"] == 0.5


def test_train_takes_everything_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("model: linear\ndata: iris\nepochs: 1\nlearning_rate: 1e-3\n")
    assert main(["train", "--config", str(tmp_path / "c.yaml"), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    assert zoo.Run.open(tmp_path / "run").settings["learning_rate"] == 0.001


def test_train_takes_model_and_data_from_set(tmp_path: Path) -> None:
    words = ["--set", "model=linear", "--set", "data=iris", "--set", "epochs=1"]
    assert main(["train", *words, "--out", str(tmp_path / "run"), "--quiet"]) == 0
    assert zoo.Run.open(tmp_path / "run").settings["data"] == "iris"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("epoch=3", "Unknown setting. Received: 'epoch'. Did you mean 'epochs'?"),
        ("verbose=0", "Unknown setting. Received: 'verbose'"),
        ("out=x", "Unknown setting. Received: 'out'"),
        ("model.filtres=3", "Did you mean 'model.filters'?"),
        ("data.validaton=0.2", "Did you mean 'data.validation'?"),
        ("epochs=many", "`epochs` is not accepted"),
        ("epochs", "A setting must be KEY=VALUE. Received: 'epochs'"),
        ("model.filters=[8", "This is not YAML"),
    ],
)
def test_train_refuses_a_wrong_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str, words: str) -> None:
    assert main(["train", "cnn", "--data", "digits", "--set", setting, "--out", str(tmp_path / "run")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_evaluate_as_text_and_json(image_run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", image_run, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["accuracy"] == zoo.Run.open(image_run).metrics["accuracy"]
    assert content["num_examples"] == 270
    assert len(content["confusion"]) == len(content["per_class"]) == 10
    assert main(["evaluate", image_run, "--split", "validation"]) == 0
    assert "validation part, 270 examples" in capsys.readouterr().out


def test_evaluate_on_other_data(table_run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"width": [1.0, 2.0], "kind": ["猫", "dog"]}).to_csv(tmp_path / "o.csv", index=False)
    data = ["--data", str(tmp_path / "o.csv")]
    assert main(["evaluate", table_run, *data, "--set", "data.label_column=kind", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_examples"] == 2
    assert main(["evaluate", table_run, *data]) == 1
    assert "The label column is not known. Received: columns width, kind" in capsys.readouterr().err
    assert main(["evaluate", table_run, *data, "--set", "label_column=kind"]) == 2
    assert "Did you mean 'data.label_column'?" in capsys.readouterr().err


def test_predict_images(image_run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "数字.PNG", tmp_path / "bad.png"
    Image.new("RGBA", (50, 40), "red").save(good)
    bad.write_bytes(b"x")
    assert main(["predict", image_run, str(good), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"] == str(good)
    assert row["label"] == zoo.load(image_run).predict(good).labels[0]
    assert sum(row["probabilities"].values()) == pytest.approx(1, rel=1e-5)
    assert main(["predict", image_run, str(good), str(bad), str(tmp_path / "none.png")]) == 1
    said = capsys.readouterr()
    assert str(good) in said.out
    assert "bad.png" in said.err
    assert "none.png" in said.err


def test_predict_in_bulk(table_run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"width": [1.0, None]}).to_csv(tmp_path / "rows.csv", index=False)
    words = ["predict", table_run, "--data", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "out.csv")]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 2, "broken": [], "out": str(tmp_path / "out.csv")}
    assert len(pd.read_csv(tmp_path / "out.csv")) == 2
    assert main(words) == 1
    assert "exists; zoo does not overwrite files" in capsys.readouterr().err


def test_predict_needs_examples(table_run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", table_run]) == 2
    assert "This model takes tables in a file. Received: none. Use --data rows.csv" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["x.png", "--data", "d.csv", "--out", "o.csv"], ["--data", "d.csv"], ["--out", "o.csv"]])
def test_predict_needs_images_or_a_file_and_an_output(
    table_run: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", table_run, *words]) == 2
    assert "Pass either texts or image files, or both --data and --out" in capsys.readouterr().err


def test_data_check_counts_and_reports_what_stops_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,label\n" + "".join(f"{number},{'xy'[number % 2]}\n" for number in range(20)) + "0,x\n0,y\n7,\n")
    assert main(["data", "check", str(path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    counts = {"rows": 23, "missing_labels": 1, "duplicates": 2, "conflicts": 3, "overlap": 0, "dropped": 1, "broken": 0}
    assert report["parts"]["all"] == counts
    assert "1 of 23 rows in part 'all' have no label" in report["stops_training"]
    assert main(["data", "check", str(path), "--set", "data.broken=drop"]) == 0
    assert "2 of 23 rows in 'all' repeat an earlier row" in capsys.readouterr().out
    assert main(["data", "check", "iris"]) == 0
    assert main(["data", "check", str(tmp_path / "none.csv")]) == 1


@pytest.mark.slow
def test_a_stopped_run_is_resumed_and_runs_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["train", "linear", "--data", "iris", "--set", "epochs=3", "--quiet", "--out"]
    stop = Checkpointing.on_train_batch_end

    def stop_once(self: Checkpointing, batch: int, logs: Any = None) -> None:
        if self.epoch == 1 and batch == 1:
            signal.raise_signal(signal.SIGTERM)
        stop(self, batch, logs)

    monkeypatch.setattr(Checkpointing, "on_train_batch_end", stop_once)
    assert main([*words, "stopped"]) == 1
    said = capsys.readouterr().err
    assert "Interrupted." in said
    assert "in epoch 2, after 2 batches" in said
    assert "To resume: zoo train --resume stopped" in said
    monkeypatch.setattr(Checkpointing, "on_train_batch_end", stop)
    assert main(["train", "--resume", "stopped", "--quiet"]) == 0
    assert main([*words, "whole"]) == 0
    capsys.readouterr()
    assert main(["compare", "stopped", "whole", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differences"] == {}
    first, second = ({name: value for name, value in run.items() if name not in ("run", "fit_s")} for run in found["runs"])
    assert first == second
    assert Path(found["picture"]).is_file()
    assert main(["compare", "stopped", "whole", "--out", "curves.png"]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert Path("curves.png").is_file()


@pytest.mark.slow
def test_a_learning_rate_is_suggested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["find-lr", "mlp", "--data", "iris", "--set", "batch_size=8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 1e-3 < found["suggestion"] < 1
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert Path(found["picture"]).is_file()
    Path("taken.png").write_bytes(b"")
    assert main(["find-lr", "mlp", "--set", "data=iris", "--out", "taken.png"]) == 1  # before the sweep
    said = capsys.readouterr().err
    assert "taken.png" in said
    assert "Sweeping" not in said
    assert main(["find-lr", "mlp", "--set", "model=cnn"]) == 2
    assert "The model is set twice. Received: mlp and --set model=cnn" in capsys.readouterr().err
    assert main(["find-lr", "mlp", "--set", "bach_size=8"]) == 2
    assert "Did you mean 'batch_size'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        (["predict", "lstm@imdb", "--json", "one", "two"], "inputs", ["one", "two"]),
        (["predict", "lstm@imdb", "one", "--engine", "keras", "two"], "inputs", ["one", "two"]),
        (["compare", "a", "--out", "x.png", "b"], "runs", ["a", "b"]),
    ],
)
def test_inputs_may_continue_after_an_option(words, name, expected):
    assert getattr(_parse(words), name) == expected


@pytest.mark.parametrize("words", [["list", "a", "b"], ["predict", "x", "--jason"], ["train", "cnn", "more"]])
def test_unknown_arguments_are_rejected(words, capsys):
    with pytest.raises(SystemExit) as end:
        _parse(words)
    assert end.value.code == 2
    assert "unrecognized" in capsys.readouterr().err


def test_files_instead_of_texts_and_folders_instead_of_images_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "review.txt").write_text("a wonderful film", encoding="utf-8")
    assert main(["predict", "lstm@imdb", str(tmp_path / "review.txt")]) == 2
    assert f"--data {tmp_path / 'review.txt'}" in capsys.readouterr().err
    assert main(["predict", "cnn@mnist", str(tmp_path)]) == 2
    assert f"Use --data {tmp_path} --out" in capsys.readouterr().err


def test_a_released_model_without_a_card_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "toy@numbers").mkdir()
    (tmp_path / "toy@numbers" / "run.json").write_text("{}")
    listed = {"run.json": {"sha256": sha256(tmp_path / "toy@numbers" / "run.json"), "bytes": 2}}
    model = {"recipe": "toy@numbers", "task": "regression", "parameters": 3, "scores": {"r2": 0.5}, "files": listed}
    (tmp_path / "index.json").write_text(json.dumps({"format": 1, "models": {"toy@numbers": model}}))
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path))
    assert main(["info", "toy@numbers"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == {"r2": 0.5}


def test_without_a_verb_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    told = capsys.readouterr().err
    assert [verb for verb in VERBS if f"\n    {verb}" not in told] == []


def test_characters_that_the_terminal_does_not_support_are_escaped(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "list", "房间"],
        capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\\u623f" in done.stdout


def test_a_missing_folder_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "photos/"]) == 1
    assert "no such file or folder. Received: photos" in capsys.readouterr().err


def test_a_model_instead_of_a_run_is_rejected_with_the_released_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "cnn", "seven.png"]) == 1
    assert "or a released model: cnn@mnist, " in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["compare", "cnn@mnist", "lenet@mnist", "--out", str(tmp_path / "file" / "x.png")]) == 1
    assert "Error: A file could not be written" in capsys.readouterr().err
