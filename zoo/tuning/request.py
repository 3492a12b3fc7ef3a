"""From the arguments of `zoo.tune` to a `SearchSpec`: everything that can be checked before data are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.settings import SETTING_NAMES, UNNAMED, read_config
from zoo.training.plan import plan_training
from zoo.tuning.space import Changes, check_auto, check_mapping, read_changes, read_range
from zoo.tuning.spec import SearchSpec

ALGORITHMS = ("random", "bayesian", "hyperband", "grid")
OPTIONS = (
    "algorithm", "objective", "direction", "repeats", "folds", "max_parameters", "max_latency_ms", "retrain", "space",
)  # fmt: skip
LIMITS = ("trials", "minutes", "keep")
OTHERS = ("config", "model_arguments", "data_arguments", "workers", "ray", "out", "resume", "verbose")
DEFAULT_TRIALS, DEFAULT_KEEP = 20, 3
MAX_SEED = 2**32 - 2


@dataclass(frozen=True)
class SearchRequest:
    """A search as the user asks for it, checked.

    Args:
        spec: what is searched, before the data are read.
        changes: the user's changes of the space.
        limits: `trials`, `minutes`, `keep` and `retrain`; None where nothing was given.
    """

    spec: SearchSpec
    changes: Changes
    limits: Mapping[str, Any]


def read_request(model: Any, data: str | None, config: Any, options: Mapping[str, Any]) -> SearchRequest:
    """Check the arguments of a search.

    Args:
        model: name of the model; None takes the name in `config`.
        data: name or path of the data, "arrays" for data in memory, or None.
        config: a YAML file or a mapping of flat settings, which may contain options of the search.
        options: options of the search and flat settings, which replace those of `config`.

    Raises:
        UsageError: a name, key, range or value is not accepted.
    """
    written = _plain(read_config(config))
    own = {name: written.pop(name) for name in (*OPTIONS, *LIMITS) if name in written}
    given = _plain({name: value for name, value in options.items() if value is not None})
    space = {**check_mapping(own.get("space")), **check_mapping(given.get("space"))}
    search = {**own, **{name: given.pop(name) for name in (*OPTIONS, *LIMITS) if name in given}}
    limits = check_limits({name: search.get(name) for name in (*LIMITS, "retrain")})
    if not isinstance(model, str | None):
        raise UsageError(
            f"A search builds models by name. Received: {type(model).__name__}. Give a name; for your own models, pass a "
            "function that builds them to a tuner of keras-tuner."
        )
    if unknown := [key for key in {**written, **given} if "." not in key and key not in SETTING_NAMES]:
        raise UnknownNameError("setting or argument", unknown[0], [*SETTING_NAMES, *OPTIONS, *LIMITS, *OTHERS])
    plan = plan_training(model, data, given, written)
    explicit = {key: value for key, value in plan.explicit.items() if key not in ("model", "data", "seed")}
    changes = read_changes(space, explicit)
    check_auto(changes.ranges, explicit)
    algorithm, repeats, folds = search.get("algorithm", "random"), search.get("repeats", 1), search.get("folds")
    if algorithm not in ALGORITHMS:
        raise UnknownNameError("algorithm", algorithm, ALGORITHMS)
    if algorithm == "hyperband" and "epochs" in changes.ranges:
        raise UsageError("Hyperband chooses the epochs. Received: epochs in the space. Set epochs= to the maximum.")
    check_count("repeats", repeats, 1)
    check_count("folds", folds, 2)
    if folds and "data.fold" in explicit:
        raise UsageError("Folds are cut from train and validation. Received: data.fold with folds. Leave it out.")
    if explicit.get("data.validation") == 0:
        raise UsageError("Trials are scored on the validation part. Received: data.validation=0. Use retrain instead.")
    seed = int(given.get("seed", written.get("seed", 0)))
    if not 0 <= seed <= MAX_SEED - repeats:
        raise UsageError(f"`seed` is a whole number from 0 to {MAX_SEED - repeats}. Received: {seed}.")
    constraints = {name: search.get(name) for name in ("max_parameters", "max_latency_ms")}
    for name, limit in constraints.items():
        if limit is not None and not (isinstance(limit, int | float) and limit > 0):
            raise UsageError(f"`{name}` is a number above 0. Received: {limit!r}.")
    spec = SearchSpec(
        plan.settings.model, _absolute(plan.settings.data), _module(plan.settings.model), {**explicit, **changes.held},
        seed=seed, algorithm=algorithm, repeats=repeats, folds=folds, constraints=constraints,
        objective={"name": search.get("objective"), "direction": search.get("direction")},
    )  # fmt: skip
    for key, found in changes.ranges.items():  # each value is one that `zoo.train` accepts
        for value in read_range(key, found).samples():
            plan_training(spec.model, data, {**spec.settings, key: value})
    return SearchRequest(spec, changes, limits)


def check_limits(limits: Mapping[str, Any], workers: int = 1) -> dict[str, Any]:
    """Return limits that are accepted.

    Raises:
        UsageError: one is not.
    """
    for name in ("trials", "keep"):
        check_count(name, limits.get(name), 1)
    check_count("workers", workers, 1)
    minutes = limits.get("minutes")
    if minutes is not None and not (isinstance(minutes, int | float) and 0 < minutes < float("inf")):
        raise UsageError(f"`minutes` is a number above 0. Received: {minutes!r}.")
    return dict(limits)


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse a given value that is not a whole number of at least `least`.

    Raises:
        UsageError: it is not.
    """
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise UsageError(f"`{name}` is a whole number of at least {least}. Received: {value!r}.")


def _plain(given: Any) -> Any:
    """Return plain values instead of NumPy's."""
    if isinstance(given, Mapping):
        return {key: _plain(value) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_plain(value) for value in given)
    return given.tolist() if hasattr(given, "tolist") else given


def _absolute(data: str) -> str:
    """Return a path so that processes in another directory find it; names stay."""
    is_path = registry.find_dataset(data) is None and data not in UNNAMED and Path(data).expanduser().exists()
    return str(Path(data).expanduser().resolve()) if is_path else data


def _module(model: str) -> str:
    """Return the module that registers a model, for other processes to import.

    Raises:
        UsageError: it is the user's script.
    """
    entry, _ = registry.find_model(model)
    module = str(entry.factory.__module__)
    if module == "__main__":
        raise UsageError(
            f"Trials run in processes that do not run your script. Received: model {model!r}, which it registers. Move it to a "
            "module that can be imported, or register it through the entry-point group `zoo.models`."
        )
    return module
