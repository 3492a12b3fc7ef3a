"""Converts the arguments of `zoo.tune` to a `SearchSpec`; checks everything that can be checked before data are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.settings import SETTING_NAMES, UNNAMED
from zoo.training.plan import plan_training
from zoo.tuning.space import DEFAULT, read_space, samples_of
from zoo.tuning.spec import Limits, SearchSpec
from zoo.yaml_settings import read_config

OPTIONS = (
    "algorithm", "objective", "direction", "repeats", "folds", "max_parameters", "max_latency_ms", "space", "trials", "minutes",
    "keep", "retrain",
)  # fmt: skip


def read_request(model: Any, data: str | None, config: Any, options: Mapping[str, Any]) -> tuple[SearchSpec, Limits]:
    """Check the arguments of a search.

    Args:
        model: name of the model; None takes the name in `config`.
        data: name or path of the data, "arrays" for data in memory, or None.
        config: a YAML file or a mapping of flat settings, which may contain options of the search.
        options: options of the search and flat settings, which override those of `config`.

    Raises:
        UsageError: a name, key, range or value is not accepted.
    """
    if not isinstance(model, str | None):
        raise UsageError(
            f"A search builds models by name. Received: {type(model).__name__}. Pass a name. To search a model of your "
            "own, pass a function that builds it to a tuner of keras-tuner."
        )
    given = {name: value for name, value in options.items() if value is not None or "." in name}
    written, given = plain(read_config(config)), plain(given)
    limits = {"workers": given.pop("workers", 1)}  # never stored in a file
    trained = {}
    for each in (written, given):
        if isinstance(each.get("keep"), str):  # the setting of `zoo.train`; the option of a search is a number
            trained["keep"] = each.pop("keep")
    settings = {**written, **given}
    options = {name: settings.pop(name) for name in OPTIONS if name in settings}
    if unknown := [key for key in settings if "." not in key and key not in SETTING_NAMES]:
        raise UnknownNameError("setting or argument", unknown[0], [*SETTING_NAMES, *OPTIONS, "workers", "ray", "out", "resume"])
    settings |= trained
    plan = plan_training(model, data, {}, settings)
    explicit = {key: value for key, value in plan.explicit.items() if key not in ("model", "data", "seed")}
    both = [each["space"] for each in (written, given) if isinstance(each.get("space"), dict)]
    space, fixed = read_space({**both[0], **both[1]} if len(both) == 2 else options.get("space"), explicit)
    spec = SearchSpec.checked(
        model=plan.settings.model, data=_absolute(plan.settings.data), module=_module(plan.settings.model),
        settings={**explicit, **fixed}, space=space, seed=settings.get("seed", 0),
        constraints={name: options.get(name) for name in ("max_parameters", "max_latency_ms")},
        objective={"name": options.get("objective"), "direction": options.get("direction")},
        **{name: options[name] for name in ("algorithm", "repeats", "folds") if name in options},
    )  # fmt: skip
    if spec.algorithm == "hyperband" and "epochs" in space:
        raise UsageError("Hyperband chooses the epochs. Received: epochs in the space. Set epochs= to the maximum.")
    if spec.folds and "data.fold" in explicit:
        raise UsageError("Folds divide train and validation. Received: data.fold with folds. Omit it.")
    if explicit.get("data.validation") == 0:
        raise UsageError("Trials are scored on the validation part. Received: data.validation=0. Use retrain instead.")
    for key, found in space.items():  # reject values that `zoo.train` does not accept
        for value in samples_of(found) if found != DEFAULT else ():
            plan_training(spec.model, data, {**spec.settings, key: value})
    return spec, Limits.checked(**limits, **{name: options[name] for name in Limits.model_fields if name in options})


def plain(given: Any) -> Any:
    """Return a value as plain data, without tuples, ranges and NumPy's numbers and arrays."""
    return to_jsonable_python(given, fallback=lambda value: value.tolist() if hasattr(value, "tolist") else list(value))


def _absolute(data: str) -> str:
    """Return an absolute path, for processes in another directory; names do not change."""
    is_path = registry.find_dataset(data) is None and data not in UNNAMED and Path(data).expanduser().exists()
    return str(Path(data).expanduser().resolve()) if is_path else data


def _module(model: str) -> str:
    """Return the module that registers a model, for other processes to import.

    Raises:
        UsageError: the module is the user's script.
    """
    module = str(registry.find_model(model)[0].factory.__module__)
    if module == "__main__":
        raise UsageError(
            f"Trials run in processes that do not run your script. Received: model {model!r}, which it registers. Move it to a "
            "module that can be imported, or register it through the entry-point group `zoo.models`."
        )
    return module
