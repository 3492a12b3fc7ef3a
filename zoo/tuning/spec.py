"""What a search looks for, as one frozen object that goes from the verb through `search.json` to every trial."""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.errors import UsageError
from zoo.tuning.space import Interval, Space, read_range

logger = logging.getLogger(__name__)
PACKAGES = ("tensorflow", "keras", "keras-tuner", "numpy", "scikit-learn")
SHOWN_NAMES = {"fingerprint": "content of the data, as a fingerprint"}
DERIVED = ("module", "task", "max_epochs", "versions", "factory")  # fields that do not make a search another one


@dataclass(frozen=True)
class SearchSpec:
    """What a search looks for. `zoo.tuning.trials.survey` fills in the fields that depend on the data.

    Args:
        model: name of the model.
        data: name or path of the data; "arrays" for data in memory.
        module: name of the module that registers the model.
        settings: flat settings that the user gave, which are not searched.
        seed: seed of the algorithm and of the first training run.
        algorithm: "random", "bayesian", "hyperband" or "grid".
        repeats: training runs per trial.
        folds: folds of cross-validation; None validates on the validation part.
        constraints: limits by name, None for no limit.
        objective: `name` and `direction`; None takes those of the task.
        space: plain ranges by setting.
        defaults: values to start with, by setting.
        task: name of the task.
        fingerprint: fingerprint of the data.
        max_epochs: epochs of a trial; with Hyperband the most.
        versions: versions of packages.
        factory: hash of the source of the model's factory.
    """

    model: str
    data: str
    module: str
    settings: Mapping[str, Any]
    seed: int = 0
    algorithm: str = "random"
    repeats: int = 1
    folds: int | None = None
    constraints: Mapping[str, float | None] = field(default_factory=dict)
    objective: Mapping[str, str | None] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    task: str = ""
    fingerprint: str = ""
    max_epochs: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    factory: str = ""

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> SearchSpec:
        """Return the spec in the content of `search.json`.

        Raises:
            TypeError: a field is missing.
        """
        return cls(**{each.name: content[each.name] for each in fields(cls) if each.name in content})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)

    @property
    def ranges(self) -> Space:
        """The space as ranges."""
        return {key: read_range(key, plain, self.defaults.get(key)) for key, plain in self.space.items()}

    @property
    def varied(self) -> Space:
        """What differs between trials: the space, and with Hyperband the epochs."""
        if self.algorithm != "hyperband":
            return self.ranges
        return {**self.ranges, "epochs": Interval(1, self.max_epochs, None, "linear", 1)}

    @property
    def run_settings(self) -> list[dict[str, Any]]:
        """The settings in which the runs of one trial differ: seeds, and folds for each seed."""
        seeds = [{"seed": self.seed + number} for number in range(self.repeats)]
        folds = [{"data.fold": [number, self.folds]} for number in range(1, (self.folds or 0) + 1)]
        return [{**seed, **fold} for seed in seeds for fold in (folds or [{}])]


def check_same(then: SearchSpec, now: SearchSpec, directory: Path) -> None:
    """Refuse to resume a search for something else; warn if packages or the model's factory have changed.

    Raises:
        UsageError: something that decides the scores has changed; the message shows the difference.
    """
    changed = _differences(then, now, [each.name for each in fields(SearchSpec) if each.name not in DERIVED])
    if changed:
        more = f"; and {len(changed) - 10} more" if len(changed) > 10 else ""
        raise UsageError(
            f"The search in {directory} was for something else, and its trials cannot be compared with new ones. Received: "
            f"{'; '.join(changed[:10])}{more}. Restore it, or start a search in another directory with out= or --out."
        )
    for each in _differences(then, now, ["versions", *(["factory"] if then.factory else [])]):
        logger.warning("New trials may not be comparable with earlier ones: %s.", each)


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the scores."""
    return {name: version(name) for name in PACKAGES}


def factory_hash(model: str) -> str:
    """Return a hash of the source of a model's factory."""
    source = inspect.getsource(registry.find_model(model)[0].factory)
    return hashlib.blake2b(source.encode(), digest_size=6).hexdigest()


def _differences(then: SearchSpec, now: SearchSpec, names: list[str]) -> list[str]:
    one, other = (dict(_flat(spec, names)) for spec in (then, now))
    return [
        f"{SHOWN_NAMES.get(name, name)}: then {_shown(one.get(name))}, now {_shown(other.get(name))}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]


def _flat(spec: SearchSpec, names: list[str]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in names:
        value = getattr(spec, name)
        found += [(f"{name} {key}", inner) for key, inner in value.items()] if isinstance(value, Mapping) else [(name, value)]
    return found


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
