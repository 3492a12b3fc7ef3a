"""Search spaces: which values a setting may take, told as plain data, and handed to keras-tuner.

A range is a list of choices, or a mapping with `min` and `max`, and `step` and `sampling` (linear or log) if need be. A space
is a mapping of settings, in the flat keys of `zoo.settings`, to ranges; models and tasks bring theirs, users narrow and widen
them.
"""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import UnknownNameError, UsageError
from zoo.settings import AUTO_NAMES, DataArguments, Settings

Range = Sequence[Any] | Mapping[str, Any]
PARTS_OF_RANGE = ("min", "max", "step", "sampling")
SAMPLINGS = ("linear", "log")
DEFAULT = "default"  # in place of a range: the setting stays as it is
TOLERANCE = 1e-9  # of a count of steps, which is computed from numbers with a point
DIGITS = 6  # of a number between two others; more would only be harder to read
# What a trial is scored on, how it is kept, and what names the search itself: never searched.
FIXED_SETTINGS = frozenset(
    {
        "model", "data", "task", "seed", "monitor", "checkpoint_seconds", "auto_seconds", "keep_checkpoints", "baseline",
        "model_arguments", "data_arguments",
    }
)  # fmt: skip
DATA_SETTINGS = (  # that leave the parts as they are
    "image_size", "vocabulary_size", "min_frequency", "lower", "char_level", "max_length", "truncation", "padding", "buckets",
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """One of several values, of any plain kind.

    Args:
        values: at least one, all different.
        default: the one to begin with.
    """

    values: tuple[Any, ...]
    default: Any

    def declare(self, hp: Any, name: str) -> Any:
        """Declare it on keras-tuner's `HyperParameters`, and return the value that is chosen there."""
        if _are_alike(self.values):
            return self._plain(hp.Choice(name, list(self.values), default=self.default, ordered=_are_numbers(self.values)))
        by_text = {_as_text(value): value for value in self.values}  # keras-tuner knows texts and numbers alone
        return by_text[hp.Choice(name, list(by_text), default=_as_text(self.default))]

    def _plain(self, value: Any) -> Any:
        """Return the choice that a number is, which may have been rounded on its way."""
        return min(self.values, key=lambda choice: abs(choice - value)) if _are_numbers(self.values) else value

    def ends(self) -> tuple[Any, ...]:
        """Return the values, as they are marked on an axis."""
        return self.values

    def samples(self) -> tuple[Any, ...]:
        """Return values that stand for all when they are checked."""
        return self.values

    def to_plain(self) -> list[Any]:
        """Return it as YAML has it."""
        return list(self.values)


@dataclass(frozen=True)
class Interval:
    """A number between two others, which belong to it.

    Args:
        low: the least.
        high: the greatest.
        step: distance of neighbours, or their ratio where sampling is log; None for any number.
        sampling: "linear", or "log" for the same share of trials in each order of magnitude.
        default: the value to begin with.
    """

    low: float
    high: float
    step: float | None
    sampling: str
    default: float

    def declare(self, hp: Any, name: str) -> int | float:
        """Declare it on keras-tuner's `HyperParameters`, and return the value that is chosen there."""
        limits = {"min_value": self.low, "max_value": self.high, "step": self.step, "sampling": self.sampling}
        if self.is_whole:
            return int(hp.Int(name, **limits, default=self.default))
        return float(f"{hp.Float(name, **limits, default=self.default):.{DIGITS}g}")

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers belong to it."""
        given = (self.low, self.high, self.default, *(() if self.step is None else (self.step,)))
        return all(isinstance(number, int) for number in given)

    def ends(self) -> tuple[Any, ...]:
        """Return the least and the greatest."""
        return (self.low, self.high)

    def samples(self) -> tuple[Any, ...]:
        """Return values that stand for all when they are checked."""
        between = () if self.is_whole else (self.low + (self.step or (self.high - self.low) / math.pi),)  # no whole number
        return (self.low, *between, self.high)

    def to_plain(self) -> dict[str, Any]:
        """Return it as YAML has it."""
        plain: dict[str, Any] = {"min": self.low, "max": self.high}
        if self.step is not None:
            plain["step"] = self.step
        return {**plain, **({"sampling": self.sampling} if self.sampling != "linear" else {})}


Space = Mapping[str, Choices | Interval]


@dataclass(frozen=True)
class Changes:
    """What a user says of a space.

    Args:
        ranges: to search, over those of the model and the task.
        held: settings that are held at a value.
        left: patterns of settings that are not searched.
    """

    ranges: Mapping[str, Range]
    held: Mapping[str, Any]
    left: Sequence[str]


def read_changes(given: Mapping[str, Any], explicit: Mapping[str, Any]) -> Changes:
    """Read and check what a user says of a space.

    Args:
        given: for each setting a range, a single value to hold it at, or "default" to leave it as it is. A key may be a
            pattern, as `"model.*"`, with "default"; keys without one go before patterns.
        explicit: the settings that the user gave beside it.

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
            raise UsageError(f"A setting is given or searched. Received: {key} in both. Leave one of them out.")
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
        settings: flat, with which a search begins. Each belongs to `own` ranges, which are widened where it does not; where it
            does not belong to a range of the user's, the search begins with the value there that is next to it, or first.
        explicit: the settings that the user gave, which are not searched.

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
        key: of the setting.
        given: the range.
        default: the value to begin with; None takes the first.
        may_widen: whether `default` becomes part of the range in any case; else the nearest value begins.

    Raises:
        UsageError: it is none.

    Example:
        >>> read_range("epochs", {"min": 2, "max": 8, "step": 2}, default=4)
        Interval(low=2, high=8, step=2, sampling='linear', default=4)
    """
    if not isinstance(given, Mapping):
        if not given:
            raise UsageError(f"A range has a value at least. Received: {key}=[]. Give a list, or min and max.")
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
    """Leave out lists of another length than the default's: other settings have one number for each of its members."""
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
            f"A range has numbers `min` and `max`, a `step` above 0 if need be, and `sampling` linear or log, the latter "
            f"above 0. Received: {key}={dict(given)}. Write for example "
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
    """Return the value of a stepped range that is next to a number in it."""
    count = math.log(high / low, step) if is_log else (high - low) / step
    place = math.log(number / low, step) if is_log else (number - low) / step
    steps = min(round(place), math.floor(count + TOLERANCE))
    return low * step**steps if is_log else low + step * steps


def _check_key(key: str) -> None:
    """Refuse what no search may change."""
    prefix, dot, name = key.partition(".")
    if dot and prefix == "model":
        return  # of which the factory knows
    accepted = [
        *(name for name in Settings.model_fields if name not in FIXED_SETTINGS),
        *(f"data.{name}" for name in DATA_SETTINGS),
    ]
    if key in accepted:
        return
    known = name in DataArguments.model_fields if dot and prefix == "data" else key in Settings.model_fields
    if known:
        raise UsageError(
            f"`{key}` is not searched: scores would be of other data, or it changes none. Received: it in the space. Set it "
            "beside the space."
        )
    raise UnknownNameError("setting to search", key, [*accepted, "model.NAME"])


def check_auto(space: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse ranges over settings that each trial would choose for itself.

    Raises:
        UsageError: one is "auto".
    """
    both = [name for name in AUTO_NAMES if name in space and settings.get(name) == "auto"]
    if both:
        raise UsageError(f'"auto" is one value, not a range. Received: {", ".join(both)} searched and "auto". Leave one out.')


def declare_space(space: Space, hp: Any) -> dict[str, Any]:
    """Declare a space on keras-tuner's `HyperParameters`, and return the settings that are chosen there."""
    return {key: found.declare(hp, key) for key, found in space.items()}


def plain_space(space: Space) -> dict[str, Any]:
    """Return a space as YAML has it."""
    return {key: found.to_plain() for key, found in space.items()}


def _are_alike(values: Sequence[Any]) -> bool:
    """Whether keras-tuner takes these values as they are: it makes numbers of booleans."""
    return len({type(value) for value in values}) == 1 and type(values[0]) in (int, float, str)


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(type(value) in (int, float) for value in values)


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
