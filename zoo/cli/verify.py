"""`zoo verify`."""

from __future__ import annotations

import argparse

from zoo.cli import output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo verify`."""
    parser.add_argument("run_directory", metavar="NAME", help="released model, for example cnn@mnist, or run directory")


def run(arguments: argparse.Namespace) -> int:
    """Check a released model's files, score it again on its test data, and fail if a score has drifted.

    Example: zoo verify cnn@mnist
    """
    output.start_tensorflow()
    from zoo.api.verifying import verify

    verification = verify(arguments.run_directory)
    if arguments.json:
        output.print_json(verification.to_dict())
        return 0 if verification.is_good else 1
    columns = ("score", "then", "now", "may differ by")
    rows = [
        (name, value, verification.found.get(name, float("nan")), verification.tolerances[name])
        for name, value in verification.expected.items()
    ]
    output.print_table(columns, rows, right=columns[1:])
    output.print_line(
        f"\n{verification.num_examples:,} test examples. "
        + ("All scores match." if verification.is_good else f"Drifted: {', '.join(verification.drifted)}.")
    )
    return 0 if verification.is_good else 1
