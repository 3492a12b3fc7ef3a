"""`zoo train`."""

from __future__ import annotations

import argparse
import shlex

from zoo.cli import options, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo train`."""
    parser.add_argument("model", nargs="?", help="model, for example cnn; not needed if --config names one")
    parser.add_argument("--out", metavar="DIR", help="run directory, new or empty; default runs/MODEL-DATA-TIME")
    parser.add_argument("--resume", metavar="RUN", help="resume a stopped run from its newest checkpoint")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="number of worker processes on this machine or, with --ray, on a cluster; they share its cores and GPUs",
    )
    parser.add_argument(
        "--strategy", choices=("auto", "mirrored", "none"), default="auto",
        help="devices for each batch: all GPUs (auto, the default), all GPUs or logical CPUs (mirrored), or one (none)",
    )  # fmt: skip
    parser.add_argument("--ray", metavar="ADDRESS", help="Ray cluster to train on: HOST:PORT, auto or local")
    options.add_training(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train a model, score it once on the test part, and write a run directory.

    Example: zoo train cnn --data mnist --epochs 3 --model.dropout 0.4
    """
    given = options.keywords(arguments)
    starts_workers = arguments.ray is not None or arguments.workers not in (None, 1)
    is_chief = starts_workers or output.start_tensorflow(with_workers=arguments.strategy == "auto")
    from zoo.api.training import train

    if not is_chief:
        given["verbose"] = 0
    trained = train(
        **given,
        out=arguments.out,
        resume=arguments.resume,
        strategy=arguments.strategy,
        ray=arguments.ray,
        workers=arguments.workers,
    )
    if not is_chief:
        return 0
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
    quoted, hint = shlex.quote(str(directory)), trained.info.kind.prediction_hint
    output.print_line(f"Run directory: {directory}\n\nTry next:")
    for words in (f"evaluate {quoted}", f"predict {quoted} {hint}", f"info {trained.settings['model']}"):
        output.print_line(f"  {output.program()} {words}")
    return 0
