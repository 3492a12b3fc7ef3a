"""What is to be searched, from all that was given: names, ranges, a first look at the data."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.api.planning import make_plan
from zoo.errors import UnknownNameError, UsageError, one_line
from zoo.settings import SETTING_NAMES, UNNAMED, read_config
from zoo.tasks import Task, find_task
from zoo.tuning.search import LIMITS
from zoo.tuning.space import check_auto, join_spaces, plain_space, read_changes, read_range

if TYPE_CHECKING:
    from zoo.tuning.nursery import Nursery
    from zoo.tuning.space import Changes, Choices, Interval

ALGORITHMS = ("random", "bayesian", "hyperband", "grid")
OF_SEARCH = (
    "algorithm", "objective", "direction", "repeats", "folds", "max_parameters", "max_latency_ms", "retrain", "space",
)  # fmt: skip
OF_TRAINING = ("config", "model_arguments", "data_arguments")
ASKED = ("model", "module", "data", "settings", "seed", "folds", "repeats", "samples")  # of a request, by the survey
MOST_SEED = 2**32 - 2


def join_config(what: Mapping[str, Any], limits: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Join what `config` says of a search with what was given beside it, which goes first.

    Returns:
        All that says what is searched, where `config` has only the settings of trainings left; and the limits.
    """
    written = _plain(read_config(what.get("config")))
    space = {**mapping_of(written.pop("space", None)), **mapping_of(what.get("space"))}
    own = {name: written.pop(name) for name in (*OF_SEARCH, *LIMITS) if name in written}
    given = {name: value for name, value in {**what, **limits}.items() if value is not None}
    joined = {**own, **given, "space": space or None, "config": written or None}
    return {name: value for name, value in joined.items() if name not in LIMITS}, {name: joined.get(name) for name in LIMITS}


def requested(model: str | None, data: str | None, what: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be searched, of what `join_config` gives, checked as far as it can be before data are read."""
    written, changes = what.get("config") or {}, _plain(what.get("space") or {})
    given = _plain({name: value for name, value in what.items() if name not in (*OF_SEARCH, *OF_TRAINING)})
    if not isinstance(model, str | None):
        raise UsageError(
            f"A search builds models by name. Received: {type(model).__name__}. Give a name; for models of your own, hand a "
            "function that builds them to a tuner of keras-tuner."
        )
    if unknown := [key for key in {**written, **given} if "." not in key and key not in SETTING_NAMES]:
        raise UnknownNameError("setting or argument", unknown[0], [*SETTING_NAMES, *OF_SEARCH, *LIMITS, *OF_TRAINING])
    plan = make_plan(model, data, written, what.get("model_arguments"), what.get("data_arguments"), given)
    explicit = {key: value for key, value in plan.explicit.items() if key not in ("model", "data", "seed")}
    read = read_changes(changes, explicit)
    check_auto(read.ranges, explicit)
    algorithm = what.get("algorithm", "random")
    if algorithm not in ALGORITHMS:
        raise UnknownNameError("algorithm", algorithm, ALGORITHMS)
    if algorithm == "hyperband" and "epochs" in read.ranges:
        raise UsageError("Hyperband chooses the epochs. Received: epochs in the space. Set epochs= to the most of them.")
    repeats, folds = what.get("repeats", 1), what.get("folds")
    check_count("repeats", repeats, 1)
    check_count("folds", folds, 2)
    if folds and "data.fold" in explicit:
        raise UsageError("Folds are cut from train and validation. Received: data.fold beside folds. Leave it out.")
    if explicit.get("data.validation") == 0:
        raise UsageError("Trials are scored on the validation part. Received: data.validation=0. Ask for retrain in its place.")
    seed = int(given.get("seed", written.get("seed", 0)))
    if not 0 <= seed <= MOST_SEED - repeats:
        raise UsageError(f"`seed` is a whole number from 0 to {MOST_SEED - repeats}. Received: {seed}.")
    limits = {name: what.get(name) for name in ("max_parameters", "max_latency_ms")}
    for name, limit in limits.items():
        if limit is not None and not (isinstance(limit, int | float) and limit > 0):
            raise UsageError(f"`{name}` is a number above 0. Received: {limit!r}.")
    request: dict[str, Any] = {
        "model": plan.names["model"], "data": _absolute(plan.names["data"]), "module": _module(plan.names["model"]),
        "settings": {**explicit, **read.held}, "changes": read,
        "seed": seed, "algorithm": algorithm, "repeats": repeats, "folds": folds,
        "constraints": limits, "retrain": bool(what.get("retrain")), "wanted": (what.get("objective"), what.get("direction")),
    }  # fmt: skip
    request["samples"] = {key: read_range(key, found).samples() for key, found in read.ranges.items()}
    for key, values in request["samples"].items():  # each is one that `zoo.train` takes
        for value in values:
            make_plan(request["model"], data, None, None, None, {**request["settings"], key: value})
    return request


def surveyed(request: Mapping[str, Any], nursery: Nursery) -> dict[str, Any]:
    """Return what `search.json` says of a search, once a process has read the data and built the first model."""
    known = nursery.call("zoo.api.trials:survey", request={name: request.get(name) for name in ASKED})
    task = find_task(known["task"])  # which the data decide on
    content = {name: value for name, value in request.items() if name not in ("changes", "wanted", "samples")}
    if "changes" in request:
        space = searched(request["model"], task, known["defaults"], request["changes"], request["settings"])
        content |= {"space": plain_space(space), "defaults": {key: found.default for key, found in space.items()}}
        content["objective"] = _objective(task, *request["wanted"])
    found = {
        **content, "task": task.name, "fingerprint": known["fingerprint"], "max_epochs": known["defaults"]["epochs"],
        "code": _code(request["model"]), "versions": _versions(),
    }  # fmt: skip
    plain: dict[str, Any] = json.loads(json.dumps(found))  # as it is when it is read again
    return plain


def searched(
    model: str,
    task: Task,
    settings: Mapping[str, Any],
    changes: Changes,
    explicit: Mapping[str, Any],
    without: tuple[str, ...] = (),
) -> dict[str, Choices | Interval]:
    """Return the space of a model and a task, with a user's changes.

    Args:
        model: a name.
        task: that it is for.
        settings: flat, with which a search begins.
        changes: the user's.
        explicit: the settings that the user gave, which are not searched.
        without: beginnings of settings that are not searched by themselves.
    """
    entry, variant = registry.find_model(model)
    arguments = {**entry.defaults, **entry.arguments(variant, {})}
    begin = {**{f"model.{name}": value for name, value in arguments.items()}, **settings}
    own = {**task.space, **{f"model.{name}": found for name, found in entry.space.items()}}
    if explicit.get("weights") is not None:  # which bring an architecture and a way of reading
        without = (*without, "model.", "data.")
    own = {key: found for key, found in own.items() if not key.startswith(without)}
    return join_spaces(own, changes, begin, explicit)


def handed_over(data: Any, folder: Path) -> tuple[str | None, Path | None]:
    """Return the name of data, and for those in memory a file that brings them to other processes of this machine.

    Raises:
        UsageError: they cannot get there.
    """
    from zoo.api.trials import SavedDataset

    if data is None or isinstance(data, str | os.PathLike):
        return None if data is None else os.fspath(data), None
    tensorflow, splits = sys.modules.get("tensorflow"), sys.modules.get("zoo.pipeline.splits")
    if splits is not None and isinstance(data, splits.Splits):
        raise UsageError(
            "Each trial reads the data anew, with its own vocabulary and length. Received: Splits, which are read already. "
            f"Give what they were read from, for example data={data.info.name!r}."
        )

    def saved(value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {part: saved(inner, f"{name}-{part}") for part, inner in value.items()}
        if tensorflow is not None and isinstance(value, tensorflow.data.Dataset):
            if int(value.cardinality()) == tensorflow.data.INFINITE_CARDINALITY:
                raise UsageError("These data never end. Received: a tf.data.Dataset with repeat(). Leave repeat() out.")
            value.save(str(folder / name))
            return SavedDataset(str(folder / name))
        return value

    path = folder / "data"
    try:
        path.write_bytes(pickle.dumps(saved(data, "dataset")))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise UsageError(
            f"These data cannot be given to other processes: {one_line(error)}. Received: {type(data).__name__}. Give a "
            "name, a path, arrays, a DataFrame or a tf.data.Dataset."
        ) from error
    return "arrays", path


def _objective(task: Task, name: str | None, direction: str | None) -> dict[str, str]:
    name = (name or task.monitor).removeprefix("val_")
    if name not in task.scores:
        raise UnknownNameError(f"objective of {task.name}", name, task.scores)
    if direction not in (None, best := task.scores[name]):
        raise UsageError(f"Of `{name}` the {best} is best. Received: direction={direction!r}. Leave it out.")
    return {"name": name, "direction": best}


def _code(model: str) -> dict[str, str]:
    from zoo.tuning.search import code_of

    entry, _ = registry.find_model(model)
    return code_of(Path(registry.__file__).parent, Path(inspect.getfile(entry.factory)))


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("tensorflow", "keras", "keras-tuner", "numpy", "scikit-learn")}


def _plain(given: Any) -> Any:
    """Return plain values in place of NumPy's."""
    if isinstance(given, Mapping):
        return {key: _plain(value) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_plain(value) for value in given)
    return given.tolist() if hasattr(given, "tolist") else given


def _absolute(data: str) -> str:
    """Return the name of data so that other processes find them from another directory."""
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
            f"Trials run in processes that do not run your script. Received: model {model!r}, which it registers. Put it "
            "into a module that can be imported, or announce it by the entry-point group `zoo.models`."
        )
    return module


def mapping_of(space: Any) -> dict[str, Any]:
    """Return a user's space as a mapping of its own.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(space, Mapping | None):
        raise UsageError(f"A space is a mapping of settings to ranges. Received: {type(space).__name__}. Give a mapping.")
    return dict(space or {})


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse what is given and no whole number of at least `least`.

    Raises:
        UsageError: it is not.
    """
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise UsageError(f"`{name}` is a whole number of at least {least}. Received: {value!r}.")
