"""Settings: layers, flat keys, YAML, assignments and errors."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from zoo import arguments, registry, yaml_settings
from zoo import settings as configuration
from zoo.errors import UnknownNameError, UsageError
from zoo.keywords import DataKeywords, SettingKeywords

NAMES = {"model": "cnn", "data": "mnist", "task": "image_classification"}


def test_later_layers_override_earlier_ones():
    settings = configuration.resolve(
        NAMES, {"epochs": 3, "batch_size": 16}, {"epochs": 7}, {"model.units": 8}, {"model.units": 9}
    )
    assert (settings.epochs, settings.batch_size, settings.model_arguments) == (7, 16, {"units": 9})


def test_flat_keys_round_trip():
    flat = {**NAMES, "epochs": 3, "learning_rate": 0.5, "model.filters": [1, 2], "data.image_size": [8, 9]}
    settings = configuration.resolve(flat)
    assert settings.data_arguments.image_size == (8, 9)
    assert {key: settings.to_flat()[key] for key in flat} == flat
    assert configuration.resolve(settings.to_flat()) == settings


def test_written_yaml_reads_back_as_the_same_settings(tmp_path):
    texts = {"data": "数据.csv", "data.label_column": "1e5"}
    settings = configuration.resolve({**NAMES, **texts, "learning_rate": 1e-5, "model.dropout": 0.25})
    path = tmp_path / "config.yaml"
    path.write_text(yaml_settings.write_yaml(settings), encoding="utf-8")
    assert "数据.csv" in path.read_text(encoding="utf-8")
    assert configuration.resolve(yaml_settings.read_config(path)) == settings
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["model.dropout"] == 0.25


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("epochs", 0, "greater than or equal to 1"),
        ("epochs", 1.5, "integer"),
        ("epochs", "many", "integer"),
        ("data.validation", None, "number"),
        ("batch_size", -1, "greater than or equal to 1"),
        ("learning_rate", 0, "greater than 0"),
        ("learning_rate", float("nan"), "finite number"),
        ("learning_rate", float("inf"), "finite number"),
        ("optimizer", "adamm", "'adam', 'adamw'"),
        ("schedule", "linear", "'plateau' or 'step'"),
        ("warmup", 1.0, "less than 1"),
        ("seed", -1, "greater than or equal to 0"),
        ("seed", 2**32, "less than 4294967296"),
        ("data.validation", 1, "less than 1"),
        ("data.channels", 2, "1 or 3"),
        ("data.duplicates", "ignore", "'keep' or 'drop'"),
        ("data.memory_budget_mb", -1, "greater than or equal to 0"),
    ],
)
def test_value_out_of_range_is_refused_with_name_and_value(key, value, problem):
    with pytest.raises(UsageError) as caught:
        configuration.resolve(NAMES, {key: value})
    assert f"`{key}`" in str(caught.value)
    assert problem in str(caught.value)
    assert f"Received: {value!r}." in str(caught.value)


def test_missing_setting_is_refused_by_name():
    with pytest.raises(UsageError, match="The setting `task` is not accepted: Field required"):
        configuration.resolve({"model": "cnn", "data": "mnist"})


@pytest.mark.parametrize(
    ("key", "near"),
    [("epoch", "epochs"), ("model.filter", "model.filters"), ("data.label_colum", "data.label_column"), ("lr", None)],
)
def test_unknown_key_gets_the_nearest(key, near):
    accepted = registry.find_model("cnn")[0].defaults
    given = {"epochs": 1, "model.filters": 2, "data.label_column": "y"}
    configuration.resolve(NAMES, given, model_arguments=accepted)
    with pytest.raises(UnknownNameError, match=f"Unknown setting. Received: '{key}'") as caught:
        configuration.resolve(NAMES, {key: 1}, model_arguments=accepted)
    assert near is None or f"Did you mean {near!r}?" in str(caught.value)


def test_unknown_data_argument_gets_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Unknown data argument. Received: 'chanels'. Did you mean 'channels'\?"):
        configuration.data_arguments({"chanels": 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("1e-3", 0.001), ("1E3", 1000.0), ("-2.5e+1", -25.0), ("0.1", 0.1), ("[8, 16]", [8, 16]), ("true", True),
        ("null", None), ("", None), ("a=b", "a=b"), ("'3'", "3"), ("1e", "1e"), ("e5", "e5"),
    ],
)  # fmt: skip
def test_assignment_value_is_yaml_with_plain_exponents(text, value):
    assert yaml_settings.parse_assignments([f" key ={text}"]) == {"key": value}


def test_later_assignment_wins():
    assert yaml_settings.parse_assignments(["epochs=1", "epochs=2"]) == {"epochs": 2}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs", "A setting must be KEY=VALUE"),
        ("=3", "A setting must be KEY=VALUE"),
        ("a=[1", "This is not YAML"),
        ("a=b: c: d", "YAML"),
        ("data.label_column=2024-02-30", "day is out of range"),
    ],
)
def test_malformed_assignment_is_refused(assignment, message):
    with pytest.raises(UsageError, match=message) as caught:
        yaml_settings.parse_assignments([assignment])
    assert assignment in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- 1\n- 2\n", "Received: list in"),
        (b"just text", "Received: str in"),
        (b"1: 2\n", "`key: value` lines"),
        (b"model:\n  dropout: 0.2\n", r"Received: dropout under model in .*. Write `model.dropout: 0.2`"),
        (b"data: {validation: 0.2}\n", r"Received: validation under data in .*. Write `data.validation: 0.2`"),
        (b"a: [1", "This is not YAML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"a: !!python/object:os.system {}", "This is not YAML"),
    ],
)
def test_malformed_yaml_file_is_refused_by_its_path(tmp_path, content, message):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        yaml_settings.read_config(path)
    assert str(path) in str(caught.value)


def test_missing_yaml_file_is_rejected_and_an_empty_one_has_no_settings(tmp_path):
    with pytest.raises(UsageError, match="The configuration file cannot be read"):
        yaml_settings.read_config(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("")
    assert yaml_settings.read_config(tmp_path / "empty.yaml") == {}


@pytest.mark.parametrize(
    ("name", "given", "plain"),
    [
        ("num_classes", np.int64(3), 3),
        ("num_classes", "3", 3),
        ("l2", "1e-4", 1e-4),
        ("l2", np.float32(0.5), 0.5),
        ("filters", [4, 8], (4, 8)),
        ("filters", np.array([4, 8]), (4, 8)),
        ("input_shape", (28, 28, 1), (28, 28, 1)),
    ],
)
def test_model_argument_becomes_a_plain_value(name, given, plain):
    entry, _ = registry.find_model("cnn")
    checked = configuration.check_values(entry, {name: given})[name]
    assert checked == plain
    assert type(checked) is type(plain)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("num_classes", 1, "greater than or equal to 2"),
        ("num_classes", None, "valid integer"),
        ("filters", (), "at least 1 item"),
        ("filters", (0,), "greater than or equal to 1"),
        ("filters", 8, "valid tuple"),
        ("kernel_size", 0, "greater than or equal to 1"),
        ("dropout", 1.0, "less than 1"),
        ("dropout", -0.1, "greater than or equal to 0"),
        ("dropout", float("nan"), "greater than or equal to 0|less than 1|finite"),
        ("l1", -1, "greater than or equal to 0"),
        ("activation", "rellu", "'relu'"),
    ],
)
def test_model_argument_out_of_range_is_refused(name, value, problem):
    entry, _ = registry.find_model("cnn")
    with pytest.raises(UsageError, match=problem) as caught:
        configuration.check_values(entry, {name: value})
    assert f"`{name}` of model 'cnn' is not accepted" in str(caught.value)
    assert f"Received: {value!r}." in str(caught.value)


# How types of keywords differ from those of fields: no ranges, other containers, with "auto", without "own".
SPELLINGS = dict.fromkeys(("Count", "Natural", "Seed", "Annotated[int, Ge(3)]"), "int") | {
    **dict.fromkeys(("NonNegativeFloat", "PositiveFloat", "LearningRate", "Rate", "Portion", "Share"), "float"),
    "Annotated[float, Ge(0), Le(180)]": "float", "Annotated[tuple[float, ...], MinLen(1)]": "Sequence[float]",
    "Literal[OptimizerName, 'own']": "OptimizerName", "Encoding": "str", "Fold": "tuple[int, int]",
    "ClassWeight": "Literal['balanced'] | Mapping[str, float] | None", "dict[": "Mapping[", "tuple[str, ...]": "Sequence[str]",
}  # fmt: skip


@pytest.mark.parametrize(
    ("keywords", "model", "without"),
    [
        (SettingKeywords, configuration.Settings, {"model", "data", "model_arguments", "data_arguments"}),
        (DataKeywords, configuration.DataArguments, set()),
    ],
)
def test_keywords_and_settings_have_the_same_names_and_types(keywords, model, without):
    given = {name: hint.__forward_arg__ for name, hint in keywords.__annotations__.items()}
    fields = {name: model.__annotations__[name] for name in model.model_fields if name not in without}
    for written, meant in SPELLINGS.items():
        fields = {name: hint.replace(written, meant) for name, hint in fields.items()}
    for name in set(configuration.AUTO_NAMES) & set(given):
        assert "'auto'" in given[name]
        given[name] = given[name].replace(" | Literal['auto']", "").replace(", 'auto']", "]")
    given.pop("weights", None), fields.pop("weights", None)  # also a Run or a path; settings store its name
    assert given == fields


def test_optimizer_names_are_the_same_in_settings_and_in_training():
    from typing import get_args

    from zoo.training.optimizers import OPTIMIZERS

    assert set(get_args(configuration.OptimizerName)) == set(OPTIMIZERS)


def test_activations_are_names_that_keras_knows():
    from typing import get_args

    import keras

    assert all(callable(keras.activations.get(name)) for name in get_args(arguments.Activation))


def test_a_duplicate_yaml_key_is_rejected(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("epochs: 1\nepochs: 2\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"duplicate keys: epochs"):
        yaml_settings.read_config(path)


def test_messages_about_values_hold_on_the_command_line_too():
    with pytest.raises(UsageError, match=r"See zoo\.train, or zoo train MODEL --help, for accepted values"):
        configuration.resolve({"model": "mlp", "data": "iris", "task": "", "epochs": "three"})
    with pytest.raises(UsageError, match=r"like the default, \(64, 64\) \(on the command line '\[64, 64\]'\)"):
        configuration.check_values(registry.MODELS["mlp"], {"units": "3,4"})


def test_a_prefix_that_no_setting_has_is_refused():
    with pytest.raises(UnknownNameError, match=r"Unknown setting\. Received: 'modle\.units'"):
        configuration.resolve({**NAMES, "modle.units": 3})


def test_keywords_become_flat_keys_and_a_prefix_in_python_is_refused_with_the_new_spelling():
    assert configuration.flatten({"epochs": 1}, {"units": 2}, {"raw": True}) == {
        "epochs": 1,
        "model.units": 2,
        "data.raw": True,
    }
    with pytest.raises(UsageError, match=r"Received: model.units=8. Write model_arguments=\{'units': 8\}"):
        configuration.flatten({"model.units": 8}, None, None)
    with pytest.raises(UsageError, match=r"Received: units=8. Write model_arguments=\{'units': 8\}"):
        configuration.flatten({"units": 8}, None, None)
    with pytest.raises(UnknownNameError, match=r"Received: 'model_args'. Did you mean 'model_arguments'"):
        configuration.flatten({"model_args": {"units": 8}}, None, None)
    with pytest.raises(UsageError, match=r"Received: raw=True. Write data_arguments=\{'raw': True\}"):
        configuration.flatten({"raw": True}, None, None)
    with pytest.raises(UsageError, match=r"`data_arguments` must be a mapping of names to values\. Received: 3"):
        configuration.flatten({}, None, 3)
