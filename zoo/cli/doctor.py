"""`zoo doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo.cli import options, output
from zoo.errors import one_line

if TYPE_CHECKING:
    from zoo.cli.surroundings import Finding

MARKS = {"fine": "fine", "optional": "-", "fault": "FAULT"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `zoo doctor` takes."""
    parser.add_argument("--quick", action="store_true", help="leave out the self-test, ten to twenty seconds")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at versions, devices, folders and optional parts, train a small model, and say what to do about each fault.

    Example: zoo doctor
    """
    findings = []
    for finding in diagnose(self_test=not arguments.quick):
        findings.append(finding)
        if not arguments.json:
            output.print_line(f"{MARKS[finding.state]:6} {finding.name:20} {finding.found}")
            if finding.advice:
                output.print_line(f"{'':27} {finding.advice}")
    faults = [finding for finding in findings if finding.state == "fault"]
    if arguments.json:
        output.print_json({"is_good": not faults, "findings": [finding.to_dict() for finding in findings]})
    else:
        output.print_line(f"\nFaults: {len(faults)}." if faults else "\nNo fault found.")
    return 1 if faults else 0


def diagnose(*, self_test: bool = True) -> Iterator[Finding]:
    """Look at everything, and yield each finding as soon as it is made; nothing here raises.

    Args:
        self_test: whether to import TensorFlow and train a small model, ten to twenty seconds, in a process of its own.
    """
    from zoo.cli import self_test as training
    from zoo.cli import surroundings as around

    looks = [
        around.python, around.packages, around.keras_settings, around.machine, around.runs, around.temporary_files,
        around.fetched_models, around.tensorflow_datasets, around.your_files, around.released_models, around.optional_parts,
    ]  # fmt: skip
    if self_test:
        looks.append(training.self_test)
    for look in looks:
        try:
            yield from look()
        except Exception as error:  # a broken installation can raise anything, and the other findings matter
            name = look.__name__.replace("_", " ")
            yield around.Finding(name, "fault", f"{type(error).__name__}: {one_line(error)}", _advice(error))


def _advice(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "Install that package, by its line above if there is one, or zoo again in a fresh environment."
    if isinstance(error, OSError) and error.filename:
        return f"See that {error.filename} is there and can be read."
    return "Install zoo again in a fresh environment."
