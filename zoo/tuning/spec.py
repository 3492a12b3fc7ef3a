"""The specification and the limits of a search: frozen objects, from the verb through `search.json` to every trial."""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from zoo import registry
from zoo.errors import UsageError

logger = logging.getLogger(__name__)
PACKAGES = ("tensorflow", "keras", "keras-tuner", "numpy", "scikit-learn")
MOST_REPEATS = 1000


class Checked(BaseModel):
    """An object that checks its values on construction."""

    model_config = ConfigDict(frozen=True, strict=True)

    @classmethod
    def checked(cls, **fields: Any) -> Self:
        """Return an object with these fields.

        Raises:
            UsageError: a value is not accepted.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            problem = error.errors()[0]
            name = ".".join(str(part) for part in problem["loc"])
            raise UsageError(
                f"A search does not accept {name}: {problem['msg']}. Received: {problem['input']!r}. See zoo.tune."
            ) from error


class SearchSpec(Checked):
    """The specification of a search. `zoo.tuning.trials.survey` fills in the fields that depend on the data.

    Args:
        model: name of the model.
        data: name or path of the data; "arrays" for data in memory.
        module: name of the module that registers the model.
        settings: flat settings from the user that are not searched.
        seed: seed of the algorithm and of the first training run; default 0.
        algorithm: algorithm of keras-tuner; default "random".
        repeats: training runs per trial; default 1.
        folds: number of cross-validation folds; None scores on the validation part; default None.
        constraints: limits by name, None for no limit.
        objective: `name` and `direction`; None takes the task's.
        space: plain ranges by setting; before the survey, the result of `read_space`.
        defaults: initial values by setting; default `{}`.
        task: name of the task; default "".
        fingerprint: fingerprint of the data; empty before the survey; default "".
        max_epochs: epochs of a trial; with Hyperband, the maximum; default 0.
        versions: versions of packages; default `{}`.
        factory: hash of the source code of the model's factory; empty in searches of version 0.1; default "".
    """

    model: str
    data: str
    module: str
    settings: dict[str, Any]
    seed: int = Field(default=0, ge=0, lt=2**32 - MOST_REPEATS)
    algorithm: Literal["random", "bayesian", "hyperband", "grid"] = "random"
    repeats: int = Field(default=1, ge=1, le=MOST_REPEATS)
    folds: int | None = Field(default=None, ge=2)
    constraints: dict[Literal["max_parameters", "max_latency_ms"], PositiveInt | PositiveFloat | None]
    objective: dict[Literal["name", "direction"], str | None]
    space: dict[str, Any]
    defaults: dict[str, Any] = {}
    task: str = ""
    fingerprint: str = ""
    max_epochs: int = 0
    versions: dict[str, str] = {}
    factory: str = ""

    @property
    def varied(self) -> dict[str, Any]:
        """The ranges that differ between trials: the space, and with Hyperband the epochs."""
        return {**self.space, **({"epochs": {"min": 1, "max": self.max_epochs}} if self.algorithm == "hyperband" else {})}

    @property
    def run_settings(self) -> list[dict[str, Any]]:
        """The settings in which the runs of one trial differ: seeds, and folds for each seed."""
        seeds = [{"seed": self.seed + number} for number in range(self.repeats)]
        folds = [{"data.fold": [number, self.folds]} for number in range(1, (self.folds or 0) + 1)]
        return [{**seed, **fold} for seed in seeds for fold in (folds or [{}])]


class Limits(Checked):
    """The limits of a search, which may change when it is resumed; None keeps the previous value, or the default."""

    trials: PositiveInt | None = None
    minutes: PositiveFloat | None = Field(default=None, allow_inf_nan=False)
    keep: PositiveInt | None = None
    retrain: bool | None = None
    workers: PositiveInt = 1

    @property
    def given(self) -> dict[str, Any]:
        """The limits to write to `search.json`; a limit of trials or minutes replaces both."""
        found = self.model_dump(exclude_none=True, exclude={"workers"})
        return {"trials": None, "minutes": None, **found} if {"trials", "minutes"} & found.keys() else found


def check_same(then: SearchSpec, now: SearchSpec, directory: Path) -> None:
    """Refuse to resume a search with a different specification; warn if packages or the model's factory have changed.

    Raises:
        UsageError: something that affects the scores has changed; the message shows the differences.
    """
    compared = {*SearchSpec.model_fields} - {"module", "task", "max_epochs", "versions", "factory"}
    if changed := _differences(then, now, compared):
        raise UsageError(
            f"The search in {directory} has other settings or data, so its trials cannot be compared with new ones. Received: "
            f"{'; '.join(changed[:10])}. Restore these, or search in another directory with out= or --out."
        )
    for each in _differences(then, now, {"versions", "factory"} if then.factory else {"versions"}):
        logger.warning("New trials may not be comparable with earlier ones: %s.", each)


def versions() -> dict[str, str]:
    """Return the versions of the packages that affect the scores."""
    return {name: version(name) for name in PACKAGES}


def factory_hash(model: str) -> str:
    """Return a hash of the source of a model's factory."""
    source = inspect.getsource(registry.find_model(model)[0].factory)
    return hashlib.blake2b(source.encode(), digest_size=6).hexdigest()


def _differences(then: SearchSpec, now: SearchSpec, names: set[str]) -> list[str]:
    one, other = (_flat(spec.model_dump(mode="json", include=names)) for spec in (then, now))
    return [
        f"{name}: then {one.get(name)!s:.80}, now {other.get(name)!s:.80}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    nested = {name: inner for name, inner in content.items() if isinstance(inner, dict)}
    inner = {f"{name} {key}": value for name, found in nested.items() for key, value in found.items()}
    return {**{name: value for name, value in content.items() if name not in nested}, **inner}
