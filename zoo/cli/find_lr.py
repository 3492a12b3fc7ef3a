"""`zoo find-lr`."""

from __future__ import annotations

import argparse

from zoo.cli import options, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo find-lr`."""
    parser.add_argument("model", help="model (for example cnn), run directory or released model")
    options.add_picture(parser, "find-lr")
    options.add_training(parser)


def run(arguments: argparse.Namespace) -> int:
    """Sweep the learning rate, suggest a value, and plot the loss against the rate.

    Example: zoo find-lr cnn --data mnist
    """
    output.start_tensorflow()
    from zoo.api.sweeping import find_learning_rate

    given = options.keywords(arguments)
    picture = options.picture(arguments, "find-lr")
    sweep = find_learning_rate(**given)
    sweep.plot(picture)
    if arguments.json:
        content = {"suggestion": sweep.suggestion, "rates": sweep.rates, "losses": sweep.losses, "smoothed": sweep.smoothed}
        output.print_json({**content, "picture": str(picture)})
        return 0
    output.print_line(f"Suggestion: --learning-rate {sweep.suggestion:g}\nLoss against rate: {picture}")
    return 0
