"""`zoo doctor`."""

from __future__ import annotations

import argparse

from zoo.cli import options, output

MARKS = {"fine": "fine", "optional": "-", "fault": "FAULT"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `zoo doctor` takes."""
    parser.add_argument("--quick", action="store_true", help="leave out the self-test, some ten seconds")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at versions, devices, folders and optional parts, train a small model, and say what to do about each fault.

    Example: zoo doctor
    """
    from zoo.api.diagnosing import diagnose

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
