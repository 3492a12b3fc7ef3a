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


def data_arguments(assignments: list[str]) -> dict[str, Any]:
    """Return the arguments of `load_data` in `--set data.KEY=VALUE`.

    Raises:
        UnknownNameError: a key does not begin with `data.`.
    """
    from zoo.config import DataArguments, parse_assignments

    settings = parse_assignments(assignments)
    accepted = {f"data.{name}" for name in DataArguments.model_fields}
    for key in settings:
        if key not in accepted:
            raise UnknownNameError("setting", key, accepted)
    return {key.removeprefix("data."): value for key, value in settings.items()}
