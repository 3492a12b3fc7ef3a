"""`zoo find-lr`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from zoo.cli import options, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `zoo find-lr` takes."""
    parser.add_argument("model", help="a model, for example cnn")
    parser.add_argument("--data", help="a data set's name or a path; by default the task's embedded data set")
    parser.add_argument("--config", metavar="FILE", help="a YAML file of flat settings")
    parser.add_argument("--out", metavar="FILE", help="the picture, a new PNG file; default runs/find-lr-TIME.png")
    options.add_columns(parser)
    options.add_set(parser, "batch_size=64, optimizer=momentum, model.filters=[8,16]")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Sweep the learning rate, suggest one, and plot loss against rate.

    Example: zoo find-lr cnn --data mnist
    """
    output.start_tensorflow()
    from zoo import api

    settings = options.settings(arguments)
    sweep = api.find_learning_rate(
        arguments.model, data=arguments.data, config=arguments.config, verbose=0 if arguments.quiet else 1, **settings
    )
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    picture = Path(arguments.out) if arguments.out else Path("runs") / f"find-lr-{stamp}.png"
    sweep.plot(picture)
    if arguments.json:
        content = {"suggestion": sweep.suggestion, "rates": sweep.rates, "losses": sweep.losses, "smoothed": sweep.smoothed}
        output.print_json({**content, "picture": str(picture)})
        return 0
    output.print_line(f"Suggestion: --set learning_rate={sweep.suggestion:g}\nLoss against rate: {picture}")
    return 0
