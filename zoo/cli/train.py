"""`zoo train`."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys

from zoo.cli import options, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `zoo train` takes."""
    parser.add_argument("model", nargs="?", help="a model, for example cnn; may stand in --config")
    parser.add_argument("--out", metavar="DIR", help="the run directory, new or empty; default runs/MODEL-DATA-TIME")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped, from its newest checkpoint")
    options.add_training(parser, "epochs=3, model.filters=[8,16], data.label_column=price")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train a model, score it once on the test part, and keep everything in a run directory.

    Example: zoo train cnn --data mnist --set epochs=3 --set model.dropout=0.4
    """
    output.start_tensorflow()
    from zoo import api

    settings = options.settings(arguments)
    model, data = options.model_and_data(arguments, settings)
    trained = api.train(
        model,
        data=data,
        config=arguments.config,
        out=arguments.out,
        resume=arguments.resume,
        verbose=0 if arguments.quiet else 1,
        **settings,
    )
    directory = trained.directory
    if arguments.json:
        content = {name: trained.content[name] for name in ("timings", "baseline") if name in trained.content}
        output.print_json({**trained.metrics, "directory": str(directory), **content})
        return 0
    scores = "  ".join(f"{name} {value:.4f}" for name, value in trained.metrics.items())
    output.print_line(f"\nTest part of {trained.info.name}, {trained.info.num_examples['test']:,} examples: {scores}")
    if baseline := trained.content.get("baseline"):
        from zoo.evaluation.report import verdict

        output.print_line(verdict(trained.metrics, baseline)[0])
    output.print_line(f"Run directory: {directory}\n\nTry next:")
    quoted = shlex.quote(str(directory))
    zoo = "zoo" if shutil.which("zoo") else sys.argv[0]
    output.print_line(f"  {zoo} evaluate {quoted}")
    inputs = {"image": "your_image.png", "features": "--data rows.csv --out predictions.csv", "text": '"your text"'}
    what = inputs[trained.info.task.input_name]
    output.print_line(f"  {zoo} predict {quoted} {what}")
    output.print_line(f"  {zoo} info {trained.settings['model']}")
    return 0
