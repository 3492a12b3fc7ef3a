"""Options that several verbs share."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from zoo.errors import UnknownNameError, UsageError
from zoo.keywords import SETTING_NAMES, DataKeywords


def add_settings(parser: argparse.ArgumentParser, takes: Literal["all", "data"] = "data") -> None:
    """Add `--set KEY=VALUE` for all settings, or those for reading data; `setting_options` adds an option for each."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="the same as --KEY VALUE")
    parser.set_defaults(takes=takes)


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add data, a configuration file and all settings of a training run; `settings` and `keywords` read them."""
    parser.add_argument("--data", help="name of a data set, or a path; default: the embedded data set of the task")
    parser.add_argument("--config", metavar="FILE", help="YAML file with settings; options override them")
    add_settings(parser, "all")
    parser.add_argument("--quiet", action="store_true", help="hide the progress bar")


def add_picture(parser: argparse.ArgumentParser, name: str) -> None:
    """Add `--out` for a picture; `picture` reads it."""
    parser.add_argument("--out", metavar="FILE", help=f"PNG file to write, which must not exist; default runs/{name}-TIME.png")


def picture(arguments: argparse.Namespace, name: str) -> Path:
    """Return the path of the picture.

    Raises:
        ArtefactError: the file exists.
        UsageError: the name does not end in .png.
    """
    from zoo.artefacts.files import check_new_picture, free_path

    path = Path(arguments.out) if arguments.out else free_path(Path("runs") / f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}.png")
    check_new_picture(path)
    return path


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return model, data and settings from the command line, as flat keys.

    Raises:
        UnknownNameError: a key is not a setting; the message suggests the nearest one.
        UsageError: model or data are set twice.
    """
    from zoo.yaml_settings import parse_assignments

    found = {"model": arguments.model, "data": arguments.data}
    for key, value in parse_assignments(arguments.set).items():
        if "." not in key and key not in SETTING_NAMES:
            raise UnknownNameError("setting", key, SETTING_NAMES)
        if found.get(key) not in (None, value):
            raise UsageError(f"The {key} is set twice. Received: {found[key]} and --set {key}={value}. Omit one of them.")
        found[key] = value
    return found


def keywords(arguments: argparse.Namespace) -> Any:
    """Return the options of `add_training` as keywords of a verb: `model.x` becomes part of `model_arguments`."""
    found: dict[str, Any] = {"config": arguments.config, "verbose": 0 if arguments.quiet else 1}
    for key, value in settings(arguments).items():
        prefix, dot, name = key.partition(".")
        if dot:
            found.setdefault(f"{prefix}_arguments", {})[name] = value
        else:
            found[key] = value
    return found


def data_arguments(arguments: argparse.Namespace) -> DataKeywords:
    """Return the settings for reading data as arguments of `load_data`.

    Raises:
        UnknownNameError: a key is not such a setting; the message suggests the nearest one.
    """
    from zoo.yaml_settings import parse_assignments

    found, accepted = parse_assignments(arguments.set), {f"data.{name}" for name in DataKeywords.__annotations__}
    for key in found:
        if key not in accepted:
            raise UnknownNameError("setting", key, accepted)
    return cast("DataKeywords", {key.removeprefix("data."): value for key, value in found.items()})
