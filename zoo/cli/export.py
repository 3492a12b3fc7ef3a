"""`zoo export`."""

from __future__ import annotations

import argparse
import shlex

from zoo.cli import options, output

FORMATS = ("saved_model", "litert", "onnx", "keras")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo export`."""
    parser.add_argument("run_directory", metavar="RUN", help="run directory or released model, for example cnn@mnist")
    parser.add_argument("--out", required=True, metavar="DIR", help="directory to create; TensorFlow Serving's base path")
    parser.add_argument(
        "--format", nargs="+", action="extend", choices=FORMATS, help="one or more formats; default saved_model"
    )
    parser.add_argument("--data", help="name or path of the data to verify the export with; default: the run's own data")
    options.add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Export a trained model to formats that run without zoo, and verify that their predictions are equal.

    Example: zoo export cnn@mnist --data mnist_sample --format saved_model litert --out exported
    """
    output.start_tensorflow()
    from zoo.api.exporting import export

    given = options.data_arguments(arguments)
    exported = export(
        arguments.run_directory,
        arguments.out,
        format=arguments.format or "saved_model",
        data=arguments.data,
        data_arguments=given,
    )
    formats = exported.content["formats"]
    if arguments.json:
        output.print_json({"out": str(exported.directory), "formats": formats, "columns": exported.content.get("columns", {})})
        return 0
    columns = ("format", "examples", "largest difference", "ms for one", "size in kB")
    rows = [
        (
            name,
            proof["examples"],
            f"{proof['largest_difference']:.1e}",
            f"{1000 * proof['seconds_for_one']:.3f}",
            exported.size(name) // 1000,
        )
        for name, proof in formats.items()
    ]
    output.print_table(columns, rows, right=columns[1:])
    output.print_line(f"\n{exported.directory} gives the results of the trained model. Next:")
    output.print_line(
        f"  {output.program()} predict {shlex.quote(str(exported.directory))} {exported.info.kind.prediction_hint}"
    )
    if "saved_model" in formats:
        output.print_line(f"  saved_model_cli show --dir {shlex.quote(str(exported.directory / '1'))} --all")
    return 0
