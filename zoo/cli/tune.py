"""`zoo tune`."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from zoo.cli import options, output
from zoo.errors import UsageError

MOST_TRIALS = 5  # maximum number of trials to show side by side
MOST_REASONS = 10
OPTIONS = (
    "trials", "minutes", "algorithm", "objective", "direction", "repeats", "folds", "max_parameters", "max_latency_ms", "keep",
    "workers", "ray", "out", "resume",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo tune`."""
    parser.add_argument("model", nargs="?", help="model, for example cnn; not needed if --config names one")
    parser.add_argument("--trials", type=int, metavar="N", help="maximum number of trials; default 20 without --minutes")
    parser.add_argument("--minutes", type=float, metavar="M", help="time limit in minutes; it also stops running trials")
    parser.add_argument("--algorithm", metavar="NAME", help="search algorithm: random (default), bayesian, hyperband or grid")
    parser.add_argument("--objective", metavar="SCORE", help="validation score to optimise; default: the task's")
    parser.add_argument("--direction", choices=("min", "max"), help="expected direction of the objective, as a check")
    parser.add_argument(
        "--space", action="append", default=[], metavar="KEY=RANGE",
        help="range of a setting, can be repeated: 'model.dropout=[0.2, 0.5]' or "
        "'learning_rate={min: 0.001, max: 0.1, sampling: log}'; '*=default' searches nothing else",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, metavar="N", help="train each trial with N seeds and average the scores")
    parser.add_argument("--folds", type=int, metavar="N", help="score each trial by N-fold cross-validation")
    parser.add_argument("--max-parameters", type=int, metavar="N", help="reject models with more than N parameters")
    parser.add_argument("--max-latency-ms", type=float, metavar="MS", help="reject models slower than MS ms for one example")
    parser.add_argument("--retrain", action="store_true", help="retrain the best settings on training and validation data")
    parser.add_argument("--keep", type=int, metavar="K", help="keep the models of the best K trials; default 3")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="run N trials at a time; default 1")
    parser.add_argument("--ray", metavar="ADDRESS", help="Ray cluster to run the trials on: HOST:PORT, auto or local")
    parser.add_argument("--out", metavar="DIR", help="search directory; default runs/tune-MODEL-DATA-TIME")
    parser.add_argument("--resume", metavar="DIR", help="resume the stopped search in DIR")
    for name in ("--join", "--address"):  # of version 0.1
        parser.add_argument(name, help=argparse.SUPPRESS)
    options.add_training(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search for better settings with keras-tuner; keep the best run, its settings as YAML, and a report.

    Example: zoo tune cnn --data mnist_sample --trials 20 --workers 2 --epochs 5
    """
    from zoo.api.searching import tune
    from zoo.yaml_settings import parse_assignments

    found = options.keywords(arguments)
    if arguments.join is not None or arguments.address is not None:
        found["address"] = arguments.join or arguments.address
    given = {name: getattr(arguments, name) for name in OPTIONS}
    if given["keep"] is not None and "keep" in found:
        raise UsageError(
            "`--keep` is the number of trials that keep their models, and the setting `keep` is the epoch to keep. Received: "
            f"--keep {given['keep']} with --set keep={found['keep']}. Write one of them to a file for --config."
        )
    space = parse_assignments(arguments.space) or None
    search = tune(space=space, retrain=arguments.retrain or None, **{**given, **found})
    _print(search, as_json=arguments.json)
    return 0


def _print(search: Any, *, as_json: bool) -> None:
    from zoo.tuning.search import ALL_TRIED
    from zoo.tuning.table import trial_rows

    best, top = search.best_trials, search.trial(search.content["best"][0])
    metrics = search.best_run.metrics
    if as_json:
        output.print_json(
            {
                **metrics, "directory": str(search.directory), "best": top.name, "settings": dict(top.settings),
                "objective": {**search.spec.objective, "value": top.objective}, "trials": len(search.trials),
            }
        )  # fmt: skip
        return
    columns, rows = trial_rows(search, best[:MOST_TRIALS])
    names, *lines = zip(columns, *rows, strict=True)
    output.print_line()
    output.print_table(names, [line for line in lines if line[0] in columns[2:5] or len({*line[1:]}) > 1], right=names[1:])
    for trial in [trial for trial in search.trials if trial.reason][:MOST_REASONS]:
        output.print_line(f"Trial {trial.name} {trial.status}: {trial.reason}")
    scores = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    directory, zoo = shlex.quote(str(search.directory)), output.program()
    output.print_line(f"\nTest part, best trial ({top.name}): {scores}")
    output.print_line(f"Search directory: {directory}, with the best run in {directory}/best; report.html lists all trials")
    output.print_line(f"\nTry next:\n  {zoo} train --config {directory}/best.yaml\n  {zoo} evaluate {directory}/best")
    if search.content.get("ended_because") != ALL_TRIED:
        output.print_line(f"  {zoo} tune --resume {directory} --trials {2 * len(search.trials)}")
