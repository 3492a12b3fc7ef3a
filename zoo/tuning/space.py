"""Search spaces: the values that each setting may take, as plain data and for keras-tuner.

A range is a list of choices, or a mapping with `min` and `max`, and optionally `step` and `sampling` (linear or log). A space
maps settings, in the flat keys of `zoo.settings`, to ranges. Models and tasks have spaces; users can change them.
"""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.settings import Settings
from zoo.tasks import Task

Range = Any  # a list, or a dict with numbers `min` and `max`: floats, or ints if all values are whole
DEFAULT = "default"  # instead of a range: the setting keeps its value
TOLERANCE = 1e-9  # for a number of steps computed from floats
DIGITS = 6  # significant digits of a sampled number
# Never searched: they define what a trial is scored on, how it is stored, or the search itself.
FIXED_SETTINGS = (
    "model", "data", "task", "seed", "monitor", "checkpoint_seconds", "auto_seconds", "keep_checkpoints", "baseline",
    "model_arguments", "data_arguments",
)  # fmt: skip
DATA_SETTINGS = (  # settings that do not change which examples are in train, validation and test
    "image_size", "vocabulary_size", "min_frequency", "lower", "char_level", "max_length", "truncation", "padding", "buckets",
)  # fmt: skip


def read_space(given: Any, explicit: Mapping[str, Any]) -> tuple[dict[str, Range], dict[str, Any]]:
    """Read and check a user's space.

    Args:
        given: a mapping, or None. For each setting a range, a single fixed value, or "default" to keep its value. With
            "default" a key may be a pattern such as `"model.*"`; other keys take precedence over patterns.
        explicit: settings that the user passed along with the space.

    Returns:
        The ranges, with "default" for settings and patterns that are not searched, and the settings with a fixed value.

    Raises:
        UsageError: a range is not accepted, a setting cannot be searched, or it is both fixed and searched.
    """
    if not isinstance(given, Mapping | None):
        raise UsageError(f"A space must map settings to ranges. Received: {type(given).__name__}. Pass a mapping.")
    ranges, fixed = {}, {}
    for key, value in (given or {}).items():
        is_default = isinstance(value, str) and value == DEFAULT
        if "*" not in key:
            _check_key(key)
        elif not is_default:
            raise UsageError(f'A pattern in a space only accepts "{DEFAULT}". Received: {key}={value}. Write "{DEFAULT}".')
        if key in explicit and not is_default:
            raise UsageError(f"A setting is either fixed or searched. Received: {key} as both. Omit one of them.")
        if isinstance(value, Mapping | list | tuple | range):
            ranges[key], first = read_range(key, value)
            if not _has_choice(ranges[key]):
                fixed[key] = first
                del ranges[key]
        elif is_default:
            ranges[key] = DEFAULT
        else:
            fixed[key] = value
    return ranges, fixed


def join_spaces(
    own: Mapping[str, Range], given: Mapping[str, Range], settings: Mapping[str, Any], explicit: Mapping[str, Any]
) -> tuple[dict[str, Range], dict[str, Any]]:
    """Return the space to search, and the initial value of each setting in it.

    Args:
        own: ranges of the model and the task.
        given: the user's ranges, from `read_space`.
        settings: initial flat settings. `own` ranges are widened to contain them; in a user's range that does not contain
            them, the search starts with the nearest value, or the first one.
        explicit: settings, or patterns of settings, that are not searched unless `given` contains them.

    Raises:
        UsageError: nothing is left to search.
    """
    unsearched = [*explicit, *(pattern for pattern, found in given.items() if found == DEFAULT)]
    read = {}
    for key, found in own.items():
        if key not in given and not any(fnmatch.fnmatchcase(key, pattern) for pattern in unsearched):
            read[key] = read_range(key, _fitting(found, settings.get(key)), settings.get(key))
    for key, found in given.items():
        if found != DEFAULT:
            read[key] = read_range(key, found, settings.get(key), may_widen=False)
    read = {key: pair for key, pair in read.items() if _has_choice(pair[0])}
    if not read:
        raise UsageError(
            "There is nothing to search: no setting has two values. Pass ranges, for example learning_rate=[0.001, 0.01]."
        )
    return {key: found for key, (found, _) in read.items()}, {key: default for key, (_, default) in read.items()}


def searched_space(
    model: str, task: Task, settings: Mapping[str, Any], given: Mapping[str, Range], explicit: Mapping[str, Any]
) -> tuple[dict[str, Range], dict[str, Any]]:
    """Return the space of a model and a task with a user's ranges, and the initial value of each setting in it.

    Args:
        model: name of the model.
        task: its task.
        settings: initial flat settings.
        given: the user's ranges, from `read_space`.
        explicit: settings, or patterns of settings, that are not searched unless `given` contains them.
    """
    entry, variant = registry.find_model(model)
    arguments = {**entry.defaults, **entry.arguments(variant, {})}
    start = {**{f"model.{name}": value for name, value in arguments.items()}, **settings}
    if explicit.get("weights") is not None:  # weights fix the architecture and how data are read
        explicit = {**explicit, "model.*": None, "data.*": None}
    own = {**task.space, **{f"model.{name}": found for name, found in entry.space.items()}}
    return join_spaces(own, given, start, explicit)


def read_range(key: str, given: Range, default: Any = None, *, may_widen: bool = True) -> tuple[Range, Any]:
    """Return a checked range, and its initial value.

    Args:
        key: the setting.
        given: the range.
        default: the initial value; None takes the first value; default None.
        may_widen: whether to widen the range to contain `default`; if not, the search starts with the nearest value;
            default True.

    Raises:
        UsageError: the value is not a range.

    Example:
        >>> read_range("epochs", {"min": 2, "max": 8, "step": 2}, default=4)
        ({'min': 2, 'max': 8, 'step': 2}, 4)
    """
    if isinstance(given, Mapping):
        return _read_interval(key, given, default, may_widen=may_widen)
    if not given:
        raise UsageError(f"A range needs at least one value. Received: {key}=[]. Pass a list, or min and max.")
    added = [default] if default is not None and may_widen else []
    listed: list[Any]
    default, *listed = [list(value) if isinstance(value, tuple) else value for value in (default, *given, *added)]
    if {type(value) for value in listed} == {int, float}:
        listed = [float(value) for value in listed]
    numbers = [number for value in listed for number in (value if type(value) is list else [value])]
    if len({type(value) is list for value in listed}) == 1 and all(type(number) in (int, float) for number in numbers):
        listed = sorted(listed)
    values = list({_as_text(value): value for value in listed}.values())
    return values, values[values.index(default)] if default in values else values[0]


def _fitting(given: Range, default: Any) -> Range:
    """Remove lists that differ in length from the default: other settings have one number for each of its members."""
    if isinstance(given, Mapping) or not isinstance(default, list | tuple):
        return given
    return [value for value in given if not isinstance(value, list) or len(value) == len(default)] or [default]


def _read_interval(key: str, given: Mapping[str, Any], default: Any, *, may_widen: bool) -> tuple[Range, Any]:
    low: Any = given.get("min")
    high: Any = given.get("max")
    step, sampling = given.get("step"), given.get("sampling", "linear")
    numbers = [low, high, *([step] if step is not None else [])]
    is_log = sampling == "log"
    if not (
        {*given} <= {"min", "max", "step", "sampling"}
        and all(isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in numbers)
        and low <= high
        and (step is None or step > (1 if is_log else 0))
        and (low > 0 if is_log else sampling == "linear")
    ):
        raise UsageError(
            "A range needs numbers `min` and `max`, optionally a `step` above 0, and `sampling` linear or log; log needs a min "
            f"above 0 and a step above 1. Received: {key}={dict(given)}. Write for example "
            f"{key}: {{min: 0.001, max: 0.1, sampling: log}}, or a list."
        )
    if not isinstance(default, int | float) or isinstance(default, bool):
        default = low
    if may_widen:
        low, high = min(low, default), max(high, default)
    default = min(max(default, low), high)
    if step is not None and not may_widen:  # move to the nearest step
        place, places = (math.log(each / low, step) if is_log else (each - low) / step for each in (default, high))
        number = min(round(place), math.floor(places + TOLERANCE))
        default = low * step**number if is_log else low + step * number
    if any(isinstance(number, float) for number in (low, high, default, *numbers)):
        low, high, default = float(low), float(high), float(default)
    parts = {"min": low, "max": high, "step": step, "sampling": "log" if is_log else None}
    return {name: part for name, part in parts.items() if part is not None}, default


def _check_key(key: str) -> None:
    """Reject a setting that a search must not change."""
    accepted = [*(Settings.model_fields.keys() - FIXED_SETTINGS), *(f"data.{name}" for name in DATA_SETTINGS), "model.NAME"]
    if not key.startswith("model.") and key not in accepted:
        raise UnknownNameError("setting that a search may change", key, accepted)


def objective_of(task: Task, name: str | None, direction: str | None) -> dict[str, str | None]:
    """Return the name and direction of the objective.

    Raises:
        UsageError: the task has no such score, or the score has the other direction.
    """
    name = (name or task.monitor).removeprefix("val_")
    if name not in task.scores:
        raise UnknownNameError(f"objective of {task.name}", name, task.scores)
    if direction not in (None, best := task.scores[name]):
        raise UsageError(f"The direction of `{name}` is {best}. Received: direction={direction!r}. Omit it.")
    return {"name": name, "direction": best}


def declare_space(space: Mapping[str, Range], defaults: Mapping[str, Any], hp: Any) -> dict[str, Any]:
    """Declare a space on keras-tuner's `HyperParameters`, and return the settings chosen there."""
    return {key: _declare(key, found, defaults[key], hp) for key, found in space.items()}


def _declare(key: str, found: Range, default: Any, hp: Any) -> Any:
    if isinstance(found, dict):
        limits = {"min_value": found["min"], "max_value": found["max"], "step": found.get("step"), "default": default}
        limits["sampling"] = found.get("sampling", "linear")
        is_whole = isinstance(found["min"], int)
        return int(hp.Int(key, **limits)) if is_whole else float(f"{hp.Float(key, **limits):.{DIGITS}g}")
    if len(types := {type(value) for value in found}) == 1 and types <= {int, float, str}:
        return hp.Choice(key, found, default=default)
    by_text = {_as_text(value): value for value in found}  # keras-tuner converts booleans to numbers, and rejects lists
    return by_text[hp.Choice(key, list(by_text), default=_as_text(default))]


def ends_of(found: Range) -> Sequence[Any]:
    """Return the values to mark on the axis of a range: minimum and maximum, or all choices."""
    return (found["min"], found["max"]) if isinstance(found, dict) else found


def samples_of(found: Range) -> list[Any]:
    """Return values of a range that represent it in checks."""
    values = list(ends_of(found))
    if isinstance(found, dict) and isinstance(found["min"], float):
        values.append(found["min"] + found.get("step", (found["max"] - found["min"]) / math.pi))  # not a whole number
    return values


def _has_choice(found: Range) -> bool:
    """Return whether a range has two or more values."""
    return len(set(map(_as_text, ends_of(found)))) > 1


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
