"""Pages of the documentation that are generated from the code: reference, settings, commands.

mkdocs calls the hook `on_files`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

import zoo
import zoo.layers as zoo_layers
from zoo import registry
from zoo import settings as configuration
from zoo.cli.completion import verb_parsers
from zoo.cli.main import VERBS, _parser
from zoo.cli.setting_options import effects_of


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to mkdocs' files."""
    from mkdocs.structure.files import File

    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def pages() -> dict[str, str]:
    """Return the text of each page, by path."""
    text = [f"zoo.text.{name}" for name in zoo.text.__all__]
    return {
        "reference/functions.md": _reference("Functions", _public(is_function=True)),
        "reference/classes.md": _reference("Classes and errors", _public(is_function=False)),
        "reference/text.md": _reference("Text", {name: _home(name) for name in text}),
        "reference/parts.md": _reference("Layers, losses, metrics", _parts()),
        "reference/settings.md": settings_page(),
        "reference/commands.md": commands_page(),
        "changes.md": '--8<-- "CHANGELOG.md"\n',
        "contributing.md": '--8<-- "CONTRIBUTING.md"\n',
    }


def _parts() -> dict[str, str]:
    """Return the place of definition of each layer, loss and metric."""
    modules = [f"zoo.layers.{module.name}" for module in pkgutil.iter_modules(zoo_layers.__path__)]
    found = {}
    for module in (*modules, "zoo.losses", "zoo.metrics"):
        for name, thing in vars(importlib.import_module(module)).items():
            if inspect.isclass(thing) and thing.__module__ == module and not name.startswith("_"):
                found[name] = f"{module}.{name}"
    return found


def _public(*, is_function: bool) -> dict[str, str]:
    """Return the place of definition of each public function, or of each other public object except modules."""
    things = {name: getattr(zoo, name) for name in zoo.__all__}
    chosen = {name: thing for name, thing in things.items() if not inspect.ismodule(thing)}
    return {f"zoo.{name}": _home(f"zoo.{name}") for name, thing in chosen.items() if inspect.isfunction(thing) == is_function}


def _home(name: str) -> str:
    """Return the qualified name of a public object."""
    module, _, last = name.rpartition(".")
    thing = getattr(importlib.import_module(module), last)
    return f"{thing.__module__}.{thing.__name__}"


def _reference(title: str, things: Mapping[str, str]) -> str:
    blocks = [f"::: {home}\n    options:\n      heading: {name}\n      toc_label: {name}\n" for name, home in things.items()]
    return "\n".join([f"# {title}\n", *blocks])


def settings_page() -> str:
    """Return the page of all settings: training, data, and the arguments of each model."""
    lines = [
        "# Settings\n",
        "Settings are flat keys for options (`--epochs 3` or `--set epochs=3`), YAML files and keywords of `zoo.train`. "
        "They come from the task, then the recipe for this model on this data, then `--config`, then options; later sources "
        "override earlier ones.\n",
        "## Training\n",
        *_fields(configuration.Settings, "", without=("model_arguments", "data_arguments")),
        "\n## Data\n",
        *_fields(configuration.DataArguments, "data."),
    ]
    for name in registry.list_models():
        if "/" not in name:
            entry = registry.find_model(name)[0]
            lines += [f"\n## Model {name}\n", f"{entry.summary}\n", "| setting | default |", "|---|---|"]
            lines += [f"| `model.{key}` | `{value!r}` |" for key, value in entry.defaults.items()]
    return "\n".join(lines) + "\n"


def _fields(model: Any, prefix: str, without: Iterable[str] = ()) -> list[str]:
    rows = ["| setting | default | meaning | accepted |", "|---|---|---|---|"]
    effects = effects_of(model)
    for name, field in model.model_fields.items():
        if name not in without:
            is_elsewhere = field.is_required() or effects[name].endswith("default: the task's")
            default = "" if is_elsewhere else f"`{field.default!r}`"
            rows.append(f"| `{prefix}{name}` | {default} | {_cell(effects[name])} | {_accepted(field)} |")
    return rows


def _accepted(field: Any) -> str:
    """Return the choices of a setting, or the bounds of a number."""
    words = [f"`{word}`" for word in _words(field.annotation)]
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    parts = [*field.metadata, *(part for each in get_args(field.annotation) for part in getattr(each, "__metadata__", ()))]
    bounds = [f"{signs[name]} {value}" for part in parts for name, value in _bounds(part) if name in signs]
    return ", ".join([*words, *bounds])


def _words(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [word for word in get_args(annotation) if isinstance(word, str)]
    return [word for part in get_args(annotation) for word in _words(part)] if get_origin(annotation) is not dict else []


def _bounds(part: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(part, name)) for name in ("ge", "gt", "le", "lt") if hasattr(part, name)]


def commands_page() -> str:
    """Return the page of all commands, with the text of `--help`."""
    parsers = verb_parsers(_parser())
    lines = ["# Commands\n", "Exit codes: 0 for success, 1 for failure, 2 for wrong usage.\n"]
    for name in VERBS:
        parser = parsers[name]
        example = (parser.epilog or "").partition("Example: ")[2]
        lines += [f"## zoo {name}\n", f"{parser.description}\n"]
        lines += [f"```bash\n{example}\n```\n"] if example else []
        lines += ["| argument | meaning |", "|---|---|"]
        for action in parser._actions[1:]:  # without --help
            shown = ", ".join(action.option_strings) or str(action.metavar or "|".join(action.choices or [action.dest]))
            if action.option_strings and action.nargs != 0:
                shown += f" {action.metavar or '|'.join(action.choices or [action.dest.upper()])}"
            lines.append(f"| `{shown}` | {_cell(action.help)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str | None) -> str:
    """Return plain text for a table cell."""
    return re.sub(r"([|*<_])", r"\\\1", text or "")
