"""The plan of a training run: model, data and settings, merged and checked before data are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.artefacts.loading import default_data, implied_task, is_splits, load_splits, name_of
from zoo.errors import UsageError
from zoo.settings import AUTO_NAMES, Settings, check_used, check_values, data_arguments, resolve
from zoo.training.weights import find_weights, settings_for_weights
from zoo.yaml_settings import read_config

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from zoo.pipeline.splits import Splits

Config = str | os.PathLike[str] | Mapping[str, Any] | None


@dataclass(frozen=True)
class Plan:
    """A training run that is ready to start.

    Args:
        model: a model's name, or the user's own `keras.Model`.
        data: anything that `load_data` accepts.
        settings: checked settings. Fields that are set come from recipe, file and keywords; the data's task provides the
            others.
        explicit: flat settings from the file and the keywords, without the recipe's; the user's own choices.
        auto: names of the settings to choose by probes; default `()`.
        was_compiled: whether the user's own model was compiled before training; default True.
    """

    model: str | keras.Model
    data: Any
    settings: Settings
    explicit: Mapping[str, Any]
    auto: tuple[str, ...] = ()
    was_compiled: bool = True

    def restore_model(self) -> None:
        """Mark the user's own model as uncompiled if it was; the next `train` then compiles it again."""
        if not isinstance(self.model, str) and not self.was_compiled:
            self.model.compiled = False

    def read(self) -> Splits:
        """Read the data."""
        entry = registry.find_model(self.model)[0] if isinstance(self.model, str) else None
        task = self.settings.task or implied_task(entry, self.data)
        return load_splits(self.data, self.settings.data_arguments, task=task)

    def settle(self, splits: Splits) -> tuple[Splits, Settings]:
        """Return the data in batches, and the settings with the defaults of the data's task."""
        info, given = splits.info, self.settings
        defaults = {name: value for name, value in info.task.settings.items() if name not in given.model_fields_set}
        settings = given.model_copy(update={**defaults, "task": info.task_name})
        if settings.schedule == "plateau" and "warmup" not in self.explicit:
            settings = settings.model_copy(update={"warmup": 0.0})  # the task's or recipe's value is for another schedule
        check_used(settings, self.explicit)
        if is_splits(self.data):
            own = {} if "batch_size" in self.explicit else {"batch_size": self.data.batch_size}
            settings = settings.model_copy(update={**own, "data_arguments": data_arguments(info.arguments)})
        return splits.with_batches(settings.batch_size, settings.seed), settings

    def make(
        self, strategy: tf.distribute.Strategy | None = None, verbose: int = 0, splits: Splits | None = None
    ) -> tuple[keras.Model, Splits, Settings, dict[str, Any]]:
        """Read the data, and build and compile the model.

        Args:
            strategy: strategy to train under; default None.
            verbose: 1 shows a progress bar while probes choose settings; default 0.
            splits: the result of `read`, if it was called before; default None.

        Returns:
            The model, the data in batches, the final settings, and a record of how "auto" settings were chosen, on one device
            of the first worker.
        """
        import keras

        from zoo.distribution.strategies import scope_of, strategy_of
        from zoo.training.auto import choose_settings
        from zoo.training.compile import check_distributable, compile_for_training, prepare_own_model
        from zoo.training.construct import construct
        from zoo.training.coordination import from_chief

        data, settings = self.settle(splits if splits is not None else self.read())
        if not isinstance(self.model, str):
            keras.utils.set_random_seed(settings.seed)
            with scope_of(strategy_of(self.model)):
                settings = prepare_own_model(self.model, data, settings, self.explicit)
            check_distributable(self.model)
            return self.model, data, settings, {}
        name, info = self.model, data.info
        source = find_weights(name, settings.weights) if settings.weights else None

        def build(settings: Settings) -> keras.Model:
            keras.utils.set_random_seed(settings.seed)
            model, task, width = construct(name, info, settings.task, settings.model_arguments, settings.precision, source)
            compile_for_training(model, task, width, data.with_batches(settings.batch_size, settings.seed), settings)
            return model

        record: dict[str, Any] = {}
        if self.auto:
            devices = strategy.num_replicas_in_sync if strategy else 1
            record = from_chief(strategy, lambda: choose_settings(self.auto, build, data, settings, devices, verbose))
            settings = settings.model_copy(update={name: record[name]["chosen"] for name in self.auto})
            data = data.with_batches(settings.batch_size, settings.seed)
        with scope_of(strategy):
            model = build(settings)
        check_distributable(model)
        return model, data, settings, record


def plan_training(model: str | keras.Model | None, data: Any, given: Mapping[str, Any], config: Config = None) -> Plan:
    """Merge and check everything that defines a training run, before data are read.

    Args:
        model: a model's name or a `keras.Model`; None takes the name in `config`.
        data: anything that `load_data` accepts; None takes the name in `config`, or the embedded data set of the task.
        given: flat settings, which override those of `config`.
        config: a YAML file or a mapping of flat settings, which override those of the recipe; default None.

    Raises:
        UsageError: a name, key or value is not accepted.
    """
    written = read_config(config)
    model = model if model is not None else written.get("model")
    if model is None or not (isinstance(model, str) or hasattr(model, "fit")):
        received = "none" if model is None else type(model).__name__
        raise UsageError(f"A model must be a name, such as 'cnn', or a keras.Model. Received: {received}. Pass one of them.")
    entry = registry.find_model(model)[0] if isinstance(model, str) else None
    explicit = {**written, **given}
    task = explicit.get("task")
    data = data if data is not None else written.get("data")
    data = data if data is not None else default_data(task or (entry.tasks[0] if entry else None))
    names = {"model": model if isinstance(model, str) else model.name, "data": name_of(data)}
    recipe = registry.recipe_settings(**names) if entry else {}
    fixed: dict[str, Any] = {**names, "task": task or ""}
    if explicit.get("weights") is not None:
        recipe = {key: value for key, value in recipe.items() if not key.startswith(("model.", "data."))}
        inherited, fixed["weights"] = settings_for_weights(model, explicit["weights"])
        recipe |= inherited
    if is_splits(data):  # a recipe's settings for reading do not apply to data that are already read
        recipe = {key: value for key, value in recipe.items() if not key.startswith("data.")}
    merged = {**recipe, **explicit}
    auto = tuple(name for name in AUTO_NAMES if merged.get(name) == "auto")
    if auto and entry is None:
        raise UsageError(
            f'"auto" needs a model by name. Received: {", ".join(auto)} for a model of your own. '
            "zoo.find_learning_rate suggests a rate for it."
        )
    layers = [
        {key: value for key, value in layer.items() if key not in auto or value != "auto"} for layer in (recipe, written, given)
    ]
    defaults = entry.defaults if entry else {}
    settings = resolve(*layers, fixed, model_arguments=defaults)
    if is_splits(data) and settings.data_arguments.model_fields_set:
        raise UsageError(
            "Splits cannot be read with other arguments. Received: Splits and "
            f"{sorted(settings.data_arguments.model_fields_set)}. Omit these."
        )
    if entry is not None:
        checked = check_values(entry, settings.model_arguments)
        settings = settings.model_copy(update={"model_arguments": checked})
    return Plan(model, data, settings, explicit, auto, was_compiled=isinstance(model, str) or model.compiled)


def planned_directory(plan: Plan, out: str | os.PathLike[str] | None) -> Path:
    """Return the run directory of a plan."""
    from zoo.artefacts.files import default_directory

    return Path(out) if out is not None else default_directory(plan.settings.model, plan.settings.data)


def check_resumed_alone(others: Mapping[str, Any], kind: str = "run") -> None:
    """Reject other arguments that are passed along with `resume`.

    Raises:
        UsageError: there is such an argument.
    """
    unused = [name for name, value in others.items() if value is not None]
    if unused:
        raise UsageError(f"A {kind} resumes with its own settings. Received: {', '.join(unused)} with resume. Omit them.")
