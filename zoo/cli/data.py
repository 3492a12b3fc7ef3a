"""`zoo data check`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from zoo.cli import options, output

if TYPE_CHECKING:
    from zoo.keywords import DataKeywords

MOST_LINES = 20  # maximum number of broken rows to print


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo data`."""
    parser.add_argument("action", choices=["check"], help="check: count classes and report problems")
    parser.add_argument("source", help="name of a data set, or a path")
    parser.add_argument("--task", help="task of the data; default: the data set's own, or inferred")
    options.add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Count classes, duplicates, overlaps, conflicting labels and broken rows; fail if a problem would stop training.

    Example: zoo data check mnist_sample
    """
    output.start_tensorflow()
    report = check(arguments.source, arguments.task, options.data_arguments(arguments))
    if arguments.json:
        output.print_json(report)
    else:
        _print(report)
    return 1 if report["stops_training"] else 0


def check(source: str, task: str | None, given: DataKeywords) -> dict[str, Any]:
    """Return a report on the data; if broken rows would stop training, the report covers the other rows."""
    from zoo.api.loading import load_data
    from zoo.errors import DataError
    from zoo.pipeline.cleaning import as_problems
    from zoo.targets import label_twins

    stops_training = None
    try:
        splits = load_data(source, task=task, **given)
    except DataError as error:
        try:
            given["broken"] = "drop"
            splits = load_data(source, task=task, **given)
        except DataError:
            raise error from None
        stops_training = str(error)
    info = splits.info
    return {
        "name": info.name,
        "task": info.task_name,
        "input_shape": list(info.input_shape),
        "features": info.preprocessor.feature_names,
        "num_examples": dict(info.num_examples),
        "fingerprint": info.fingerprint,
        **info.report,
        "problems": as_problems(info.report["parts"]) + label_twins(info.labels),
        "stops_training": stops_training,
    }


def _print(report: dict[str, Any]) -> None:
    output.print_line(f"{report['name']}: {report['task']}, examples of shape {tuple(report['input_shape'])}\n")
    counts = report["parts"]
    columns = list(next(iter(counts.values())))
    output.print_table(("as read", *columns), [(part, *row.values()) for part, row in counts.items()], right=columns)
    output.print_line()
    output.print_table(("as used", "examples"), list(report["num_examples"].items()), right=("examples",))
    output.print_line()
    if report["classes"]:
        parts = list(report["classes"])
        rows = [(label, *(report["classes"][part][label] for part in parts)) for label in report["classes"]["train"]]
        output.print_table(("class", *parts), rows, right=parts)
        output.print_line()
    notes = [note for note in report["notes"] if note not in report["problems"]]
    for line in (*report["broken"][:MOST_LINES], *notes, *report["problems"]):
        output.print_line(f"- {line}")
    if len(report["broken"]) > MOST_LINES:
        output.print_line(f"- and {len(report['broken']) - MOST_LINES:,} more rows that cannot be used; --json lists them all")
    if report["stops_training"]:
        output.print_line(f"This stops training: {report['stops_training']}")
    elif not report["problems"]:
        output.print_line("No problem found.")
