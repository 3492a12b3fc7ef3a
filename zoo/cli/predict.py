"""`zoo predict`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli import options, output
from zoo.errors import DataError, UsageError

if TYPE_CHECKING:
    from zoo.artefacts.predictor import Predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo predict`."""
    parser.add_argument("run_directory", metavar="RUN", help="run directory, export or released model, for example cnn@mnist")
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="texts or image files; without any, texts are read from standard input, one per line",
    )
    parser.add_argument(
        "--data", type=Path, dest="file", metavar="FILE", help="bulk input: table, text file, .npz file or folder of images"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="bulk output: a new CSV file")
    options.add_settings(parser)
    parser.add_argument("--engine", metavar="FORMAT", help="format of the export to run; default: the fastest installed one")


def run(arguments: argparse.Namespace) -> int:
    """Predict labels and probabilities for texts or images, or in bulk for a file or a folder.

    Example: zoo predict lstm@imdb "one of the best films I have seen in years"
    """
    if bool(arguments.file) != bool(arguments.out) or (arguments.file and arguments.inputs):
        raise UsageError(
            "Pass either texts or image files, or both --data and --out. "
            f"Received: {len(arguments.inputs)} inputs, --data {arguments.file}, --out {arguments.out}."
        )
    from zoo.artefacts import bulk

    predictor, given = _load(arguments), options.data_arguments(arguments)
    if arguments.file:
        done = bulk.predict_file(predictor, arguments.file, arguments.out, predictor.info.reading_arguments(given))
        broken = done.broken
        if arguments.json:
            output.print_json({"rows": done.rows, "broken": broken, "out": str(arguments.out)})
        else:
            output.print_line(f"{done.rows:,} predictions in {arguments.out}")
    else:
        inputs = arguments.inputs
        if not inputs and predictor.info.kind.is_plain_text:
            inputs = _lines_of_standard_input(given.get("encoding"))
        rows, broken = bulk.predict_inputs(predictor, inputs)
        if arguments.json:
            output.print_json(rows)
        elif rows:
            columns = [name for name, value in rows[0].items() if not isinstance(value, dict)]
            output.print_table(columns, [[_short(row[name]) for name in columns] for row in rows])
    for line in broken:
        output.print_error(f"Error: {line}")
    return 1 if broken else 0


def _load(arguments: argparse.Namespace) -> Predictor:
    """Return the predictor: an export's fastest format (for many examples if a file is passed), or a run's model."""
    from zoo.artefacts.export import Export, is_export
    from zoo.artefacts.released import directory_of

    directory = directory_of(arguments.run_directory)
    if is_export(directory):
        with output.quiet_start():
            predictor = Export.open(directory).predictor(arguments.engine, for_many=bool(arguments.file))
        output.print_error(f"Engine: {predictor.engine}")
        return predictor
    output.start_tensorflow()
    from zoo.api.predicting import load

    return load(directory, engine=arguments.engine)


def _lines_of_standard_input(encoding: str | None) -> list[str]:
    """Return one text per line, including empty ones, so that predictions correspond to lines."""
    if sys.stdin.isatty():
        raise UsageError(
            'There is nothing to predict. Received: no texts. Pass texts such as "a film I will not forget", or use a pipe.'
        )
    try:
        sys.stdin.reconfigure(encoding=encoding or "utf-8-sig", errors="strict")  # type: ignore[union-attr]
        return [line.rstrip("\n") for line in sys.stdin]
    except (LookupError, UnicodeError) as error:
        raise DataError(
            f"Standard input cannot be read as {encoding or 'utf-8'}: {error}. Set its encoding with --data.encoding."
        ) from error


def _short(value: Any) -> Any:
    """Return a number unchanged, and anything else as one line of at most 80 characters."""
    if isinstance(value, float):
        return value
    line = " ".join(str(value).split())
    return line if len(line) <= 80 else line[:79] + "…"
