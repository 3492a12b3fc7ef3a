"""The options that several verbs share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zoo.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from zoo.keywords import DataKeywords


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_set(parser: argparse.ArgumentParser, example: str) -> None:
    """Add `--set KEY=VALUE`."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help=f"a setting, may be repeated; for example {example}"
    )


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add `--text-column`, `--label-column` and `--encoding`."""
    parser.add_argument("--text-column", metavar="NAME", help="the column of texts, by name or, without a header, from 1")
    parser.add_argument("--label-column", metavar="NAME", help="the column to predict")
    parser.add_argument("--encoding", metavar="NAME", help="of a text file; default utf-8")


def add_training(parser: argparse.ArgumentParser, example: str) -> None:
    """Add what says on which data and with which settings a model is trained; `settings` reads the latter."""
    parser.add_argument("--data", help="a data set's name or a path; by default the task's embedded data set")
    parser.add_argument("--config", metavar="FILE", help="a YAML file of flat settings")
    add_columns(parser)
    add_set(parser, example)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def add_picture(parser: argparse.ArgumentParser, name: str) -> None:
    """Add `--out` for a picture; `picture` reads it."""
    parser.add_argument("--out", metavar="FILE", help=f"the picture, a new PNG file; default runs/{name}-TIME.png")


def picture(arguments: argparse.Namespace, name: str) -> Path:
    """Return where the picture goes.

    Raises:
        ArtefactError: it exists.
        UsageError: its name does not end in .png.
    """
    from zoo.artefacts.files import check_new_picture

    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = Path(arguments.out) if arguments.out else Path("runs") / f"{name}-{stamp}.png"
    check_new_picture(path)
    return path


def columns(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `add_columns` read, as flat settings."""
    names = ("text_column", "label_column", "encoding")
    given = {f"data.{name}": getattr(arguments, name, None) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings in `--set KEY=VALUE` and in the options of `add_columns`; model and data arguments keep prefixes.

    Raises:
        UnknownNameError: a key is no setting; the message has the nearest.
    """
    from zoo.settings import SETTING_NAMES, parse_assignments

    found = {**parse_assignments(arguments.set), **columns(arguments)}
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
    """Take model and data out of the settings, where they stand in place of the arguments proper.

    Raises:
        UsageError: both are there and differ.
    """
    chosen = []
    for name in ("model", "data"):
        given, other = getattr(arguments, name), found.pop(name, None)
        if given is not None and other is not None and given != other:
            raise UsageError(f"The {name} is given twice. Received: {given} and --set {name}={other}. Leave one of them out.")
        chosen.append(given if given is not None else other)
    return chosen[0], chosen[1]


def data_arguments(arguments: argparse.Namespace) -> DataKeywords:
    """Return the arguments of `load_data` in `--set data.KEY=VALUE` and in the options of `add_columns`.

    Raises:
        UnknownNameError: a key does not begin with `data.`.
    """
    from zoo.settings import DataArguments, parse_assignments

    settings = {**parse_assignments(getattr(arguments, "set", [])), **columns(arguments)}
    accepted = {f"data.{name}" for name in DataArguments.model_fields}
    for key in settings:
        if key not in accepted:
            raise UnknownNameError("setting", key, accepted)
    return cast("DataKeywords", {key.removeprefix("data."): value for key, value in settings.items()})
