"""Makes every setting an option: `--epochs 3 --model.dropout 0.4 --data.label-column price`.

Only the verb that runs gets these options, since describing them requires pydantic. They append to the list of `--set`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from zoo import registry
from zoo.errors import nearest
from zoo.keywords import SettingKeywords

if TYPE_CHECKING:
    from pydantic import BaseModel

GROUPS = {  # the first setting of each group, in the order of `zoo.settings.Settings`
    "task": "training", "optimizer": "optimizer and learning rate", "monitor": "early stopping",
    "augment_shift": "augmentation", "seed": "run",
}  # fmt: skip


def suggestion(words: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Return " Did you mean ...?" for the first unknown option among words, or an empty string."""
    unknown = next((word.partition("=")[0] for word in words if word.startswith("-")), "")
    exact = f"--data.{unknown.removeprefix('--')}"  # the spelling up to version 0.1
    known = parser._option_string_actions
    return f" Did you mean {exact!r}?" if exact in known else nearest(unknown, known)


def add_settings(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Add an option for each setting that a verb accepts, in groups.

    Args:
        parser: the verb's parser.
        words: words of the command line; if they name a model, `--help` shows its arguments and hides those of others.
    """
    takes = parser.get_default("takes")
    if takes is None:
        return
    from zoo.settings import DataArguments, Settings, arguments_under

    parser.usage = f"{parser.format_usage().removeprefix('usage: ').rstrip()} [--SETTING VALUE ...]"
    group: argparse._ActionsContainer = parser
    own: dict[str, Any] = {}
    if takes == "all":
        model = next((word for word in words if word in registry.list_models()), None)
        data, own = _own_defaults(model, words)
        description = f"Defaults are those of {model} on {data}." if model and data else None
        for name, kind, text in _fields(Settings, own):
            if name in GROUPS:
                group, description = parser.add_argument_group(GROUPS[name], description), None
            if name in SettingKeywords.__annotations__:
                _add(group, name, text, kind)
        shown = f"arguments of {model}" if model else "arguments of the model, which zoo train MODEL --help lists"
        group = parser.add_argument_group(shown)
        if model:
            entry, variant = registry.find_model(model)
            defaults = {**entry.defaults, **entry.arguments(variant, {}), **arguments_under("model", own)}
            for name, _, text in _described(entry.factory, entry.annotations, defaults):
                _add(group, f"model.{name}", text)
        for name in {name for entry in registry.MODELS.values() for name in entry.defaults}:
            _add(group, f"model.{name}", argparse.SUPPRESS)
    group = parser.add_argument_group("reading data")
    for name, kind, text in _fields(DataArguments, arguments_under("data", own)):
        _add(group, f"data.{name}", text, kind)


def _own_defaults(model: str | None, words: Sequence[str]) -> tuple[str | None, dict[str, Any]]:
    """Return the data in `words`, or else the model's own, and the defaults of the task and the recipe, as flat keys.

    A default is None if the task is unknown, and the possible tasks differ.
    """
    from zoo.tasks import TASKS, find_task

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--data", nargs="?")
    data = parser.parse_known_args(words)[0].data
    names = registry.find_model(model)[0].tasks if model else tuple(TASKS)
    if model and data is None:
        data = find_task(names[0]).default_data
    if dataset := registry.find_dataset(data) if data else None:
        names = (dataset.task,)
    tasks = [find_task(name).settings for name in names]
    defaults = {
        key: tasks[0].get(key) if model and all(task.get(key) == tasks[0].get(key) for task in tasks) else None
        for key in dict.fromkeys(key for task in tasks for key in task)
    }
    return data, {**defaults, **(registry.recipe_settings(model, data) if model and data else {})}


def _add(group: argparse._ActionsContainer, key: str, text: str, kind: Any = None) -> None:
    """Add an option for a setting, unless the verb has one with this name; its value is YAML, or a literal string."""
    option, is_text = f"--{key.replace('_', '-')}", kind in (str, str | None)
    if option not in group._option_string_actions:
        action = group.add_argument(option, dest="set", action="append", metavar="VALUE", help=text.replace("%", "%%"))
        action.type = lambda value: f"{key}={json.dumps(value, ensure_ascii=False) if is_text else value}"
        action.default = argparse.SUPPRESS
        group._option_string_actions[f"--{key}"] = action  # the key's own spelling, hidden in the help


def _described(documented: Any, types: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield names, types and descriptions of arguments, from a docstring's `Args:` section and the defaults."""
    effects = effects_of(documented)
    for name, kind in types.items():
        default = "" if defaults.get(name) is None else f"; default {defaults[name]}"
        repeated = r"; default.*$" if default else r"; default [^:]*$"  # the value is in parentheses
        effect = re.sub(repeated, "", effects.get(name, ""))
        yield name, kind, f"{effect} ({_kind(kind)}{default})".strip()


def effects_of(documented: Any) -> dict[str, str]:
    """Return the entries of a docstring's `Args:` section, each on one line."""
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", inspect.getdoc(documented) or "", re.MULTILINE)
    return {name: " ".join(text.split()).removesuffix(".") for name, text in entries}


def _fields(model: type[BaseModel], own: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    fields = model.model_fields
    defaults = {name: field.default for name, field in fields.items() if not field.is_required()} | dict(own)
    return _described(model, {name: field.annotation for name, field in fields.items()}, defaults)


def _kind(annotation: Any) -> str:
    """Return a type as text.

    Example:
        >>> _kind(Literal["keep", "drop"]), _kind(tuple[int, ...] | None)
        ('keep|drop', 'list of int')
    """
    origin, parts = get_origin(annotation), [part for part in get_args(annotation) if part not in (type(None), ...)]
    if origin is Annotated:
        return _kind(parts[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_kind, parts)))
    if origin is Literal:
        return "|".join(_kind(word) if get_origin(word) else str(word) for word in parts)
    if origin is tuple:
        return f"list of {_kind(parts[0])}" if ... in get_args(annotation) else f"[{', '.join(map(_kind, parts))}]"
    return "mapping" if origin is dict else str(getattr(annotation, "__name__", annotation))
