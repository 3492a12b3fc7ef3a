"""Every recipe documents its command and score, and runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import yaml

import zoo
from zoo import registry
from zoo.errors import UnknownNameError
from zoo.settings import resolve
from zoo.tasks import find_task

NAMES = registry.list_recipes()
RECIPES = {name: registry.find_recipe(*name.split("@")) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_states_command_hardware_time_and_expected_score(name: str) -> None:
    said = dict(re.findall(r"^(Command|Hardware|Time|Expected): (.+)$", zoo.info(name).documentation, re.MULTILINE))
    assert list(said) == ["Command", "Hardware", "Time", "Expected"]
    assert said["Command"] == f"zoo train {RECIPES[name].model} --data {RECIPES[name].data}"
    assert re.match(r"\d+ s of training", said["Time"])
    ((score, expected),) = RECIPES[name].expected.items()
    over = "ten splits" if RECIPES[name].data == "iris" else "three seeds"
    assert said["Expected"] == (f"{score} {expected:g} on the test part, mean of {over}; tolerance {RECIPES[name].tolerance:g}")


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_named_after_the_pair(name: str) -> None:
    path = Path(zoo.__file__).parent / "recipes" / f"{name.replace('@', '_').replace('/', '_')}.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert f"{content['model']}@{content['data']}" == name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_steps_run_on_the_embedded_data_of_its_task(name: str, tmp_path: Path) -> None:
    """A smoke test: every setting is accepted, and the model builds and learns, without the real data."""
    recipe = RECIPES[name]
    dataset = registry.find_dataset(recipe.data)
    data = recipe.data if recipe.data in ("iris", "diabetes") else find_task(dataset.task).default_data
    smoke = {**recipe.settings, "epochs": 1, "steps_per_epoch": 2}
    if smoke.get("model.pair_buckets"):
        smoke["model.pair_buckets"] = 1000  # otherwise, it writes 200 MB
    run = zoo.train(recipe.model, data=data, config=smoke, baseline=False, out=tmp_path / "run", verbose=0)
    names = {"model": recipe.model, "data": recipe.data, "task": ""}
    resolve(names, recipe.settings, model_arguments=registry.find_model(recipe.model)[0].defaults)
    assert len(run.history["loss"]) == 1
    assert set(recipe.expected) <= set(run.metrics)
    for key, value in recipe.settings.items():
        if value != smoke[key]:
            continue
        kept = run.settings[key]
        assert (list(kept) if isinstance(kept, list | tuple) else kept) == (list(value) if isinstance(value, tuple) else value)


def test_info_shows_a_recipe_and_an_unknown_one_gets_the_nearest() -> None:
    info = zoo.info("cnn@mnist")
    assert info.settings == dict(RECIPES["cnn@mnist"].settings)
    assert info.expected == RECIPES["cnn@mnist"].expected
    info.settings["model.filters"].append(1)
    assert zoo.info("cnn@mnist").settings == RECIPES["cnn@mnist"].settings != info.settings
    with pytest.raises(zoo.UnknownNameError, match="Did you mean 'cnn@mnist"):
        zoo.info("cnn@mnits")


def test_reproduce_rejects_an_unknown_recipe() -> None:
    path = Path(__file__).parent.parent / "scripts" / "reproduce.py"
    reproduce = runpy.run_path(str(path))["main"]
    for name in ("cnn", "cnn@mnsit", "foo"):
        with pytest.raises(UnknownNameError, match=f"Unknown recipe. Received: '{name}'"):
            reproduce(["mlp@iris", name])
