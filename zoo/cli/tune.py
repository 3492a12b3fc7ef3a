"""`zoo tune`."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from zoo.cli import options, output
from zoo.errors import UsageError

MOST_TRIALS = 5  # beside each other, the best first
MOST_REASONS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo tune`."""
    parser.add_argument("model", nargs="?", help="a model, for example cnn; may stand in --config")
    parser.add_argument("--trials", type=int, metavar="N", help="at most; default 20 without --minutes")
    parser.add_argument("--minutes", type=float, metavar="M", help="after which running trials are stopped")
    parser.add_argument("--algorithm", metavar="NAME", help="random (the default), bayesian, hyperband or grid")
    parser.add_argument("--objective", metavar="SCORE", help="of the validation part, for example macro_f1; default the task's")
    parser.add_argument("--direction", choices=("min", "max"), help="of the objective, to be sure of it")
    parser.add_argument(
        "--space", action="append", default=[], metavar="KEY=RANGE",
        help="what is searched, may be repeated: dropout as model.dropout=[0.2,0.5] or "
        "'learning_rate={min: 0.001, max: 0.1, sampling: log}'; '*=default' searches nothing else",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, metavar="N", help="trainings of each trial, with other seeds")
    parser.add_argument("--folds", type=int, metavar="N", help="of cross-validation for each trial")
    parser.add_argument("--max-parameters", type=int, metavar="N", help="of a model")
    parser.add_argument("--max-latency-ms", type=float, metavar="MS", help="for one example on this machine")
    parser.add_argument("--retrain", action="store_true", help="train the best anew on train and validation together")
    parser.add_argument("--keep", type=int, metavar="K", help="trials whose models stay on the disk; default 3")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes at a time on this machine; default 1")
    parser.add_argument("--address", metavar="HOST:PORT", help="where workers of other machines find this search")
    parser.add_argument("--join", metavar="DIR", help="run trials of a search that began at --address on another machine")
    parser.add_argument("--out", metavar="DIR", help="the search directory; default runs/tune-MODEL-DATA-TIME")
    parser.add_argument("--resume", metavar="DIR", help="go on with a search that was stopped")
    options.add_training(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search for good settings with keras-tuner; keep the best run, its settings as YAML, and a report.

    Example: zoo tune cnn --data mnist_sample --trials 20 --workers 2 --set epochs=5
    """
    from zoo.api import searching

    verbose = 0 if arguments.quiet else 1
    if arguments.join is not None:
        return _join(arguments, verbose)
    settings = options.settings(arguments)
    model, data = options.model_and_data(arguments, settings)
    names = ("algorithm", "objective", "direction", "repeats", "folds", "max_parameters", "max_latency_ms", "config")
    what: dict[str, Any] = {**{name: getattr(arguments, name) for name in names}, **settings}
    what["retrain"] = arguments.retrain or None
    what["space"] = _space(arguments.space) or None
    limits = {name: getattr(arguments, name) for name in ("trials", "minutes", "keep")}
    search = searching.run_search(
        model, data, what, limits, workers=arguments.workers, address=arguments.address, out=arguments.out,
        resume=arguments.resume, verbose=verbose,
    )  # fmt: skip
    _print(search, as_json=arguments.json)
    return 0


def _join(arguments: argparse.Namespace, verbose: int) -> int:
    from zoo.api.searching import join_search

    if arguments.address is None:
        raise UsageError(
            "Where did the search begin? Received: --join without --address. Give the HOST:PORT that it was given."
        )
    others = (
        "model", "data", "out", "resume", "trials", "minutes", "algorithm", "config", "objective", "direction", "repeats",
        "folds", "max_parameters", "max_latency_ms", "keep",
    )  # fmt: skip
    unused = [name for name in others if getattr(arguments, name) is not None]
    if unused or arguments.set or arguments.space or arguments.retrain:
        raise UsageError(f"Whoever joins a search takes it as it is. Received: {', '.join(unused) or '--set'}. Leave that out.")
    search = join_search(arguments.join, arguments.address, arguments.workers, verbose)
    output.print_line(f"There are no more trials in {search.directory}.")
    return 0


def _space(assignments: list[str]) -> dict[str, Any]:
    from zoo.settings import parse_assignments

    return parse_assignments(assignments)


def _print(search: Any, *, as_json: bool) -> None:
    from zoo.artefacts.files import read_json
    from zoo.tuning.search import ALL_TRIED
    from zoo.tuning.table import clock, short

    best, top = search.best_trials, next(trial for trial in search.trials if trial.name == search.content["best"][0])
    metrics = read_json(search.directory / "best" / "run.json")["metrics"]
    if as_json:
        output.print_json(
            {
                **metrics, "directory": str(search.directory), "best": top.name, "settings": dict(top.settings),
                "objective": {**search.content["objective"], "value": top.objective}, "trials": len(search.trials),
            }
        )  # fmt: skip
        return
    shown = best[:MOST_TRIALS]
    names = [name for name in search.content["space"] if len({str(trial.settings.get(name)) for trial in best}) > 1]
    names += ["epochs"] if "epochs" not in names and search.content["algorithm"] == "hyperband" else []
    rows = [
        (search.objective, *(trial.objective for trial in shown)),
        ("time", *(clock(trial.seconds) for trial in shown)),
        ("parameters", *(trial.parameters for trial in shown)),
        *((name, *(short(trial.settings.get(name, "")) for trial in shown)) for name in names),
    ]
    columns = ("trial", *(trial.name for trial in shown))
    output.print_line()
    output.print_table(columns, rows, right=columns[1:])
    if len(best) > len(shown):
        output.print_line(f"... and {len(best) - len(shown)} more finished; report.html has them all.")
    others = [trial for trial in search.trials if trial.status in ("failed", "infeasible")]
    for trial in others[:MOST_REASONS]:
        output.print_line(f"Trial {trial.name} {trial.status}: {trial.reason}")
    if len(others) > MOST_REASONS:
        output.print_line(f"... and {len(others) - MOST_REASONS} more; report.html has them all.")
    scores = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    directory, zoo = shlex.quote(str(search.directory)), output.program()
    output.print_line(f"\nTest split, the best trial ({top.name}) alone: {scores}")
    output.print_line(f"Search directory: {directory}, with report.html, and the best run in {directory}/best\n\nTry next:")
    output.print_line(f"  {zoo} train --config {directory}/best.yaml")
    output.print_line(f"  {zoo} evaluate {directory}/best")
    if search.ended_because != ALL_TRIED:
        output.print_line(f"  {zoo} tune --resume {directory} --trials {2 * len(search.trials)}")
