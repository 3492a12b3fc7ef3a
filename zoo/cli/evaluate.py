"""`zoo evaluate`."""

from __future__ import annotations

import argparse

from zoo.cli import options, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo evaluate`."""
    parser.add_argument("run_directory", metavar="RUN", help="run directory or released model, for example cnn@mnist")
    parser.add_argument("--data", help="name or path of other data; default: the run's own data")
    parser.add_argument("--split", choices=["train", "validation", "test"], default="test", help="part to score; default test")
    options.add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Score a run on the test part, or on other data.

    Example: zoo evaluate cnn@mnist --data mnist_sample --json
    """
    output.start_tensorflow()
    from zoo.api.scoring import evaluate

    given = options.data_arguments(arguments)
    evaluation = evaluate(arguments.run_directory, arguments.data, split=arguments.split, data_arguments=given)
    if arguments.json:
        output.print_json(evaluation.to_dict())
        return 0
    output.print_line(f"{arguments.split} part, {evaluation.num_examples:,} examples\n")
    output.print_table(("metric", "value"), list(evaluation.metrics.items()), right=("value",))
    if evaluation.per_class:
        columns = ("precision", "recall", "f1", "support")
        rows = [(label, *(scores[column] for column in columns)) for label, scores in evaluation.per_class.items()]
        output.print_line()
        output.print_table(("class", *columns), rows, right=columns)
    return 0
