"""`zoo train`."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from zoo.cli import options, output
from zoo.distribution.cluster import STARTED_BY
from zoo.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo train`."""
    parser.add_argument("model", nargs="?", help="name of a model, for example cnn; --config can name it instead")
    parser.add_argument("--out", metavar="DIR", help="run directory, new or empty; default runs/MODEL-DATA-TIME")
    parser.add_argument("--resume", metavar="RUN", help="resume a stopped run from its newest checkpoint")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="train in N processes of this machine, each with its share of cores and GPUs; with --ray, in N of the cluster",
    )
    parser.add_argument(
        "--strategy", choices=("auto", "mirrored", "none"), default="auto", help="devices that share each batch; default auto"
    )
    parser.add_argument("--ray", metavar="ADDRESS", help="train in N workers of a Ray cluster: HOST:PORT, auto or local")
    options.add_training(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train a model, score it once on the test split, and write a run directory.

    Example: zoo train cnn --data mnist --epochs 3 --model.dropout 0.4
    """
    given = options.keywords(arguments)
    if arguments.workers not in (None, 1) and arguments.ray is None and STARTED_BY not in os.environ:
        return _run_workers(arguments)
    is_chief = output.start_tensorflow(with_workers=arguments.ray is None and arguments.strategy == "auto")
    from zoo import api

    if not is_chief:
        given["verbose"] = 0
    trained = api.train(
        **given,
        out=arguments.out,
        resume=arguments.resume,
        strategy=arguments.strategy,
        ray=arguments.ray,
        workers=arguments.workers if arguments.ray is not None else None,
    )
    if not is_chief:
        return 0
    directory = trained.directory
    if arguments.json:
        content = {name: trained.content[name] for name in ("timings", "baseline") if name in trained.content}
        output.print_json({**trained.metrics, "directory": str(directory), **content})
        return 0
    scores = "  ".join(f"{name} {value:.4f}" for name, value in trained.metrics.items())
    output.print_line(f"\nTest split of {trained.info.name}, {trained.info.num_examples['test']:,} examples: {scores}")
    if baseline := trained.content.get("baseline"):
        from zoo.evaluation.report import verdict

        output.print_line(verdict(trained.metrics, baseline)[0])
    output.print_line(f"Run directory: {directory}\n\nTry next:")
    quoted = shlex.quote(str(directory))
    zoo = output.program()
    output.print_line(f"  {zoo} evaluate {quoted}")
    output.print_line(f"  {zoo} predict {quoted} {trained.info.kind.prediction_hint}")
    output.print_line(f"  {zoo} info {trained.settings['model']}")
    return 0


def _run_workers(arguments: argparse.Namespace) -> int:
    """Train in several processes."""
    from zoo.artefacts.files import check_new_directory, read_json
    from zoo.distribution.local_workers import train_in_processes
    from zoo.training.plan import check_resumed_alone, plan_training, planned_directory

    if arguments.workers < 1:
        raise UsageError(f"`--workers` must be at least 1. Received: {arguments.workers}. Omit it for one process.")
    if arguments.strategy != "auto":
        raise UsageError(f"Workers set their own strategy. Received: --strategy {arguments.strategy}. Omit it.")
    if os.environ.get("TF_CONFIG"):
        raise UsageError("TF_CONFIG already lists the workers. Received: --workers with TF_CONFIG. Omit one of them.")
    settings = options.settings(arguments)
    if arguments.resume is not None:
        check_resumed_alone({**settings, "data": None, "config": arguments.config, "out": arguments.out})
        read_json(Path(arguments.resume) / "run.json")  # fails if there is no run
        return int(train_in_processes(_run_worker, arguments, arguments.workers, Path(arguments.resume)))
    plan = plan_training(settings.pop("model"), settings.pop("data"), settings, arguments.config)
    directory = planned_directory(plan, arguments.out)
    check_new_directory(directory)
    arguments.out = str(directory)
    return int(train_in_processes(_run_worker, arguments, arguments.workers, directory))


def _run_worker(arguments: argparse.Namespace) -> int:
    output.show_log()
    return run(arguments)
