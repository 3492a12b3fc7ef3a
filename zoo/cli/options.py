"""The options that several verbs share."""

from __future__ import annotations

import argparse
from typing import Any

from zoo.errors import UnknownNameError


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
    from zoo.config import SETTING_NAMES, parse_assignments

    found = {**parse_assignments(arguments.set), **columns(arguments)}
    for key in found:
        if "." not in key and key not in SETTING_NAMES:
            raise UnknownNameError("setting", key, SETTING_NAMES)
    return found


def data_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `load_data` in `--set data.KEY=VALUE` and in the options of `add_columns`.

    Raises:
        UnknownNameError: a key does not begin with `data.`.
    """
    from zoo.config import DataArguments, parse_assignments

    settings = {**parse_assignments(getattr(arguments, "set", [])), **columns(arguments)}
    accepted = {f"data.{name}" for name in DataArguments.model_fields}
    for key in settings:
        if key not in accepted:
            raise UnknownNameError("setting", key, accepted)
    return {key.removeprefix("data."): value for key, value in settings.items()}
