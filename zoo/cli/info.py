"""`zoo info`."""

from __future__ import annotations

import argparse

from zoo import registry
from zoo.cli import options, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `zoo info` takes."""
    parser.add_argument("name", help="a model, a variant such as cnn/tiny, or a data set")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show what is known of a model or a data set.

    Example: zoo info cnn
    """
    content = registry.info(arguments.name).to_dict()
    if arguments.json:
        output.print_json(content)
        return 0
    defaults = content.pop("arguments", {})
    output.print_table(("", ""), list(content.items()))
    if defaults:
        output.print_line()
        output.print_table(("setting", "default"), [(f"model.{key}", repr(value)) for key, value in defaults.items()])
    return 0
