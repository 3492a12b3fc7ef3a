"""`zoo predict`."""

from __future__ import annotations

import argparse
from pathlib import Path

from zoo.cli import options, output
from zoo.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `zoo predict` takes."""
    parser.add_argument("run_directory", metavar="RUN", help="a run directory")
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="image files of any size and mode")
    parser.add_argument("--data", type=Path, metavar="FILE", help="in bulk: a table, a .npz with x, or a folder of images")
    parser.add_argument("--out", type=Path, metavar="FILE", help="in bulk: the CSV file to write, which must not exist")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Predict labels and probabilities for image files, or for a file or folder in bulk.

    Example: zoo predict runs/cnn-mnist-20260101-120000 seven.png two.jpg
    """
    if bool(arguments.images) == bool(arguments.data) or bool(arguments.data) != bool(arguments.out):
        raise UsageError(
            "Give image files, or --data and --out together. "
            f"Received: {len(arguments.images)} files, --data {arguments.data}, --out {arguments.out}."
        )
    output.start_tensorflow()
    from zoo.artefacts import bulk
    from zoo.artefacts.run import Run

    predictor = Run.open(arguments.run_directory).predictor
    if arguments.data:
        done = bulk.predict_file(predictor, arguments.data, arguments.out)
        broken = done.broken
        if arguments.json:
            output.print_json({"rows": done.rows, "broken": broken, "out": str(arguments.out)})
        else:
            output.print_line(f"{done.rows:,} predictions in {arguments.out}")
    else:
        rows, broken = bulk.predict_images(predictor, arguments.images)
        if arguments.json:
            output.print_json(rows)
        elif rows:
            columns = ("file", "label", "probability")
            output.print_table(columns, [[str(row["file"]), str(row["label"]), row["probability"]] for row in rows])
    for line in broken:
        output.print_error(f"Error: {line}")
    return 1 if broken else 0
