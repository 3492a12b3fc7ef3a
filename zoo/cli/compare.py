"""`zoo compare`."""

from __future__ import annotations

import argparse

from zoo.cli import options, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo compare`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="two or more run directories or released models")
    options.add_picture(parser, "compare")


def run(arguments: argparse.Namespace) -> int:
    """Print finished runs side by side and plot their validation curves.

    Example: zoo compare runs/cnn-mnist-1 runs/cnn-mnist-2
    """
    output.start_tensorflow()
    from zoo.api.comparing import compare

    picture = options.picture(arguments, "compare")
    comparison = compare(*arguments.runs)
    comparison.plot(picture)
    scores, differences = comparison.scores, comparison.differences
    if arguments.json:
        output.print_json({"runs": scores, "differences": differences, "picture": str(picture)})
        return 0
    columns = list(scores[0])
    output.print_table(columns, [[row.get(name) for name in columns] for row in scores], right=columns[3:])
    if differences:
        output.print_line()
        output.print_table(("setting", *comparison.names), [(name, *map(str, row)) for name, row in differences.items()])
    output.print_line(f"\nValidation curves: {picture}")
    return 0
