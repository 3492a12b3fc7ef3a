"""Search spaces: what is read from plain data, joined, and handed to keras-tuner."""

from __future__ import annotations

import keras_tuner
import pytest

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.settings import check_values, resolve
from zoo.tasks import TASKS
from zoo.tuning.space import (
    Choices,
    Interval,
    check_auto,
    declare_space,
    join_spaces,
    plain_space,
    read_changes,
    read_range,
)

RATE = {"min": 1e-4, "max": 1e-2, "sampling": "log"}
NOTHING = read_changes({}, {})


def chosen_far_away(space, values):
    """Return what a worker reads of values that went through keras-tuner's messages."""
    here = keras_tuner.HyperParameters()
    declare_space(space, here)
    here.values.update(values)
    return declare_space(space, keras_tuner.HyperParameters.from_proto(here.to_proto()))


def test_a_search_begins_with_the_settings_that_it_is_given():
    own = {"learning_rate": RATE, "batch_size": [32, 64], "model.filters": [[8, 16], [16, 32]]}
    begin = {"learning_rate": 0.002, "batch_size": 128, "model.filters": (10, 20)}
    space = join_spaces(own, NOTHING, begin, {})
    chosen = declare_space(space, keras_tuner.HyperParameters())
    assert chosen == {"learning_rate": 0.002, "batch_size": 128, "model.filters": [10, 20]}


def test_a_range_of_the_house_is_widened_for_the_settings_and_one_of_the_user_is_not():
    own = {"learning_rate": RATE}
    wider = join_spaces(own, NOTHING, {"learning_rate": 0.05}, {})["learning_rate"]
    narrow = join_spaces(own, read_changes({"learning_rate": {"min": 0.001, "max": 0.004}}, {}), {"learning_rate": 0.05}, {})
    assert (wider.low, wider.high, wider.default) == (1e-4, 0.05, 0.05)
    assert narrow["learning_rate"] == Interval(0.001, 0.004, None, "linear", 0.004)


@pytest.mark.parametrize(
    "values",
    [[True, False], [None, 0.1], ["adam", "sgd"], [3, 5], [0.1, 0.25, 0.3], [[8, 16], [16, 32]], [0, 0.5]],
)
def test_every_choice_comes_back_as_it_was(values):
    found = read_range("key", values)
    for value in values:
        hp = keras_tuner.HyperParameters()
        found.declare(hp, "key")
        texts = hp.space[0].values
        hp.values["key"] = texts[list(found.values).index(value)]
        back = found.declare(keras_tuner.HyperParameters.from_proto(hp.to_proto()), "key")
        assert back == value
        assert isinstance(back, bool) == isinstance(value, bool)


def test_numbers_come_back_through_keras_tuners_messages():
    space = {"learning_rate": read_range("learning_rate", RATE, 0.00213)}
    assert chosen_far_away(space, {}) == {"learning_rate": 0.00213}


def test_whole_numbers_stay_whole():
    found = read_range("epochs", {"min": 2, "max": 8, "step": 2}, 4)
    assert found.is_whole
    assert isinstance(found.declare(keras_tuner.HyperParameters(), "epochs"), int)


def test_what_the_user_gives_is_not_searched():
    own = {"learning_rate": RATE, "batch_size": [32, 64], "model.units": [1, 2], "model.dropout": [0.0, 0.5]}
    changes = read_changes({"batch_size": 32, "model.*": "default", "model.units": [4, 8]}, {})
    space = join_spaces(own, changes, {}, {"learning_rate": 0.1})
    assert plain_space(space) == {"model.units": [4, 8]}
    assert changes.held == {"batch_size": 32}


@pytest.mark.parametrize("given", [["sgd"], ["sgd", "sgd"], {"min": 0.5, "max": 0.5}])
def test_a_range_of_one_value_holds_the_setting_at_it(given):
    changes = read_changes({"optimizer": given, "learning_rate": [0.1, 0.2]}, {})
    space = join_spaces({"optimizer": ["adam", "adamw"]}, changes, {"optimizer": "adam"}, {})
    assert changes.held == {"optimizer": 0.5 if isinstance(given, dict) else "sgd"}
    assert list(space) == ["learning_rate"]


def test_values_without_an_order_stay_as_they_are_given():
    assert read_range("model.units", [[8], ["a"], [4]]).values == ([8], ["a"], [4])
    assert read_range("model.units", [[8], 4]).values == ([8], 4)
    assert read_range("model.units", [[8], [4, 2], [4]]).values == ([4], [4, 2], [8])


@pytest.mark.parametrize(
    ("given", "default", "first"),
    [
        ({"min": 64, "max": 512, "step": 64}, 500, 512),
        ({"min": 64, "max": 500, "step": 64}, 500, 448),
        ({"min": 1, "max": 1000, "step": 10, "sampling": "log"}, 500, 1000),
        ({"min": 0.1, "max": 0.5, "step": 0.1}, 0.33, 0.3),
    ],
)
def test_a_users_range_in_steps_begins_with_one_of_its_values(given, default, first):
    found = read_range("model.units", given, default, may_widen=False)
    assert found.default == pytest.approx(first)
    assert found.is_whole == (first > 1)
    assert read_range("model.units", {"min": 64, "max": 512, "step": 64}, 500).default == 500  # one of the house's


def test_an_interval_is_checked_between_its_ends_too():
    interval = read_range("batch_size", {"min": 16.0, "max": 64.0})
    assert interval.ends() == (16.0, 64.0)
    assert [value.is_integer() for value in interval.samples()] == [True, False, True]
    assert read_range("batch_size", {"min": 16, "max": 64}).samples() == (16, 64)


def test_lists_of_another_length_are_left_out_and_those_of_the_user_are_not():
    begin = {"model.filters": (16, 32, 64)}
    own = {"model.filters": [[8, 16], [8, 16, 32]], "batch_size": [1, 2]}
    assert join_spaces(own, NOTHING, begin, {})["model.filters"].to_plain() == [[8, 16, 32], [16, 32, 64]]
    changes = read_changes({"model.filters": [[8], [8, 16]]}, {})
    assert join_spaces(own, changes, begin, {})["model.filters"].to_plain() == [[8], [8, 16]]


@pytest.mark.parametrize("name", registry.list_models())
def test_each_range_of_a_model_has_values_that_its_factory_takes(name):
    entry, variant = registry.find_model(name)
    begin = {**entry.defaults, **entry.arguments(variant, {})}
    space = join_spaces(entry.space, NOTHING, begin, {})
    for key, found in space.items():
        for value in found.samples():
            check_values(entry, {key: value})


@pytest.mark.parametrize("name", TASKS)
def test_each_range_of_a_task_has_values_that_are_settings(name):
    task = TASKS[name]
    read_changes(task.space, {})  # a user may say the same
    for key, given in task.space.items():
        for value in read_range(key, given, task.settings.get(key)).samples():
            resolve(task.settings, {key: value, "model": "cnn", "data": "iris", "task": name})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rat": [1]}, "Did you mean 'learning_rate'"),
        ({"learning_rate": []}, "has at least one value"),
        ({"learning_rate": {"min": 1}}, "numbers `min` and `max`"),
        ({"learning_rate": {"min": 1, "max": 0}}, "numbers `min` and `max`"),
        ({"learning_rate": {"min": 0, "max": 1, "sampling": "log"}}, "which needs min above 0"),
        ({"learning_rate": {"min": 0, "max": 1, "step": 0}}, "`step` is above 0"),
        ({"learning_rate": {"min": 1, "max": 9, "step": 1, "sampling": "log"}}, "above 1 where sampling is log"),
        ({"learning_rate": {"minimum": 0, "max": 1}}, "Unknown part of the range learning_rate"),
        ({"model.*": [1, 2]}, 'Write "default"'),
        ({"seed": [1, 2]}, "cannot be searched"),
        ({"data.split_seed": [1, 2]}, "cannot be searched"),
        ({"data.max_lengths": [1, 2]}, "Did you mean 'data.max_length'"),
        ({"epochs": [1, 2]}, "given or searched"),
        ({"learning_rat": "default"}, "Did you mean 'learning_rate'"),
    ],
)
def test_a_wrong_space_is_refused(given, message):
    with pytest.raises(UsageError) as refused:
        read_changes(given, {"epochs": 3})
    assert message in str(refused.value)


def test_a_space_with_nothing_to_search_is_refused():
    with pytest.raises(UsageError, match="nothing to search"):
        join_spaces({"batch_size": [32, 64]}, read_changes({"batch_size": [32]}, {}), {}, {})


def test_a_setting_that_chooses_for_itself_is_not_searched_too():
    with pytest.raises(UsageError, match='"auto" is one value'):
        check_auto({"batch_size": [1, 2]}, {"batch_size": "auto"})


def test_a_model_that_registers_a_range_of_an_unknown_argument_is_refused():
    def model_with_a_wrong_space(*, units: int = 3):
        """A model."""

    with pytest.raises(UnknownNameError, match="Did you mean 'units'"):
        registry.register_model(tasks=("regression",), space={"unit": [1, 2]})(model_with_a_wrong_space)


def test_choices_of_numbers_take_the_nearest():
    assert Choices((0.1, 0.2), 0.1).declare(fake_choice(0.20000000298), "key") == 0.2


def fake_choice(value):
    class Fake:
        def Choice(self, *arguments, **named):  # noqa: N802 - keras-tuner's name
            return value

    return Fake()
