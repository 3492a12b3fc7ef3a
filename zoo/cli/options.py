"""The options that several verbs share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from zoo.errors import UnknownNameError, UsageError
from zoo.keywords import SETTING_NAMES, DataKeywords


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_data_settings(parser: argparse.ArgumentParser) -> None:
    """Add the settings of reading data, as `--data.x VALUE` and `--set data.x=VALUE`; `data_arguments` reads them."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="the same as --KEY VALUE")
    parser.set_defaults(takes="data")


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add data, a configuration file and all settings of a training run; `settings` reads the settings."""
    parser.add_argument("--data", help="name of a data set, or a path; default: the embedded data set of the task")
    parser.add_argument("--config", metavar="FILE", help="YAML file of flat settings; options replace them")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="the same as --KEY VALUE")
    parser.set_defaults(takes="all")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def add_picture(parser: argparse.ArgumentParser, name: str) -> None:
    """Add `--out` for a picture; `picture` reads it."""
    parser.add_argument("--out", metavar="FILE", help=f"PNG file to write, which must not exist; default runs/{name}-TIME.png")


def picture(arguments: argparse.Namespace, name: str) -> Path:
    """Return the path of the picture.

    Raises:
        ArtefactError: it exists.
        UsageError: the name does not end in .png.
    """
    from zoo.artefacts.files import check_new_picture

    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = Path(arguments.out) if arguments.out else Path("runs") / f"{name}-{stamp}.png"
    check_new_picture(path)
    return path


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the command line as flat keys.

    Raises:
        UnknownNameError: a key is not a setting; the message has the nearest one.
    """
    from zoo.settings import parse_assignments

    found = parse_assignments(arguments.set)
    for key in found:
        if "." not in key and key not in SETTING_NAMES:
            raise UnknownNameError("setting", key, SETTING_NAMES)
    return found


def nested(flat: Mapping[str, Any]) -> Any:
    """Return flat settings as keywords of a verb: `model.x` becomes part of `model_arguments`, `data.x` of `data_arguments`."""
    found: dict[str, Any] = {key: value for key, value in flat.items() if "." not in key}
    for key, value in flat.items():
        prefix, dot, name = key.partition(".")
        if dot:
            found.setdefault(f"{prefix}_arguments", {})[name] = value
    return found


def model_and_data(arguments: argparse.Namespace, found: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return model and data, and remove them from the settings, which may name them too.

    Raises:
        UsageError: arguments and settings name different ones.
    """
    chosen = []
    for name in ("model", "data"):
        given, other = getattr(arguments, name), found.pop(name, None)
        if given is not None and other is not None and given != other:
            raise UsageError(f"The {name} is given twice. Received: {given} and --set {name}={other}. Omit one of them.")
        chosen.append(given if given is not None else other)
    return chosen[0], chosen[1]


def data_arguments(arguments: argparse.Namespace) -> DataKeywords:
    """Return the settings of reading data as arguments of `load_data`.

    Raises:
        UnknownNameError: a key is not such a setting; the message has the nearest one.
    """
    from zoo.settings import parse_assignments

    found, accepted = parse_assignments(arguments.set), {f"data.{name}" for name in DataKeywords.__annotations__}
    for key in found:
        if key not in accepted:
            raise UnknownNameError("setting", key, accepted)
    return cast("DataKeywords", {key.removeprefix("data."): value for key, value in found.items()})
