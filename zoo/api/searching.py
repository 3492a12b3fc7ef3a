"""`zoo.tune`: search for hyperparameters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import UsageError
from zoo.settings import flatten

if TYPE_CHECKING:
    from typing import Unpack

    from zoo.keywords import DataKeywords, SettingKeywords, Verbosity
    from zoo.training.plan import Config
    from zoo.tuning.search import Search


def tune(  # type: ignore[misc] # `keep` is the search's own
    model: str | None = None,
    *,
    data: Any = None,
    config: Config = None,
    space: Mapping[str, Any] | None = None,
    trials: int | None = None,
    minutes: float | None = None,
    algorithm: Literal["random", "bayesian", "hyperband", "grid"] | None = None,
    objective: str | None = None,
    direction: Literal["min", "max"] | None = None,
    repeats: int | None = None,
    folds: int | None = None,
    max_parameters: int | None = None,
    max_latency_ms: float | None = None,
    retrain: bool | None = None,
    keep: int | None = None,
    workers: int = 1,
    ray: str | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    verbose: Verbosity = "auto",
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: DataKeywords | None = None,
    **settings: Unpack[SettingKeywords],
) -> Search:
    """Search for the best hyperparameters; each trial runs in its own process.

    Each trial trains like `zoo.train` and is scored on the validation part. The first trial uses the default settings.
    Only the best trial is scored on the test part, once. The same call with the same `out` resumes a search that was stopped.

    Args:
        model: name of the model; default None.
        data: anything that `load_data` accepts except generators; default: the embedded data set of the model's task.
        config: a YAML file or a mapping of flat settings, which may also contain `space`, `trials`, `algorithm` and the other
            options of a search; keyword arguments override it; default None.
        space: ranges to search, which replace those of the model and the task. For each setting: a list of values, a mapping
            with `min` and `max` and optionally `step` and `sampling` ("linear" or "log"), a single fixed value, or "default"
            to keep its value. Patterns accept "default": `{"*": "default", "learning_rate": [1e-3, 1e-2]}`.
        trials: maximum number of trials; default 20 if `minutes` is not given either.
        minutes: time limit; when it is reached, running trials stop and no new trial starts; default None.
        algorithm: keras-tuner's "random" (default), "bayesian" (Gaussian process), "hyperband" (many short training runs; the
            best get more epochs, each from the start) or "grid".
        objective: validation score to optimise; default: the task's. Classification has `accuracy`, `macro_f1`, `precision`,
            `recall`, `micro_f1` and `loss`; regression has `mae`, `rmse`, `r2` and `loss`.
        direction: "min" or "max"; only checked, since the direction of every score is known; default None.
        repeats: training runs per trial with successive seeds; their scores are averaged; default 1.
        folds: number of cross-validation folds per trial, made from train and validation together; at least 2; default None.
        max_parameters: maximum number of parameters; larger models are not trained and do not count as trials; default None.
        max_latency_ms: maximum time for one example on the worker's machine, while other workers run; default None.
        retrain: whether to train the best settings again on train and validation together; default False.
        keep: number of trials that keep their models on disk; default 3.
        workers: number of trials that run in parallel. On this machine, each worker has its share of cores and GPUs; on a
            cluster, Ray places the trials; default 1.
        ray: address of the Ray cluster that runs the trials: "HOST:PORT", "auto" for the cluster of this machine, or "local"
            to start one here; default: this machine without Ray. All machines need zoo and must see `out` at the same path.
        out: the search directory; default `runs/tune-MODEL-DATA-TIME`.
        resume: directory of a search to resume. Only `trials`, `minutes`, `keep`, `workers`, `ray` and `verbose` can be
            combined with it, and `data` if they were in memory; default None.
        verbose: 0 shows nothing; 1 and "auto" show a table of the trials on standard error; default `"auto"`.
        model_arguments: arguments of the model's factory that are not searched; default None.
        data_arguments: arguments of `load_data` that are not searched; default None.
        **settings: settings of `zoo.train` that are not searched. `seed` is also the seed of the algorithm.

    Returns:
        The finished search; its `best_run` is the run with the best score.

    Raises:
        UsageError: a name, key, range or value is not accepted, or `out` contains a different search.
        DataError: the data cannot be learned from.
        ArtefactError: the directory cannot be written, or contains other files.
        ZooError: too many trials failed in a row, or none finished.
        KeyboardInterrupt: Ctrl-C or SIGTERM; unfinished trials are saved, and a note says how to resume.
    """
    from zoo.artefacts.files import default_directory
    from zoo.artefacts.loading import name_of
    from zoo.training.plan import check_resumed_alone
    from zoo.tuning.execution import run_search
    from zoo.tuning.request import read_request
    from zoo.tuning.spec import Limits

    if {"address", "join"} & settings.keys():
        raise UsageError(
            "Searches across machines use Ray. Received: an address or a search to join. Start a Ray cluster with `ray start`. "
            "Then pass ray='HOST:PORT', or run: zoo tune MODEL --ray HOST:PORT --workers N"
        )
    options = {
        "space": space, "algorithm": algorithm, "objective": objective, "direction": direction, "repeats": repeats,
        "folds": folds, "max_parameters": max_parameters, "max_latency_ms": max_latency_ms, "retrain": retrain,
        **flatten(settings, model_arguments, data_arguments),
    }  # fmt: skip
    limits = {"trials": trials, "minutes": minutes, "keep": keep, "workers": workers}
    if resume is not None:
        check_resumed_alone({"model": model, "config": config, "out": out, **options}, "search")
        return run_search(None, Path(resume), data, Limits.checked(**limits), ray=ray, verbose=verbose)
    spec, checked_limits = read_request(model, None if data is None else name_of(data), config, {**options, **limits})
    directory = Path(out) if out is not None else default_directory(f"tune-{spec.model}", spec.data)
    return run_search(spec, directory, data, checked_limits, ray=ray, verbose=verbose)
