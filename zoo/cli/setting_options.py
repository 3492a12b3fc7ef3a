"""Every setting as an option: `--epochs 3 --model.dropout 0.4 --data.label-column price`.

Only the model decides which `--model.x` exist, so words are rewritten to `--set KEY=VALUE` before argparse reads them.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from zoo import registry
from zoo.errors import UsageError, nearest
from zoo.keywords import DataKeywords, SettingKeywords

if TYPE_CHECKING:
    from pydantic import BaseModel

Takes = Literal["all", "data", ""]
DATA_OPTIONS = tuple(f"--data.{name.replace('_', '-')}" for name in DataKeywords.__annotations__)
OPTIONS = tuple(f"--{name.replace('_', '-')}" for name in SettingKeywords.__annotations__)
GROUPS = {  # the first setting of each group, in the order of `zoo.settings.Settings`
    "task": "training", "optimizer": "optimizer and learning rate", "monitor": "early stopping",
    "augment_shift": "augmentation", "seed": "run",
}  # fmt: skip


def takes_of(parser: argparse.ArgumentParser) -> Takes:
    """Return which settings a verb takes: all of them, those of data, or none."""
    takes: Takes = parser.get_default("takes") or ""
    return takes


def as_assignments(words: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    """Return the words of a verb with each `--KEY VALUE` of a setting rewritten to `--set KEY=VALUE`.

    The verb's own options keep their meaning. The value of a setting that holds text is taken literally; others are YAML.

    Raises:
        UsageError: an option comes without a value.
    """
    takes, own, found, rest = takes_of(parser), parser._option_string_actions, list[str](), iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        key = option.removeprefix("--").replace("-", "_")
        is_setting = option in DATA_OPTIONS or key.startswith("data.") or (takes == "all" and _is_of_training(key))
        if word == "--" or not takes or not option.startswith("--") or option in own or not is_setting:
            found.append(word)
            continue
        if not equals and (following := next(rest, None)) is None:
            raise UsageError(f"An option of a setting has a value. Received: {word}. Write {word} VALUE.")
        given = value if equals else str(following)
        found += ["--set", f"{key}={json.dumps(given, ensure_ascii=False) if _is_text(key) else given}"]
    return found


def suggestion(words: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Return " Did you mean ...?" for the first unknown option among words, or an empty string."""
    unknown = next((word.partition("=")[0] for word in words if word.startswith("-")), "")
    known = [
        *parser._option_string_actions,
        *{"all": (*OPTIONS, *DATA_OPTIONS), "data": DATA_OPTIONS, "": ()}[takes_of(parser)],
    ]
    exact = f"--data.{unknown.removeprefix('--')}"  # the spelling up to version 0.1
    return f" Did you mean {exact!r}?" if exact in known else nearest(unknown, known)


def document(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Add the settings that a verb takes as options of their own, in groups, for `--help` and for completion.

    Args:
        parser: the verb's parser.
        words: words of the command line; a model among them adds its arguments.
    """
    from zoo.settings import DataArguments, Settings

    if not takes_of(parser):
        return
    parser.usage = f"{parser.format_usage().removeprefix('usage: ').rstrip()} [--SETTING VALUE ...]"
    if takes_of(parser) == "all":
        group = parser
        for name, text in _described(Settings):
            if name in GROUPS:
                group = parser.add_argument_group(GROUPS[name])  # type: ignore[assignment]
            if name in SettingKeywords.__annotations__:
                _add(group, f"--{name.replace('_', '-')}", text)
        model = next((word for word in words if word in registry.list_models()), None)
        shown = f"arguments of {model}" if model else "arguments of the model: zoo train MODEL --help lists them"
        group = parser.add_argument_group(shown)  # type: ignore[assignment]
        for name, text in _arguments_of(model) if model else ():
            _add(group, f"--model.{name.replace('_', '-')}", text)
    group = parser.add_argument_group("reading data")  # type: ignore[assignment]
    for name, text in _described(DataArguments):
        _add(group, f"--data.{name.replace('_', '-')}", text)


def _add(group: argparse.ArgumentParser, option: str, text: str) -> None:
    if option not in group._option_string_actions:
        group.add_argument(option, metavar="VALUE", help=text.replace("%", "%%"), default=argparse.SUPPRESS)


def _described(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Return names and descriptions of settings, with type and default."""
    for name, field in model.model_fields.items():
        default = "" if field.is_required() or field.default is None else f"; default {field.default}"
        yield name, f"{field.description} ({_kind(field.annotation)}{default})"


def _arguments_of(name: str) -> Iterator[tuple[str, str]]:
    """Return names and descriptions of a model's arguments: effects stand in the factory's docstring."""
    entry, variant = registry.find_model(name)
    effects = dict(re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", inspect.getdoc(entry.factory) or "", re.MULTILINE))
    defaults = {**entry.defaults, **entry.arguments(variant, {})}
    for argument, default in defaults.items():
        effect = " ".join(effects.get(argument, "").split())
        yield argument, f"{effect} ({_kind(entry.annotations[argument])}; default {default})".strip()


def _kind(annotation: Any) -> str:
    """Return a type in words.

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


def _is_of_training(key: str) -> bool:
    return key.startswith("model.") or key in SettingKeywords.__annotations__


def _is_text(key: str) -> bool:
    """Whether a setting holds text, so that YAML would misread "no" or "1e5"."""
    hint = {**SettingKeywords.__annotations__, **{f"data.{name}": each for name, each in DataKeywords.__annotations__.items()}}
    return getattr(hint.get(key), "__forward_arg__", "").startswith("str")
