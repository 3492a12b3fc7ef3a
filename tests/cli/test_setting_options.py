"""Every setting has its own option, for any model."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zoo import registry
from zoo.cli.main import _parse, main
from zoo.cli.setting_options import effects_of
from zoo.keywords import DataKeywords, SettingKeywords
from zoo.settings import Settings
from zoo.tasks import TASKS
from zoo.yaml_settings import parse_assignments


def parsed(*words):
    return parse_assignments(_parse(list(words)).set)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "cnn", "--epochs", "3"], {"epochs": 3}),
        (["train", "--epochs=3", "cnn"], {"epochs": 3}),
        (["train", "cnn", "--learning-rate", "1e-3"], {"learning_rate": 0.001}),
        (["train", "cnn", "--learning_rate", "auto"], {"learning_rate": "auto"}),
        (["train", "cnn", "--model.filters", "[8, 16]"], {"model.filters": [8, 16]}),
        (["train", "cnn", "--model.l2", "-1"], {"model.l2": -1}),
        (["train", "--config", "c.yaml", "--model.kernel_size=5"], {"model.kernel_size": 5}),
        (["train", "cnn", "--data.label-column", "1e5"], {"data.label_column": "1e5"}),
        (["train", "cnn", "--data.label-column", "no", "--quiet"], {"data.label_column": "no"}),
        (["train", "cnn", "--data.lower", "false"], {"data.lower": False}),
        (["train", "cnn", "--set", "epochs=2", "--epochs", "3"], {"epochs": 3}),
        (["find-lr", "cnn", "--optimizer", "sgd"], {"optimizer": "sgd"}),
        (["evaluate", "run", "--data.label-column", "说"], {"data.label_column": "说"}),
    ],
)
def test_an_option_sets_a_setting(words, expected):
    assert parsed(*words) == expected


def test_options_of_a_verb_keep_their_meaning():
    arguments = _parse(["tune", "cnn", "--keep", "2", "--epochs", "4"])
    assert arguments.keep == 2
    assert arguments.set == ["epochs=4"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "cnn", "--epoch", "3"], "--epoch 3. Did you mean '--epochs'?"),
        (["train", "cnn", "--label-column", "x"], "Did you mean '--data.label-column'?"),
        (["train", "cnn", "--modle.units", "3"], "unrecognized arguments"),
        (["evaluate", "run", "--text-column", "x"], "Did you mean '--data.text-column'?"),
        (["evaluate", "run", "--epochs", "3"], "unrecognized arguments: --epochs 3. `zoo evaluate --help` lists the options."),
        (["evaluate", "cnn@mnist", "--data.chanels", "1"], "Did you mean '--data.channels'?"),
        (["data", "check", "iris", "--data.lable_column", "x"], "Did you mean '--data.label_column'?"),
        (["train", "cnn", "--epochs"], "argument --epochs: expected one argument"),
        (["train", "cnn", "--model.filtres", "3"], "Did you mean '--model.filters'?"),
    ],
)
def test_an_unknown_option_gets_the_nearest(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_help_lists_every_setting_with_type_default_and_effect(capsys):
    with pytest.raises(SystemExit):
        main(["train", "cnn", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    names = [*SettingKeywords.__annotations__, *(f"data.{name}" for name in DataKeywords.__annotations__)]
    names += [f"model.{name}" for name in registry.find_model("cnn")[0].defaults]
    assert [name for name in names if f" --{name.replace('_', '-')} VALUE " not in told] == []
    recipe = registry.RECIPES["cnn@mnist_sample"].settings
    assert "Defaults are those of cnn on mnist_sample. --task" in told
    assert f"--epochs VALUE passes over the training part (int; default {recipe['epochs']})" in told
    assert "--data.split-seed VALUE seed for splitting the data (int; default 0)" in told
    assert "--model.num-classes VALUE number of classes, at least 2 (int; default 10)" in told  # the default only once


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            ["mlp", "--data", "diabetes"],
            ["(int; default 32)", "rises (float; default 0.1)", "one_cycle|plateau|step; default cosine)"],
        ),
        (
            ["mlp", "--data", "house.csv"],
            ["on house.csv.", "chooses a size; default: the task's (int)", "step; default cosine)"],
        ),
        (["mlp", "--data=iris"], ["on iris.", f"default {registry.RECIPES['mlp@iris'].settings['model.l2']})"]),
        (["mlp"], ["on diabetes.", "(int; default 100)"]),
        ([], ["training part; default: the task's (int)", "auto chooses a size; default: the task's (int)"]),
    ],
)
def test_help_shows_the_defaults_of_the_task_and_the_recipe(words, shown, capsys):
    with pytest.raises(SystemExit):
        main(["train", *words, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert [text for text in shown if text not in told] == []


def test_the_settings_that_tasks_set_are_documented_so():
    set_by_tasks = {name for task in TASKS.values() for name in task.settings}
    assert {name for name, text in effects_of(Settings).items() if text.endswith("default: the task's")} - {
        "monitor"
    } == set_by_tasks


def test_help_of_zoo_needs_no_pydantic():
    code = "import sys\nfrom zoo.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
    code += "assert not {'pydantic', 'yaml', 'numpy', 'tensorflow'} & set(sys.modules), sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
