"""`verify`: a trained model compared with its recorded scores."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

import zoo
from zoo.cli.main import main
from zoo.errors import ArtefactError, DataError, UsageError
from zoo.evaluation.verification import Verification
from zoo.tasks import find_task


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return zoo.train("linear", data="iris", epochs=5, out=tmp_path_factory.mktemp("runs") / "run", verbose=0)


@pytest.fixture
def run(trained, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(trained.directory, tmp_path / "run")
    return zoo.Run.open(tmp_path / "run")


def test_an_unchanged_run_is_verified(run, capsys):
    assert zoo.verify(run).is_good
    assert main(["verify", str(run.directory)]) == 0
    assert "All scores match." in capsys.readouterr().out


def test_changed_weights_are_reported_as_drift(run, capsys):
    model = run.model
    model.set_weights([-weight for weight in model.get_weights()])
    model.save(run.directory / "model.keras")
    assert main(["verify", str(run.directory), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["is_good"]
    assert {"accuracy", "loss"} <= set(told["drifted"])


def test_data_that_changed_are_refused(tmp_path):
    path = tmp_path / "table.csv"
    numbers = np.arange(60)
    lines = [f"{number},{'low' if number < 30 else 'high'}" for number in numbers]
    path.write_text("\n".join(["x,label", *lines]))
    run = zoo.train("linear", data=path, epochs=1, out=tmp_path / "run", verbose=0)
    path.write_text("\n".join(["x,label", *lines[:-1], "7,high"]))
    with pytest.raises(DataError, match="have changed"):
        zoo.verify(run.directory)


def test_a_run_on_arrays_cannot_be_verified(tmp_path):
    features = np.arange(40.0).reshape(20, 2)
    run = zoo.train("linear", data=(features, np.arange(20) % 2), epochs=1, out=tmp_path / "run", verbose=0)
    with pytest.raises(UsageError, match="trained on arrays"):
        zoo.verify(run)


def test_a_run_without_scores_cannot_be_verified(run):
    content = json.loads((run.directory / "run.json").read_text())
    del content["metrics"]
    (run.directory / "run.json").write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match="no scores"):
        zoo.verify(run.directory)


@pytest.mark.parametrize(
    ("found", "drifted"),
    [
        ({"loss": 1.0, "accuracy": 0.9}, ()),
        ({"loss": 1.009, "accuracy": 0.918}, ()),  # two of a hundred examples
        ({"loss": 1.011, "accuracy": 0.9}, ("loss",)),
        ({"loss": 1.0, "accuracy": 0.87}, ("accuracy",)),
        ({"loss": float("nan"), "accuracy": 0.9}, ("loss",)),
        ({"loss": 1.0}, ("accuracy",)),
    ],
)
def test_what_counts_as_drift(found, drifted):
    assert Verification("x", {"loss": 1.0, "accuracy": 0.9}, found, 100, find_task("tabular_classification")).drifted == drifted


def test_a_downloaded_model_keeps_its_name_in_any_folder(run):
    (run.directory / "card.json").write_text('{"name": "linear@iris"}')
    assert zoo.verify(zoo.Run.open(run.directory)).name == "linear@iris"


def write_card(run, **changes):
    """Write a card of the run as `scripts/release.py` does."""
    content = (run.directory / "model.keras").read_bytes()
    listed = {"model.keras": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}}
    card = {"name": "linear@iris", "scores": run.metrics, "files": listed, **changes}
    (run.directory / "card.json").write_text(json.dumps(card))


def test_a_released_model_by_path_is_compared_with_its_card(run):
    write_card(run)
    assert zoo.verify(run.directory).is_good
    with (run.directory / "model.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ArtefactError, match="a different SHA-256"):
        zoo.verify(run.directory)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scores": {"accuracy": 0.5}}, "different scores than its run"),
        ({"files": {"gone": {"sha256": "0" * 64, "bytes": 1}}}, "is missing"),
        ({"files": {"../run.json": {"sha256": "0" * 64, "bytes": 1}}}, r"card is damaged: files.*\.\./run\.json"),
        ({"files": {"model.keras": 3}}, "card is damaged"),
        ({"files": ["model.keras"]}, "card is damaged"),
        ({"files": None}, "card is damaged"),
        ({"scores": [1]}, "card is damaged"),
        ({"scores": {"accuracy": "0.5"}}, "card is damaged"),
        ({"name": 3}, "card is damaged"),
    ],
)
def test_a_damaged_or_different_card_is_rejected(run, changes, said):
    write_card(run, **changes)
    with pytest.raises(ArtefactError, match=said):
        zoo.verify(run.directory)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 200_000])
def test_an_invalid_card_is_rejected(run, text):
    (run.directory / "card.json").write_text(text)
    with pytest.raises(ArtefactError, match="damaged"):
        zoo.verify(run.directory)
