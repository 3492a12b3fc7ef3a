"""What is to be trained, from all that was given: a recipe, a file, keywords."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.api.building import uncompiled
from zoo.api.pretrained import find_weights, set_weights, settings_of
from zoo.api.reading import data_settings, default_data, load_for, name_of
from zoo.errors import UsageError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from zoo.pipeline.splits import Splits
    from zoo.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What is to be trained, with which settings, before data are read."""

    model: str | keras.Model
    data: Any
    task: str | None
    layers: Sequence[Mapping[str, Any]]  # of settings, later ones over earlier ones
    explicit: Mapping[str, Any]  # settings that the caller gave
    names: Mapping[str, str]
    asked: Sequence[str]  # settings that were given as "auto"

    def at_a_constant_rate(self) -> Plan:
        """Return the plan without a course of the learning rate, for a sweep that sets it."""
        names = {"learning_rate", "schedule", "warmup", "decay", "step_at", "plateau_patience"}
        return replace(
            self,
            layers=[*self.layers, {"schedule": "constant", "warmup": 0.0}],
            explicit={name: value for name, value in self.explicit.items() if name not in names},
            asked=[name for name in self.asked if name not in names],
        )

    @property
    def data_arguments(self) -> dict[str, Any]:
        """The arguments of `load_data`."""
        return data_settings({key: value for layer in self._layers for key, value in layer.items()})

    @property
    def _layers(self) -> Sequence[Mapping[str, Any]]:
        from zoo.pipeline.splits import Splits

        if not isinstance(self.data, Splits):
            return self.layers
        return [  # they are read already: what a recipe says of reading them is not for them
            {key: value for key, value in layer.items() if key in self.explicit or not key.startswith("data.")}
            for layer in self.layers
        ]

    def read(self) -> Splits:
        """Read the data."""
        entry = registry.find_model(self.model)[0] if isinstance(self.model, str) else None
        return load_for(entry, self.data, self.task, **self.data_arguments)

    def settle(self, splits: Splits) -> tuple[Splits, Settings]:
        """Return the data in batches, and the settings, as they are for these data."""
        from zoo import settings as configuration
        from zoo.pipeline.splits import Splits

        info = splits.info
        settings = configuration.resolve(info.task.settings, *self._layers, {"task": info.task_name})
        if settings.schedule == "plateau" and "warmup" not in self.explicit:
            settings = settings.model_copy(update={"warmup": 0.0})  # of the task or recipe, for another schedule
        configuration.check_used(settings, self.explicit)
        if isinstance(self.data, Splits) and "batch_size" not in self.explicit:
            settings = settings.model_copy(update={"batch_size": self.data.batch_size})
        return splits.with_batches(settings.batch_size, settings.seed), settings

    def make(
        self, strategy: tf.distribute.Strategy | None = None, verbose: int = 0, splits: Splits | None = None
    ) -> tuple[keras.Model, Splits, Settings, dict[str, Any]]:
        """Read the data, build and compile the model; return them with the settings that are true of them.

        Last comes a record of how settings were chosen that were given as "auto", on one device of the first worker.

        Args:
            strategy: to train under.
            verbose: 1 shows a bar while settings are chosen.
            splits: what `read` gave, if it was called before.
        """
        from zoo.api.workers import from_chief
        from zoo.distribution.strategies import scope_of, strategy_of
        from zoo.seeding import set_seed
        from zoo.training.auto import choose_settings
        from zoo.training.compile import check_distributable, compile_for_training, prepare_own_model

        splits, settings = self.settle(splits if splits is not None else self.read())
        info = splits.info
        if not isinstance(self.model, str):
            set_seed(settings.seed)
            with scope_of(strategy_of(self.model)):
                settings = prepare_own_model(self.model, splits, settings, self.explicit)
            check_distributable(self.model)
            return self.model, splits, settings, {}
        name = self.model
        source = find_weights(name, settings.weights) if settings.weights else None

        def build(settings: Settings) -> keras.Model:
            set_seed(settings.seed)
            model, task, width = uncompiled(name, info, settings.task, settings.model_arguments, settings.precision)
            if source is not None:
                set_weights(model, source, width, info)
            compile_for_training(model, task, width, splits.with_batches(settings.batch_size, settings.seed), settings)
            return model

        record: dict[str, Any] = {}
        if self.asked:
            devices = strategy.num_replicas_in_sync if strategy else 1
            chosen = from_chief(
                strategy,
                lambda: _as_plain(*choose_settings(self.asked, build, splits, settings, devices=devices, verbose=verbose)),
            )
            settings, record = settings.model_copy(update=chosen["settings"]), chosen["record"]
        with scope_of(strategy):
            model = build(settings)
        check_distributable(model)
        return model, splits.with_batches(settings.batch_size, settings.seed), settings, record


def make_plan(
    model: str | keras.Model | None,
    data: Any,
    config: str | os.PathLike[str] | Mapping[str, Any] | None,
    model_arguments: Mapping[str, Any] | None,
    data_arguments: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> Plan:
    """Merge and check settings: wrong ones are refused before the data are read.

    Raises:
        UsageError: a name, key or value is not accepted.
    """
    from zoo import settings as configuration

    given = {
        **settings,
        **{f"model.{name}": value for name, value in (model_arguments or {}).items()},
        **{f"data.{name}": value for name, value in (data_arguments or {}).items()},
    }
    written = configuration.read_config(config)
    model = model if model is not None else written.get("model")
    if model is None:
        raise UsageError("Which model? Received: none. Name one, for example 'cnn', or give a keras.Model.")
    entry = registry.find_model(model)[0] if isinstance(model, str) else None
    if entry is None and not hasattr(model, "fit"):
        raise UsageError(f"A model is a name or a keras.Model. Received: {type(model).__name__}. Give one of them.")
    for keys in (written, given):
        configuration.check_keys(keys, entry.defaults if entry else {})
    task = given.get("task", written.get("task"))
    data = data if data is not None else written.get("data")
    data = data if data is not None else default_data(task or (entry.tasks[0] if entry else None))
    names = {"model": model if isinstance(model, str) else model.name, "data": name_of(data)}
    weights = given.get("weights", written.get("weights"))
    layers: list[Mapping[str, Any]] = [_recipe_settings(**names) if entry else {}, written, given, names]
    if weights is not None:
        recipe, settings, kept = _settings_for_weights(model, weights, layers[0])
        layers = [recipe, settings, written, {**given, "weights": kept}, names]
    merged = {key: value for layer in layers for key, value in layer.items()}
    asked = [name for name in configuration.AUTO_NAMES if merged.get(name) == "auto"]
    if asked and entry is None:
        raise UsageError(
            f'"auto" is for models by name. Received: {", ".join(asked)} for a model of your own. '
            "zoo.find_learning_rate suggests a rate for it."
        )
    layers = [{key: value for key, value in layer.items() if key not in asked or value != "auto"} for layer in layers]
    early = configuration.resolve(*layers, {"task": task or ""})
    if entry is not None:
        checked = configuration.check_values(entry.name, entry.annotations, entry.defaults, early.model_arguments)
        layers = [*layers, {f"model.{name}": value for name, value in checked.items()}]
    return Plan(model, data, task, layers, {**written, **given}, names, asked)


def planned_directory(
    model: str | keras.Model | None,
    data: Any,
    config: str | os.PathLike[str] | Mapping[str, Any] | None,
    out: str | os.PathLike[str] | None,
    settings: Mapping[str, Any],
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: Mapping[str, Any] | None = None,
) -> Path:
    """Return where `train` would keep a run; wrong settings are refused, and nothing is read.

    Raises:
        UsageError: a name, key or value is not accepted.
    """
    from zoo.artefacts.files import default_directory

    names = make_plan(model, data, config, model_arguments, data_arguments, settings).names
    return Path(out) if out is not None else default_directory(**names)


def check_resumed_alone(others: Mapping[str, Any], kind: str = "run") -> None:
    """Refuse arguments beside a run, or another kind of thing, to go on with.

    Raises:
        UsageError: one is given.
    """
    unused = [name for name, value in others.items() if value is not None]
    if unused:
        raise UsageError(
            f"A {kind} goes on with its own settings. Received: {', '.join(unused)} beside resume. Leave that out."
        )


def bare_model(model: str | keras.Model) -> keras.Model | None:
    """Return the model if it is the user's own and not compiled, which compiling for a training changes."""
    return None if isinstance(model, str) or model.compiled else model


def _as_plain(settings: Settings, record: Mapping[str, Any]) -> dict[str, Any]:
    from zoo.settings import AUTO_NAMES

    return {"settings": {name: getattr(settings, name) for name in AUTO_NAMES}, "record": dict(record)}


def _settings_for_weights(
    model: str | keras.Model, weights: Any, recipe: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any], str]:
    """Return a recipe's settings without those of another architecture or reading, what weights ask for, and what names them.

    Raises:
        UsageError: the model is the user's own, or there are no such weights.
        ArtefactError: they cannot be read or fetched.
    """
    if not isinstance(model, str):
        raise UsageError(
            f"`weights` are for models by name. Received: weights={weights} for a model of your own. Give its name, or set its "
            "weights before."
        )
    source = find_weights(model, weights)
    own = {key: value for key, value in recipe.items() if not key.startswith(("model.", "data."))}
    is_name = isinstance(weights, str) and not (os.path.isdir(weights) and os.path.samefile(weights, source.directory))
    kept = weights if is_name else os.path.abspath(source.directory)
    return own, settings_of(source, registry.find_model(model)[0], model), kept


def _recipe_settings(model: str, data: str) -> dict[str, Any]:
    """Return the settings of the recipe for a model or variant on a data set, without what a variant sets itself."""
    recipe = registry.find_recipe(model, data)
    if recipe is None:
        return {}
    entry, variant = registry.find_model(model)
    own = {} if variant is None or recipe.model == model else entry.variants[variant]
    return {key: value for key, value in recipe.settings().items() if key.removeprefix("model.") not in own}
