"""`zoo doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo.cli import output
from zoo.errors import one_line

if TYPE_CHECKING:
    from zoo.cli.environment import Finding

MARKS = {"fine": "fine", "optional": "-", "fault": "FAULT"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo doctor`."""
    parser.add_argument("--quick", action="store_true", help="skip the self-test, which takes ten to twenty seconds")


def run(arguments: argparse.Namespace) -> int:
    """Check versions, devices, folders and optional packages, train a small model, and suggest a fix for each fault.

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
        output.print_json({"is_good": not faults, "findings": [vars(finding) for finding in findings]})
    else:
        output.print_line(f"\nFaults: {len(faults)}." if faults else "\nNo faults found.")
    return 1 if faults else 0


def diagnose(*, self_test: bool = True) -> Iterator[Finding]:
    """Run every check, and yield each finding immediately. This never raises an error.

    Args:
        self_test: bool, whether to import TensorFlow and train a small model in a separate process, which takes ten to twenty
            seconds; default True.
    """
    from zoo.cli import environment

    checks = [
        environment.python, environment.own_files, environment.packages, environment.keras_settings, environment.machine,
        environment.runs, environment.temporary_files, environment.downloaded_models, environment.data_folders,
        environment.released_models, environment.optional_packages,
    ]  # fmt: skip
    if self_test:
        from zoo.cli import self_test as training

        checks.append(training.self_test)
    for check in checks:
        try:
            yield from check()
        except Exception as error:  # a broken installation can raise anything, and the other checks must run
            name = check.__name__.replace("_", " ")
            yield environment.Finding(name, "fault", f"{type(error).__name__}: {one_line(error)}", _advice(error))


def _advice(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "Install the package with the command above, if there is one, or reinstall zoo in a new environment."
    if isinstance(error, OSError) and error.filename:
        return f"Check that {error.filename} exists and is readable."
    return "Reinstall zoo in a new environment."
