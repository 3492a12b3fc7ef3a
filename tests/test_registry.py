"""The registry: lists, facts, errors, and third-party packages."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import zipfile

import pytest

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.tasks import TASKS


@pytest.fixture
def shelves(monkeypatch):
    """Empty shelves for one test."""
    for name in ("MODELS", "DATASETS", "RECIPES"):
        shelf = getattr(registry, name)
        monkeypatch.setattr(registry, name, registry.Shelf(shelf.package, shelf.noun, has_own=True, has_plugins=True))


def small(*, width: int = 2, depth=3):
    """A small model.

    More of it.
    """
    return width, depth


def rows():
    """Some rows."""
    return [width_of_rows]


width_of_rows = 4


def settings():
    """Settings of a test."""
    return {"epochs": 2}


def test_every_model_and_variant_is_listed_by_name():
    assert registry.list_models() == [
        "cnn", "cnn/accurate", "cnn/fast", "cnn/tiny", "cnn/wide", "gru", "gru/bidirectional", "gru/conv", "gru/tiny",
        "lenet", "lenet/tiny", "linear",
        "linear/tiny", "lstm", "lstm/bidirectional", "lstm/conv", "lstm/tiny", "mlp", "mlp/large", "mlp/tiny",
        "resnet", "resnet/20", "resnet/tiny", "rnn", "rnn/bidirectional", "rnn/conv", "rnn/tiny",
        "transformer", "transformer/base", "transformer/tiny",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"pattern": "lenet*"}, ["lenet", "lenet/tiny"]),
        ({"pattern": "*/tiny", "task": "regression"}, ["linear/tiny", "mlp/tiny"]),
        ({"pattern": "CNN"}, []),
        ({"tags": "residual"}, ["resnet", "resnet/20", "resnet/tiny"]),
        ({"tags": ("table", "baseline")}, ["linear", "linear/tiny"]),
        ({"tags": ("table", "residual")}, []),
        ({"max_params": 13}, ["linear", "linear/tiny", "mlp/tiny"]),
        ({"max_params": 12}, ["linear", "linear/tiny"]),
        ({"pattern": "l[ei]*", "sort": "params"}, ["linear/tiny", "linear", "lenet/tiny", "lenet"]),  # 3, 11, 307, 61706
        ({"task": "tabular_classification", "max_params": 5000, "tags": "sequential", "sort": "params"},
         ["linear/tiny", "linear", "mlp/tiny", "mlp"]),
    ],
)  # fmt: skip
def test_list_models_filters_and_sorts(arguments, expected):
    assert registry.list_models(**arguments) == expected


def test_models_of_unknown_size_come_last_and_never_under_a_limit(shelves):
    registry.register_model(tasks=("regression",), variants={"zero": {}})(small)
    registry.register_model(tasks=("regression",))(_named("mlp"))
    assert registry.list_models(sort="params") == ["mlp", "small", "small/zero"]
    assert registry.list_models(max_params=10**12) == ["mlp"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "regresion"}, "Unknown task. Received: 'regresion'. Did you mean 'regression'?"),
        ({"tags": "tabel"}, "Unknown tag. Received: 'tabel'. Did you mean 'table'?"),
        ({"tags": ("image", "imag")}, "Unknown tag. Received: 'imag'. Did you mean 'image'?"),
        ({"sort": "parameters"}, "Unknown sort order. Received: 'parameters'. Did you mean 'params'? Accepted: name, params."),
    ],
)
def test_list_models_refuses_an_unknown_filter_with_the_nearest(arguments, message):
    with pytest.raises(UnknownNameError) as caught:
        registry.list_models(**arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"pattern": "[!a-bf-z]*"}, ["chnsenticorp", "cifar10", "diabetes", "digits"]),
        ({"task": "text_classification"}, ["chnsenticorp", "imdb_reviews", "reviews_sample", "sst2"]),
        ({"pattern": "*mnist"}, ["fashion_mnist", "mnist"]),
        ({"task": "regression"}, ["diabetes"]),
        ({"tags": ["image", "embedded"]}, ["digits", "mnist_sample"]),
    ],
)
def test_list_datasets_filters(arguments, expected):
    assert registry.list_datasets(**arguments) == expected


@pytest.mark.parametrize("arguments", [{"task": "regresion"}, {"tags": "embeded"}])
def test_list_datasets_refuses_an_unknown_filter(arguments):
    with pytest.raises(UnknownNameError, match="Did you mean"):
        registry.list_datasets(**arguments)


def test_every_data_set_and_model_is_for_known_tasks():
    for name in registry.list_models():
        assert set(registry.info(name).tasks) <= set(TASKS)
    for name in registry.list_datasets():
        assert registry.info(name).task in TASKS


def test_every_offline_twin_is_an_embedded_data_set_for_the_same_task():
    for name in registry.list_datasets(tags="tfds"):
        entry = registry.find_dataset(name)
        assert "embedded" in registry.find_dataset(entry.offline_twin).tags
        assert registry.find_dataset(entry.offline_twin).task == entry.task


def test_info_of_a_model_reads_the_factory():
    found = registry.info("linear")
    assert found.summary == "Linear regression, or logistic regression when `num_classes` is given."
    assert found.tasks == ("regression", "tabular_classification", "image_classification")
    assert found.variants == ("tiny",)
    assert found.arguments["input_shape"] == (10,)
    assert found.arguments["num_classes"] is None
    assert found.parameters == 11  # 10 weights, 1 bias


def test_info_of_a_variant_merges_its_arguments():
    found = registry.info("linear/tiny")
    assert found.summary == "linear with input_shape=(2,)"
    assert found.arguments["input_shape"] == (2,)
    assert found.arguments["num_outputs"] == 1
    assert found.parameters == 3  # 2 weights, 1 bias


def test_info_of_a_data_set_has_its_task_and_tags():
    found = registry.info("iris")
    assert (found.name, found.task, found.tags) == ("iris", "tabular_classification", ("table", "embedded"))
    assert found.summary.startswith("Iris: 150 flowers")


@pytest.mark.parametrize("name", ["cnn", "resnet/20", "mnist"])
def test_info_is_ready_for_json(name):
    plain = registry.info(name).to_dict()
    assert json.loads(json.dumps(plain))["name"] == name


@pytest.mark.parametrize(
    ("find", "name", "hint"),
    [
        (registry.find_model, "lenett", "Unknown model. Received: 'lenett'. Did you mean 'lenet'?"),
        (registry.find_model, "cnn/tini", "Unknown variant of model 'cnn'. Received: 'tini'. Did you mean 'tiny'?"),
        (registry.find_model, "cnn/", "Unknown variant of model 'cnn'. Received: ''. Accepted: accurate, fast, tiny, wide."),
        (registry.info, "mnits", "Unknown model or data set. Received: 'mnits'. Did you mean 'mnist'?"),
        (registry.info, "resnett", "Unknown model or data set. Received: 'resnett'. Did you mean 'resnet'?"),
        (registry.info, "resnet/21", "Unknown variant of model 'resnet'. Received: '21'. Did you mean '20'?"),
    ],
)
def test_unknown_name_gets_the_nearest(find, name, hint):
    with pytest.raises(UnknownNameError) as caught:
        find(name)
    assert str(caught.value).startswith(hint)


def test_unknown_data_set_is_none_since_tensorflow_datasets_may_have_it():
    assert registry.find_dataset("no_such_data") is None


def test_registration_reads_name_summary_and_defaults(shelves):
    assert registry.register_model(tasks=("regression",), variants={"wide": {"width": 9}}, tags=("odd",))(small) is small
    entry, variant = registry.find_model("small/wide")
    assert (entry.name, entry.summary, entry.tasks, entry.tags) == ("small", "A small model.", ("regression",), ("odd",))
    assert entry.defaults == {"width": 2, "depth": 3}
    assert entry.arguments(variant, {"depth": 1}) == {"width": 9, "depth": 1}
    assert entry.annotations["width"] is int


def test_registered_data_set_and_recipe_are_found_by_name(shelves):
    registry.register_dataset(task="regression", tags=("odd",), offline_twin="diabetes")(rows)
    registry.register_model(tasks=("regression",))(small)
    registry.register_recipe("small", "rows", expected={"r2": 0.5}, tolerance=0.1)(settings)
    assert registry.find_dataset("rows").load() == [4]
    assert registry.find_recipe("small/wide", "rows").settings == {"epochs": 2}  # variants share it
    assert registry.find_recipe("small", "iris") is None
    assert registry.info("small").recipes == registry.info("rows").recipes == ("small@rows",)


@pytest.mark.parametrize(
    ("register", "function"),
    [
        (registry.register_model(tasks=("regression",)), small),
        (registry.register_dataset(task="regression"), rows),
        (registry.register_recipe("small", "rows", expected={}, tolerance=0.1), settings),
    ],
)
def test_second_registration_of_a_name_is_refused(shelves, register, function):
    register(function)
    with pytest.raises(UsageError, match=r"is taken in zoo\.\w+\. Received: a second .* Rename one of them\."):
        register(function)


@pytest.mark.parametrize(
    "register",
    [
        registry.register_model(tasks=("regression",)),
        registry.register_dataset(task="regression"),
        registry.register_recipe("small", "rows", expected={}, tolerance=0.1),
    ],
)
def test_missing_docstring_is_refused(shelves, register):
    def silent():
        return None

    with pytest.raises(UsageError, match=r"needs a docstring.*Received: silent without one\. Add a docstring\."):
        register(silent)


def _positional(width=1):
    """Positional."""


def _without_default(*, width):
    """No default."""


def _open_ended(**anything):
    """Anything."""


@pytest.mark.parametrize(
    ("factory", "argument"), [(_positional, "width"), (_without_default, "width"), (_open_ended, "anything")]
)
def test_factory_argument_that_is_not_keyword_only_with_a_default_is_refused(shelves, factory, argument):
    with pytest.raises(
        UsageError, match=rf"keyword-only arguments with defaults.*{factory.__name__}.*give '{argument}' a default"
    ):
        registry.register_model(tasks=("regression",))(factory)
    assert registry.list_models() == []


def test_model_without_a_task_is_refused(shelves):
    with pytest.raises(UsageError, match=r"at least one task\. Received: tasks=\(\) for 'small'"):
        registry.register_model(tasks=())(small)


def test_variant_with_an_unknown_argument_is_refused(shelves):
    with pytest.raises(UnknownNameError, match=r"Unknown argument of model 'small'. Received: 'widht'. Did you mean 'width'\?"):
        registry.register_model(tasks=("regression",), variants={"tiny": {"widht": 1}})(small)


def test_call_with_an_unknown_argument_is_refused():
    entry, _ = registry.find_model("cnn")
    with pytest.raises(UnknownNameError, match=r"argument of model 'cnn'\. Received: 'filter'\. Did you mean 'filters'"):
        entry.arguments(None, {"filter": 3})


def test_broken_plugin_is_ignored_with_a_warning(tmp_path, monkeypatch, caplog, shelves):
    _write_distribution(
        tmp_path, {"no_such_module": None, "falls_over": "1 / 0", "leaves": "raise SystemExit(3)", "sound": SOUND_MODEL}
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry.MODELS.has_plugins = False
    assert registry.list_models() == ["sound"]
    assert len(caplog.records) == 3
    assert "Plug-in leaves (leaves) was ignored: 3" in caplog.text
    assert "Plug-in no_such_module (no_such_module) was ignored: No module named 'no_such_module'" in caplog.text
    assert "Plug-in falls_over (falls_over) was ignored: division by zero" in caplog.text


def test_plugin_cannot_reuse_a_name(tmp_path, monkeypatch, caplog, shelves):
    registry.register_model(tasks=("regression",))(_named("sound"))
    _write_distribution(tmp_path, {"rival": SOUND_MODEL})
    monkeypatch.syspath_prepend(tmp_path)
    registry.MODELS.has_plugins = False
    assert registry.find_model("sound")[0].summary == "Of that name."
    assert "The name 'sound' is taken" in caplog.text


def test_a_shelf_loads_its_own_modules_before_anything_is_added(tmp_path, monkeypatch):
    package = tmp_path / "own_things"
    package.mkdir()
    (package / "__init__.py").write_text("from zoo.registry import Shelf\nTHINGS = Shelf('own_things', 'thing')\n")
    (package / "first.py").write_text("from own_things import THINGS\nTHINGS.add('first', 1)\n")
    (package / "second.py").write_text("from own_things import THINGS\nTHINGS.add('second', 2)\n")
    monkeypatch.syspath_prepend(tmp_path)
    things = importlib.import_module("own_things").THINGS
    with pytest.raises(UsageError, match=r"'first' is taken in own_things\. Received: a second thing"):
        things.add("first", 3)
    things.add("third", 3)
    assert dict(things) == {"first": 1, "second": 2, "third": 3}
    with pytest.raises(UnknownNameError, match=r"Unknown thing\. Received: 'secnd'\. Did you mean 'second'"):
        things.find("secnd")
    only_one = registry.Shelf("own_things", "thing", own=("second",))
    assert "first" not in only_one


def test_third_party_package_is_listed_with_unknown_size(other_package):
    code = (
        "import json, sys, zoo\n"
        "plain = {name: zoo.info(name).to_dict() for name in ('perceptron', 'perceptron/tiny', 'slope')}\n"
        "print(json.dumps([zoo.list_models('p*'), zoo.list_datasets('sl*'), plain, 'tensorflow' in sys.modules]))"
    )
    models, datasets, plain, has_tensorflow = json.loads(_run(other_package, code))
    assert (models, datasets) == (["perceptron", "perceptron/tiny"], ["slope"])
    assert plain["perceptron"]["parameters"] is None
    assert plain["perceptron"]["operations"] is None
    assert plain["perceptron/tiny"]["arguments"]["units"] == 1
    assert plain["slope"]["task"] == "regression"
    assert not has_tensorflow


@pytest.mark.slow
def test_third_party_package_builds_and_loads(other_package):
    code = (
        "import zoo\n"
        "data = zoo.load_data('slope', batch_size=10)\n"
        "model = zoo.build('perceptron/tiny', data=data)\n"
        "model.fit(data.train, epochs=1, shuffle=False, verbose=0)\n"
        "print(data.info.task_name, model.input_shape, model.count_params())"
    )
    assert _run(other_package, code).splitlines()[-1] == "regression (None, 3) 6"  # 3 x 1 + 1, 1 x 1 + 1


SOUND_MODEL = '''
from zoo.registry import register_model

@register_model(tasks=("regression",))
def sound(*, width: int = 1):
    """A model that loads."""
'''

OTHER_MODEL = '''
from zoo.registry import register_model

@register_model(tasks=("regression",), variants={"tiny": {"units": 1}})
def perceptron(*, input_shape: tuple[int, ...] = (2,), num_classes: int | None = None, num_outputs: int = 1, units: int = 4):
    """A perceptron of other people.

    Args:
        input_shape: `(features,)`.
        num_classes: unused.
        num_outputs: number of outputs.
        units: width.
    """
    import keras

    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(units), keras.layers.Dense(num_outputs)])
'''

OTHER_DATA = '''
from zoo.registry import register_dataset

@register_dataset(task="regression")
def slope():
    """A slope in three columns."""
    import numpy as np

    x = np.arange(90, dtype="float32").reshape(30, 3)
    return x, x.sum(axis=1)
'''


@pytest.fixture(scope="module")
def other_package(tmp_path_factory):
    """A folder in which pip has installed a wheel made by this test."""
    folder = tmp_path_factory.mktemp("wheel")
    files = {
        "other_zoo/__init__.py": "",
        "other_zoo/models.py": OTHER_MODEL,
        "other_zoo/data.py": OTHER_DATA,
        "other_zoo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: other-zoo\nVersion: 1.0\n",
        "other_zoo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "other_zoo-1.0.dist-info/entry_points.txt": (
            "[zoo.models]\nperceptron = other_zoo.models\n\n[zoo.datasets]\nslope = other_zoo.data\n"
        ),
    }
    record = "other_zoo-1.0.dist-info/RECORD"
    wheel = folder / "other_zoo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(record, "".join(f"{path},,\n" for path in (*files, record)))
    target = folder / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target, wheel]
    subprocess.run(command, check=True, capture_output=True)
    return target


def _run(path, code):
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _named(name):
    def factory(*, width: int = 1):
        """Of that name."""

    factory.__name__ = name
    return factory


def _write_distribution(folder, modules):
    """Write an installed distribution whose entry points name modules; None for a module that is not there."""
    information = folder / "plugins-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n")
    lines = "".join(f"{name} = {name}\n" for name in modules)
    (information / "entry_points.txt").write_text(f"[zoo.models]\n{lines}")
    for name, text in modules.items():
        if text is not None:
            (folder / f"{name}.py").write_text(text)
