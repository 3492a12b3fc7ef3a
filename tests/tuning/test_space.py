"""Search spaces: reading plain data, joining spaces, and declaring them for keras-tuner."""

from __future__ import annotations

import keras_tuner
import pytest

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.settings import check_values, resolve
from zoo.tasks import TASKS
from zoo.tuning.space import declare_space, ends_of, join_spaces, read_range, read_space, samples_of

RATE = {"min": 1e-4, "max": 1e-2, "sampling": "log"}


def test_a_search_starts_with_the_given_settings():
    own = {"learning_rate": RATE, "batch_size": [32, 64], "model.filters": [[8, 16], [16, 32]]}
    begin = {"learning_rate": 0.002, "batch_size": 128, "model.filters": (10, 20)}
    chosen = declare_space(*join_spaces(own, {}, begin, {}), keras_tuner.HyperParameters())
    assert chosen == {"learning_rate": 0.002, "batch_size": 128, "model.filters": [10, 20]}


def test_zoos_ranges_are_widened_for_the_settings_and_the_users_are_not():
    own = {"learning_rate": RATE}
    range_of_user = {"learning_rate": {"min": 0.001, "max": 0.004}}
    wider = join_spaces(own, {}, {"learning_rate": 0.05}, {})
    assert wider == ({"learning_rate": {"min": 1e-4, "max": 0.05, "sampling": "log"}}, {"learning_rate": 0.05})
    assert join_spaces(own, range_of_user, {"learning_rate": 0.05}, {}) == (range_of_user, {"learning_rate": 0.004})


@pytest.mark.parametrize(
    "values",
    [[True, False], [None, 0.1], ["adam", "sgd"], [3, 5], [0.1, 0.25, 0.3], [[8, 16], [16, 32]], [0, 0.5]],
)
def test_every_choice_round_trips(values):
    found, default = read_range("key", values)
    space = {"key": found}, {"key": default}
    for value in values:
        hp = keras_tuner.HyperParameters()
        declare_space(*space, hp)
        hp.values["key"] = hp.space[0].values[found.index(value)]
        back = declare_space(*space, keras_tuner.HyperParameters.from_config(hp.get_config()))["key"]
        assert back == value
        assert isinstance(back, bool) == isinstance(value, bool)


@pytest.mark.parametrize(("low", "kind"), [(2, int), (2.0, float)])
def test_whole_numbers_stay_whole(low, kind):
    found, default = read_range("epochs", {"min": low, "max": 8, "step": 2}, 4)
    assert (type(found["min"]), type(found["max"]), type(default)) == (kind, kind, kind)
    assert type(declare_space({"epochs": found}, {"epochs": default}, keras_tuner.HyperParameters())["epochs"]) is kind


def test_settings_from_the_user_are_not_searched():
    own = {"learning_rate": RATE, "batch_size": [32, 64], "model.units": [1, 2], "model.dropout": [0.0, 0.5]}
    ranges, held = read_space({"batch_size": 32, "model.*": "default", "model.units": [4, 8]}, {})
    space, _ = join_spaces(own, ranges, {}, {"learning_rate": 0.1, **held})
    assert space == {"model.units": [4, 8]}
    assert held == {"batch_size": 32}


@pytest.mark.parametrize("given", [["sgd"], ["sgd", "sgd"], {"min": 0.5, "max": 0.5}])
def test_a_range_of_one_value_fixes_the_setting(given):
    ranges, held = read_space({"optimizer": given, "learning_rate": [0.1, 0.2]}, {})
    space, _ = join_spaces({"optimizer": ["adam", "adamw"]}, ranges, {"optimizer": "adam"}, held)
    assert held == {"optimizer": 0.5 if isinstance(given, dict) else "sgd"}
    assert list(space) == ["learning_rate"]


def test_unordered_values_keep_their_order():
    assert read_range("model.units", [[8], ["a"], [4]]) == ([[8], ["a"], [4]], [8])
    assert read_range("model.units", [[8], 4]) == ([[8], 4], [8])
    assert read_range("model.units", [[8], [4, 2], (4,)], (8,)) == ([[4], [4, 2], [8]], [8])


@pytest.mark.parametrize(
    ("given", "default", "first"),
    [
        ({"min": 64, "max": 512, "step": 64}, 500, 512),
        ({"min": 64, "max": 500, "step": 64}, 500, 448),
        ({"min": 1, "max": 1000, "step": 10, "sampling": "log"}, 500, 1000),
        ({"min": 0.1, "max": 0.5, "step": 0.1}, 0.33, 0.3),
    ],
)
def test_a_users_range_with_steps_starts_at_one_of_its_values(given, default, first):
    found, start = read_range("model.units", given, default, may_widen=False)
    assert start == pytest.approx(first)
    assert type(found["min"]) is type(start) is (int if first > 1 else float)
    assert read_range("model.units", {"min": 64, "max": 512, "step": 64}, 500)[1] == 500  # one of zoo's ranges


def test_an_interval_is_checked_between_its_ends_too():
    interval, _ = read_range("batch_size", {"min": 16.0, "max": 64.0})
    assert ends_of(interval) == (16.0, 64.0)
    assert [value.is_integer() for value in samples_of(interval)] == [True, True, False]
    assert samples_of(read_range("batch_size", {"min": 16, "max": 64})[0]) == [16, 64]


def test_lists_of_another_length_are_removed_unless_they_are_the_users():
    begin = {"model.filters": (16, 32, 64)}
    own = {"model.filters": [[8, 16], [8, 16, 32]], "batch_size": [1, 2]}
    assert join_spaces(own, {}, begin, {})[0]["model.filters"] == [[8, 16, 32], [16, 32, 64]]
    ranges, _ = read_space({"model.filters": [[8], [8, 16]]}, {})
    assert join_spaces(own, ranges, begin, {})[0]["model.filters"] == [[8], [8, 16]]


@pytest.mark.parametrize("name", registry.list_models())
def test_each_range_of_a_model_has_values_that_its_factory_accepts(name):
    entry, variant = registry.find_model(name)
    begin = {**entry.defaults, **entry.arguments(variant, {})}
    for key, found in join_spaces(entry.space, {}, begin, {})[0].items():
        for value in samples_of(found):
            check_values(entry, {key: value})


@pytest.mark.parametrize("name", TASKS)
def test_each_range_of_a_task_has_values_that_are_settings(name):
    task = TASKS[name]
    read_space(task.space, {})  # a user may pass the same range
    for key, given in task.space.items():
        for value in samples_of(read_range(key, given, task.settings.get(key))[0]):
            resolve(task.settings, {key: value, "model": "cnn", "data": "iris", "task": name})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rat": [1]}, "Did you mean 'learning_rate'"),
        ({"learning_rate": []}, "needs at least one value"),
        ({"learning_rate": {"min": 1}}, "numbers `min` and `max`"),
        ({"learning_rate": {"min": 1, "max": 0}}, "numbers `min` and `max`"),
        ({"learning_rate": {"min": 0, "max": 1, "sampling": "log"}}, "log needs a min above 0"),
        ({"learning_rate": {"min": 0, "max": 1, "step": 0}}, "a `step` above 0"),
        ({"learning_rate": {"min": 1, "max": 9, "step": 1, "sampling": "log"}}, "a step above 1"),
        ({"learning_rate": {"minimum": 0, "max": 1}}, "A range needs numbers `min` and `max`"),
        ({"model.*": [1, 2]}, 'Write "default"'),
        ({"seed": [1, 2]}, "Unknown setting that a search may change. Received: 'seed'"),
        ({"data.split_seed": [1, 2]}, "Unknown setting that a search may change"),
        ({"data.max_lengths": [1, 2]}, "Did you mean 'data.max_length'"),
        ({"epochs": [1, 2]}, "fixed or searched"),
        ([1], "A space must map settings"),
        ({"learning_rat": "default"}, "Did you mean 'learning_rate'"),
    ],
)
def test_a_wrong_space_is_refused(given, message):
    with pytest.raises(UsageError) as refused:
        read_space(given, {"epochs": 3})
    assert message in str(refused.value)


def test_a_space_with_nothing_to_search_is_refused():
    with pytest.raises(UsageError, match="nothing to search"):
        join_spaces({"batch_size": [32, 64]}, {}, {}, {"batch_size": 32})


def test_a_model_that_registers_a_range_of_an_unknown_argument_is_refused():
    def model_with_a_wrong_space(*, units: int = 3):
        """A model."""

    with pytest.raises(UnknownNameError, match="Did you mean 'units'"):
        registry.register_model(tasks=("regression",), space={"unit": [1, 2]})(model_with_a_wrong_space)
