"""`saved_models/` is small, complete, documented, and reproduces the scores on its cards."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import release
from PIL import Image, ImageOps

import zoo
from zoo.artefacts.released import released_models
from zoo.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "saved_models"
NAMES = ("cnn@mnist", "lenet@mnist", "lstm@imdb", "transformer@chnsenticorp", "transformer@imdb")
TEXT_FILES = ("README.md", "assets/data.json", "card.json", "config.yaml", "export.json", "history.csv", "run.json")


def files_of(name):
    """Return the files of a released model; that of a text model shares its tables with the Keras file."""
    litert = "model.tflite" if name.endswith("@mnist") else "model.tflite.cut"
    return tuple(sorted((*TEXT_FILES, "model.keras", litert)))


def read(name, path):
    return json.loads((FOLDER / name / path).read_text(encoding="utf-8"))


def test_the_released_models_exist_and_are_small():
    assert tuple(sorted(path.parent.name for path in FOLDER.glob("*/card.json"))) == NAMES
    assert zoo.list_pretrained() == [*NAMES]
    assert sorted(release.read_facts()["models"]) == [*NAMES]
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(sizes) <= 16_000_000
    assert max(sizes) <= 8_000_000


@pytest.mark.parametrize("name", NAMES)
def test_its_files_match_card_and_index(name):
    assert tuple(release.files_in(FOLDER / name)) == files_of(name)
    listed = read(name, "card.json")["files"]
    assert set(listed) == {*files_of(name)} - {"card.json", "README.md"}
    for path, file in listed.items():
        assert release.describe(FOLDER / name / path) == file
    assert released_models()[name].directory() == FOLDER / name  # compares with the index


@pytest.mark.parametrize("name", NAMES)
def test_its_card_is_complete_and_agrees_with_its_page_and_its_run(name):
    card, run = read(name, "card.json"), zoo.Run.open(name)
    assert (FOLDER / name / "README.md").read_text(encoding="utf-8") == release.readme_of(card)
    assert card["scores"] == run.metrics
    assert run.card == card
    assert release.with_words(card, release.read_facts()) == card
    assert card["parameters"] == run.model.count_params()
    for score in ("accuracy", "macro_f1"):
        low, high = card["intervals"][score]
        assert low < card["scores"][score] < high
    assert card["weights"] == "float16"
    assert len(card["seeds"]) == 3
    assert card["seed"] == 0
    assert card["seeds"][0] == pytest.approx(card["scores"]["accuracy"], abs=0.001)  # before the weights were stored in float16
    assert all(
        card[key] for key in ("intended_use", "limits", "recipe", "command", "hardware", "seconds", "versions", "commit")
    )
    assert all(card["data"][key] for key in ("title", "what", "source", "licence", "fingerprint", "num_examples"))
    assert 0 < card["baseline"]["accuracy"] < 1
    assert zoo.info(card["recipe"]).name == card["recipe"]


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_equal_the_current_recipe(name):
    card, run = read(name, "card.json"), zoo.Run.open(name)
    changes = (card["changes"] or {}).get("settings", {})
    assert changes == release.read_facts()["models"][name].get("set", {})
    for key, value in {**zoo.info(card["recipe"]).settings, **changes}.items():
        assert run.settings[key] == (list(value) if isinstance(value, tuple) else value), key


@pytest.mark.parametrize("name", NAMES)
def test_it_contains_nothing_about_the_machine_and_no_examples(name):
    texts = {path: (FOLDER / name / path).read_text(encoding="utf-8") for path in TEXT_FILES}
    for path, text in texts.items():
        assert not re.search(r"/(home|root|work|tmp|Users)/", text), path
    data = read(name, "assets/data.json")
    assert data["location"] is None
    assert data["report"]["broken"] == []
    words = data["text"]["vocabulary"] if data["text"] else []
    assert not [word for word in words if " " in word]


@pytest.mark.parametrize("name", NAMES)
def test_its_weights_have_no_optimizer_state(name):
    model = zoo.Run.open(name).model
    assert len(model.optimizer.variables) == 2  # the step and the rate
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("name", NAMES)
def test_litert_gives_the_same_predictions_as_keras(name):
    predictor, keras_model = zoo.load(name), zoo.load(name, engine="keras")
    assert (predictor.engine, keras_model.engine) == ("litert", "keras")
    assert predictor.card == {**read(name, "card.json"), **{key: predictor.card[key] for key in ("data", "engine")}}
    if name.endswith("@mnist"):
        examples = next(zoo.load_data("mnist_sample").test.as_numpy_iterator())[0]
        examples = [examples, examples / np.float32(255)]
    else:
        examples = [[*list(zoo.load_data("reviews_sample").texts("test"))[:60], "", "\0", "😀", "好" * 500]]
    for raw in examples:
        ours, theirs = predictor.predict(raw), keras_model.predict(raw)
        assert ours.labels == theirs.labels
        np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-5)


def test_litert_was_verified_on_a_thousand_examples():
    for name in NAMES:
        proof = read(name, "export.json")["formats"]["litert"]
        assert proof["examples"] >= 1000
        assert read(name, "card.json")["litert"]["largest_difference"] == proof["largest_difference"] <= 1e-5


@pytest.mark.parametrize(("name", "changed"), [("cnn@mnist", "model.tflite"), ("lstm@imdb", "model.keras")])
def test_a_changed_file_is_refused(name, changed, tmp_path):
    shutil.copytree(FOLDER / name, tmp_path / "model")
    content = bytearray((tmp_path / "model" / changed).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model" / changed).write_bytes(content)
    with pytest.raises(zoo.ArtefactError, match="SHA-256"):
        zoo.load(tmp_path / "model")


def test_digits_are_classified_on_dark_and_light_backgrounds(tmp_path, capsys):
    (images, labels), *_ = zoo.load_data("mnist_sample", batch_size=20).test.as_numpy_iterator()
    paths = []
    for number, image in enumerate(images):
        dark = Image.fromarray(image.squeeze()).resize((112, 112))
        for kind, picture in (("dark", dark), ("light", ImageOps.invert(dark))):
            paths.append(tmp_path / f"{number}-{kind}.png")
            picture.save(paths[-1])
    assert main(["predict", "cnn@mnist", *map(str, paths), "--json"]) == 0
    told = [row["label"] for row in json.loads(capsys.readouterr().out)]
    right = [str(one) == str(other) for one, other in zip(told, np.repeat(labels, 2), strict=True)]
    assert sum(right) >= 38  # of 40


@pytest.mark.parametrize("name", ["cnn@mnist", "lenet@mnist"])
def test_the_picture_on_a_card_is_classified(name, capsys):
    assert main(["predict", name, str(ROOT / read(name, "card.json")["example"]), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["label"], row["probability"] > 0.99) == ("7", True)


@pytest.mark.parametrize(
    ("name", "bad", "expected"),
    [
        ("lstm@imdb", "boring, badly written and a waste of time", ["pos", "neg"]),
        ("transformer@imdb", "boring, badly written and a waste of time", ["pos", "neg"]),
        ("transformer@chnsenticorp", "房间很脏,服务太差,再也不来了", ["positive", "negative"]),
    ],
)
def test_the_example_on_a_card_and_its_opposite_are_classified(name, bad, expected):
    predictor = zoo.load(name)
    answer = predictor.predict([predictor.card["example"], bad])
    assert list(answer.labels) == expected
    assert answer.probabilities.max(axis=1).min() > 0.7  # other processors differ by less


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_it_reproduces_the_scores_on_its_card(name, shared):
    folders = {"TFDS_DATA_DIR": str(shared / "data" / "tfds"), "ZOO_DATA": str(shared / "data" / "text")}
    done = subprocess.run(  # TensorFlow Datasets read their variable once, when they are imported
        [sys.executable, "-m", "zoo", "verify", name],
        capture_output=True,
        text=True,
        env={**os.environ, **folders},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "All scores match." in done.stdout


def test_intervals_are_those_of_the_binomial():
    low, high = release.interval_of([[450, 50], [40, 460]])["accuracy"]
    wide = 1.96 * math.sqrt(0.91 * 0.09 / 1000)
    assert low == pytest.approx(0.91 - wide, abs=0.002)
    assert high == pytest.approx(0.91 + wide, abs=0.002)


def test_a_bootstrap_sample_of_perfect_answers_is_perfect():
    assert release.interval_of([[5, 0], [0, 5]])["accuracy"] == [1.0, 1.0]


@pytest.mark.parametrize("fails", [False, True])
def test_a_release_replaces_the_previous_one_only_when_complete(tmp_path, monkeypatch, fails):
    def write(name, facts, run, seeds, folder):
        (folder / "model.keras").write_text("new")
        if fails:
            raise OSError("the disk is full")

    monkeypatch.setattr(release, "FOLDER", tmp_path)
    monkeypatch.setattr(release, "write_release", write)
    monkeypatch.setattr(zoo, "train", lambda *_, **settings: SimpleNamespace(metrics={"accuracy": settings["seed"]}))
    (tmp_path / "cnn@mnist").mkdir()
    (tmp_path / "cnn@mnist" / "model.keras").write_text("before")
    with pytest.raises(OSError, match="full") if fails else nullcontext():
        release.release("cnn@mnist")
    assert (tmp_path / "cnn@mnist" / "model.keras").read_text() == ("before" if fails else "new")
    assert not (tmp_path / ".new-cnn@mnist").exists()
