"""Search spaces: the values that each setting may take, as plain data and for keras-tuner.

A range is a list of choices, or a mapping with `min` and `max`, and optionally `step` and `sampling` (linear or log). A space
maps settings, in the flat keys of `zoo.settings`, to ranges. Models and tasks have spaces; users narrow and widen them.
"""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.settings import AUTO_NAMES, DataArguments, Settings
from zoo.tasks import Task

Range = Sequence[Any] | Mapping[str, Any]
PARTS_OF_RANGE = ("min", "max", "step", "sampling")
SAMPLINGS = ("linear", "log")
DEFAULT = "default"  # instead of a range: the setting keeps its value
TOLERANCE = 1e-9  # of a number of steps, which is computed from floats
DIGITS = 6  # significant digits of a sampled number
# Never searched: they decide what a trial is scored on, how it is kept, or what the search itself is.
FIXED_SETTINGS = frozenset(
    {
        "model", "data", "task", "seed", "monitor", "checkpoint_seconds", "auto_seconds", "keep_checkpoints", "baseline",
        "model_arguments", "data_arguments",
    }
)  # fmt: skip
DATA_SETTINGS = (  # those that do not change train, validation and test
    "image_size", "vocabulary_size", "min_frequency", "lower", "char_level", "max_length", "truncation", "padding", "buckets",
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """One of several values of any plain type.

    Args:
        values: the values, at least one, all different.
        default: the value to start with.
    """

    values: tuple[Any, ...]
    default: Any

    def declare(self, hp: Any, name: str) -> Any:
        """Declare the range on keras-tuner's `HyperParameters`, and return the value chosen there."""
        if _are_alike(self.values):
            return self._plain(hp.Choice(name, list(self.values), default=self.default, ordered=_are_numbers(self.values)))
        by_text = {_as_text(value): value for value in self.values}  # keras-tuner accepts only strings and numbers
        return by_text[hp.Choice(name, list(by_text), default=_as_text(self.default))]

    def _plain(self, value: Any) -> Any:
        """Return the choice nearest to a number, which keras-tuner may have rounded."""
        return min(self.values, key=lambda choice: abs(choice - value)) if _are_numbers(self.values) else value

    def ends(self) -> tuple[Any, ...]:
        """Return the values to mark on an axis."""
        return self.values

    def samples(self) -> tuple[Any, ...]:
        """Return values whose check stands for all."""
        return self.values

    def to_plain(self) -> list[Any]:
        """Return the range as plain data."""
        return list(self.values)


@dataclass(frozen=True)
class Interval:
    """A number in a closed interval.

    Args:
        low: the minimum.
        high: the maximum.
        step: distance of neighbours, or their ratio if sampling is log; None for any number.
        sampling: "linear", or "log" for the same share of trials in each order of magnitude.
        default: the value to start with.
    """

    low: float
    high: float
    step: float | None
    sampling: str
    default: float

    def declare(self, hp: Any, name: str) -> int | float:
        """Declare the range on keras-tuner's `HyperParameters`, and return the value chosen there."""
        limits = {"min_value": self.low, "max_value": self.high, "step": self.step, "sampling": self.sampling}
        if self.is_whole:
            return int(hp.Int(name, **limits, default=self.default))
        return float(f"{hp.Float(name, **limits, default=self.default):.{DIGITS}g}")

    @property
    def is_whole(self) -> bool:
        """Whether the interval contains only whole numbers."""
        given = (self.low, self.high, self.default, *(() if self.step is None else (self.step,)))
        return all(isinstance(number, int) for number in given)

    def ends(self) -> tuple[Any, ...]:
        """Return minimum and maximum."""
        return (self.low, self.high)

    def samples(self) -> tuple[Any, ...]:
        """Return values whose check stands for all."""
        between = () if self.is_whole else (self.low + (self.step or (self.high - self.low) / math.pi),)  # no whole number
        return (self.low, *between, self.high)

    def to_plain(self) -> dict[str, Any]:
        """Return the range as plain data."""
        plain: dict[str, Any] = {"min": self.low, "max": self.high}
        if self.step is not None:
            plain["step"] = self.step
        return {**plain, **({"sampling": self.sampling} if self.sampling != "linear" else {})}


Space = Mapping[str, Choices | Interval]


@dataclass(frozen=True)
class Changes:
    """A user's changes of a space.

    Args:
        ranges: ranges to search, which replace those of the model and the task.
        held: settings with a fixed value.
        left: patterns of settings that are not searched.
    """

    ranges: Mapping[str, Range]
    held: Mapping[str, Any]
    left: Sequence[str]


def check_mapping(space: Any) -> dict[str, Any]:
    """Return a user's space as a new mapping.

    Raises:
        UsageError: it is not a mapping.
    """
    if not isinstance(space, Mapping | None):
        raise UsageError(f"A space is a mapping of settings to ranges. Received: {type(space).__name__}. Give a mapping.")
    return dict(space or {})


def read_changes(given: Mapping[str, Any], explicit: Mapping[str, Any]) -> Changes:
    """Read and check a user's changes of a space.

    Args:
        given: for each setting a range, a single fixed value, or "default" to keep its value. With "default" a key may be a
            pattern such as `"model.*"`; other keys take precedence over patterns.
        explicit: settings that the user gave along with the space.

    Raises:
        UsageError: a range is not accepted, or a setting cannot be searched or is given as well.
    """
    ranges, held, left = {}, {}, []
    for key, value in given.items():
        if "*" not in key:
            _check_key(key)
        if isinstance(value, str) and value == DEFAULT:
            left.append(key)
            continue
        if "*" in key:
            raise UsageError(f'A pattern in a space leaves settings as they are. Received: {key}={value}. Write "{DEFAULT}".')
        if key in explicit:
            raise UsageError(f"A setting is given or searched. Received: {key} as both. Leave one of them out.")
        if isinstance(value, Mapping | list | tuple | range):
            plain = value if isinstance(value, Mapping) else list(value)
            ends = read_range(key, plain).ends()
            if len(set(map(_as_text, ends))) == 1:
                held[key] = ends[0]
            else:
                ranges[key] = plain
        else:
            held[key] = value
    return Changes(ranges, held, left)


def join_spaces(
    own: Mapping[str, Range], changes: Changes, settings: Mapping[str, Any], explicit: Mapping[str, Any]
) -> dict[str, Choices | Interval]:
    """Return the space to search.

    Args:
        own: ranges of the model and the task.
        changes: the user's.
        settings: flat settings that the search starts with. `own` ranges are widened to contain them; in a user's range
            that does not contain them the search starts with the nearest value, or the first one.
        explicit: settings that the user gave, which are not searched.

    Raises:
        UsageError: nothing is left to search.
    """
    space = {}
    for key, found in own.items():
        if key not in {**changes.ranges, **changes.held, **explicit} and not any(
            fnmatch.fnmatchcase(key, pattern) for pattern in changes.left
        ):
            space[key] = read_range(key, _fitting(found, settings.get(key)), settings.get(key))
    for key, found in changes.ranges.items():
        space[key] = read_range(key, found, settings.get(key), may_widen=False)
    space = {key: found for key, found in space.items() if len(set(map(_as_text, found.ends()))) > 1}
    if not space:
        raise UsageError(
            "There is nothing to search: no setting has two values. Give ranges, for example learning_rate=[0.001, 0.01]."
        )
    return space


def read_range(key: str, given: Range, default: Any = None, *, may_widen: bool = True) -> Choices | Interval:
    """Return a range from plain data.

    Args:
        key: the setting.
        given: the range.
        default: the value to start with; None takes the first one; default None.
        may_widen: whether the range is widened to contain `default`; otherwise the search starts with the nearest value.

    Raises:
        UsageError: it is not a range.

    Example:
        >>> read_range("epochs", {"min": 2, "max": 8, "step": 2}, default=4)
        Interval(low=2, high=8, step=2, sampling='linear', default=4)
    """
    if not isinstance(given, Mapping):
        if not given:
            raise UsageError(f"A range has at least one value. Received: {key}=[]. Give a list, or min and max.")
        listed = [*given, *([default] if default is not None and may_widen else [])]
        if any(type(value) is float for value in listed) and all(type(value) in (int, float) for value in listed):
            listed = [float(value) for value in listed]
            default = None if default is None else float(default)
        listed = [list(value) if isinstance(value, tuple) else value for value in listed]
        numbers = [number for value in listed for number in (value if type(value) is list else [value])]
        is_of_one_kind = len({type(value) is list for value in listed}) == 1
        if is_of_one_kind and all(type(number) in (int, float) for number in numbers):
            listed = sorted(listed)
        by_text = {_as_text(value): value for value in listed}
        values = tuple(by_text.values())
        return Choices(values, by_text.get(_as_text(default), values[0]))
    return _read_interval(key, given, default, may_widen=may_widen)


def _fitting(given: Range, default: Any) -> Range:
    """Leave out lists whose length differs from the default's: other settings have one number for each member."""
    if isinstance(given, Mapping) or not isinstance(default, list | tuple):
        return given
    return [value for value in given if not isinstance(value, list) or len(value) == len(default)] or [default]


def _read_interval(key: str, given: Mapping[str, Any], default: Any, *, may_widen: bool) -> Interval:
    for name in given:
        if name not in PARTS_OF_RANGE:
            raise UnknownNameError(f"part of the range {key}", name, PARTS_OF_RANGE)
    low: Any = given.get("min")
    high: Any = given.get("max")
    step, sampling = given.get("step"), given.get("sampling", "linear")
    numbers = [low, high, *([step] if step is not None else [])]
    is_fine = all(isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in numbers)
    if not is_fine or low > high or sampling not in SAMPLINGS or (sampling == "log" and low <= 0):
        raise UsageError(
            f"A range has numbers `min` and `max`, optionally a `step` above 0, and `sampling` linear or log, which needs "
            f"min above 0. Received: {key}={dict(given)}. Write for example "
            f"{key}: {{min: 0.001, max: 0.1, sampling: log}}, or a list."
        )
    if step is not None and step <= (1 if sampling == "log" else 0):
        raise UsageError(
            "A `step` is above 0, and above 1 where sampling is log, whose neighbours it multiplies. "
            f"Received: {key}={dict(given)}."
        )
    if not isinstance(default, int | float) or isinstance(default, bool):
        default = low
    if may_widen:
        low, high = min(low, default), max(high, default)
    default = min(max(default, low), high)
    if step is not None and not may_widen:
        default = _on_step(default, low, high, step, is_log=sampling == "log")
    if any(isinstance(number, float) for number in (low, high, default, *numbers)):
        low, high, default = float(low), float(high), float(default)
    return Interval(low, high, step, sampling, default)


def _on_step(number: float, low: float, high: float, step: float, *, is_log: bool) -> float:
    """Return the value of a stepped range that is nearest to a number in it."""
    count = math.log(high / low, step) if is_log else (high - low) / step
    place = math.log(number / low, step) if is_log else (number - low) / step
    steps = min(round(place), math.floor(count + TOLERANCE))
    return low * step**steps if is_log else low + step * steps


def _check_key(key: str) -> None:
    """Refuse a setting that no search may change."""
    prefix, dot, name = key.partition(".")
    if dot and prefix == "model":
        return  # the factory's own
    accepted = [
        *(name for name in Settings.model_fields if name not in FIXED_SETTINGS),
        *(f"data.{name}" for name in DATA_SETTINGS),
    ]
    if key in accepted:
        return
    known = name in DataArguments.model_fields if dot and prefix == "data" else key in Settings.model_fields
    if known:
        raise UsageError(
            f"`{key}` cannot be searched: it changes the data that trials are scored on, or no score. Received: {key} in the "
            "space. Give it as a setting."
        )
    raise UnknownNameError("setting to search", key, [*accepted, "model.NAME"])


def check_auto(space: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse ranges of settings that each trial would choose by probes.

    Raises:
        UsageError: one is "auto".
    """
    both = [name for name in AUTO_NAMES if name in space and settings.get(name) == "auto"]
    if both:
        raise UsageError(f'"auto" is one value, not a range. Received: {", ".join(both)} as both. Leave one out.')


def searched_space(
    model: str,
    task: Task,
    settings: Mapping[str, Any],
    changes: Changes,
    explicit: Mapping[str, Any],
    without: tuple[str, ...] = (),
) -> dict[str, Choices | Interval]:
    """Return the space of a model and a task with a user's changes.

    Args:
        model: name of the model.
        task: its task.
        settings: flat settings that the search starts with.
        changes: the user's changes.
        explicit: settings that the user gave, which are not searched.
        without: prefixes of settings that are searched only if the user gives a range; default `()`.
    """
    entry, variant = registry.find_model(model)
    arguments = {**entry.defaults, **entry.arguments(variant, {})}
    start = {**{f"model.{name}": value for name, value in arguments.items()}, **settings}
    own = {**task.space, **{f"model.{name}": found for name, found in entry.space.items()}}
    if explicit.get("weights") is not None:  # which determine the architecture and how data are read
        without = (*without, "model.", "data.")
    own = {key: found for key, found in own.items() if not key.startswith(without)}
    return join_spaces(own, changes, start, explicit)


def objective_of(task: Task, name: str | None, direction: str | None) -> dict[str, str | None]:
    """Return name and direction of the objective.

    Raises:
        UsageError: the task has no such score, or its direction is the other one.
    """
    name = (name or task.monitor).removeprefix("val_")
    if name not in task.scores:
        raise UnknownNameError(f"objective of {task.name}", name, task.scores)
    if direction not in (None, best := task.scores[name]):
        raise UsageError(f"The direction of `{name}` is {best}. Received: direction={direction!r}. Leave it out.")
    return {"name": name, "direction": best}


def declare_space(space: Space, hp: Any) -> dict[str, Any]:
    """Declare a space on keras-tuner's `HyperParameters`, and return the settings chosen there."""
    return {key: found.declare(hp, key) for key, found in space.items()}


def plain_space(space: Space) -> dict[str, Any]:
    """Return a space as plain data."""
    return {key: found.to_plain() for key, found in space.items()}


def _are_alike(values: Sequence[Any]) -> bool:
    """Whether keras-tuner takes these values as they are; it turns booleans into numbers."""
    return len({type(value) for value in values}) == 1 and type(values[0]) in (int, float, str)


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(type(value) in (int, float) for value in values)


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
