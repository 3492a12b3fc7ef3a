"""A model and its search space, for keras-tuner's own tuners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner

from zoo import registry
from zoo.artefacts.loading import is_splits
from zoo.errors import UsageError
from zoo.settings import flatten
from zoo.tasks import find_task
from zoo.training.construct import construct
from zoo.training.plan import Plan, plan_training
from zoo.tuning.space import declare_space, read_space, searched_space

if TYPE_CHECKING:
    from typing import Unpack

    from zoo.keywords import DataKeywords, SettingKeywords
    from zoo.pipeline.splits import Splits
    from zoo.settings import DataArguments

OF_DATA = ("data.", "batch_size", "augment_", "schedule", "warmup", "decay", "step_at")  # settings that depend on data
UNKNOWN_STEPS = 10**9  # stands for an unknown number of batches


class HopelessError(UsageError, keras_tuner.errors.FatalError):
    """An error that every trial would raise. It ends keras-tuner's search; other errors become failed trials."""


class HyperModel(keras_tuner.HyperModel):
    """A `keras_tuner.HyperModel` for one of zoo's models; its space combines those of the model and the task.

    Use it with any tuner of keras-tuner. With `data`, `search()` needs no arguments: each trial trains on the data with its own
    batch size, augmentation, vocabulary and text length. Data passed to `search(...)` are used unchanged, and
    settings of the space for reading and batching data keep their defaults.

    The learning-rate schedule covers the `epochs` passed here, not those passed to `search`; with Hyperband, each round has its
    own schedule.

    Args:
        model: name of the model.
        data: anything that `load_data` accepts, or Splits, whose vocabulary and text length are not searched. Without
            data, only architecture, optimizer and regularisation are searched; default None.
        space: ranges to search, as in `zoo.tune`; default None.
        task: name of the task; default: the task of the data, or the model's first.
        model_arguments: arguments of the model's factory that are not searched; default None.
        data_arguments: arguments of `load_data` that are not searched; default None.
        name: name of this object for keras-tuner; default None.
        tunable: see `keras_tuner.HyperModel`; default True.
        **settings: settings of `zoo.train` that are not searched.

    Raises:
        UsageError: a name, key, range or value is not accepted.
        DataError: the data cannot be read.

    Example:
        >>> import keras_tuner
        >>> model = HyperModel("linear", data="iris", space={"*": "default", "learning_rate": [1e-3, 1e-2]})
        >>> tuner = keras_tuner.RandomSearch(
        ...     model, keras_tuner.Objective("val_accuracy", "max"), max_trials=2, directory=directory
        ... )
        >>> tuner.search(epochs=1, verbose=0)
        >>> model.space
        {'learning_rate': [0.001, 0.01]}
    """

    def __init__(  # type: ignore[misc] # `task` is also a setting
        self,
        model: str,
        *,
        data: Any = None,
        space: Mapping[str, Any] | None = None,
        task: str | None = None,
        model_arguments: Mapping[str, Any] | None = None,
        data_arguments: DataKeywords | None = None,
        name: str | None = None,
        tunable: bool = True,
        **settings: Unpack[SettingKeywords],
    ) -> None:
        super().__init__(name=name, tunable=tunable)
        given = flatten({**settings, **({"task": task} if task is not None else {})}, model_arguments, data_arguments)
        if "weights" in given:
            raise UsageError("A HyperModel starts with new weights. Received: weights. Omit it, or use zoo.tune.")
        ranges, fixed_values = read_space(space, given)
        self._model, self._data, self._given = model, data, {**given, **fixed_values}
        self._read: tuple[DataArguments, Splits] | None = None
        self._executions: Counter[str] = Counter()
        self._task = find_task(task or registry.find_model(model)[0].tasks[0])
        known = {**self._task.settings, **self._given}
        if data is not None:
            plan = self._plan({})
            _, found = plan.settle(self._splits(plan))
            self._task, known = find_task(found.task), found.to_flat()
        fixed = OF_DATA if data is None else ("data.",) if is_splits(data) else ()
        if refused := sorted(key for key in ranges if key.startswith(fixed)):
            raise UsageError(
                f"Searching this needs data. Received: {', '.join(refused)} in the space, and data of type "
                f"{type(data).__name__}. Pass data= by name, path or arrays."
            )
        unsearched = {**self._given, **{f"{prefix}*": None for prefix in fixed}}
        self._space, self._defaults = searched_space(model, self._task, known, ranges, unsearched)

    @property
    def space(self) -> dict[str, Any]:
        """The searched settings, as plain ranges."""
        return dict(self._space)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return the compiled model of these hyperparameters."""
        return self._built(hp, 0)

    def _built(self, hp: keras_tuner.HyperParameters, execution: int) -> keras.Model:
        """Return the model for an execution of a trial, numbered from 0; executions differ in their seed."""
        from zoo.distribution.strategies import build_optimizer

        chosen = {**self._chosen(hp), "seed": int(self._given.get("seed", 0)) + execution}
        if self._data is None:
            model = self._build_without_data(chosen)
        else:
            plan = self._plan(chosen)
            model = plan.make(splits=self._splits(plan))[0]
        build_optimizer(model)  # otherwise, Keras cannot load its weights, and warns when keras-tuner loads the best models
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train the model on the data passed, or else on the HyperModel's data; return Keras' history.

        Args:
            hp: the hyperparameters of `model`.
            model: the result of `build`.
            *args: arguments of `keras.Model.fit`, which keras-tuner's `search` passes on.
            **kwargs: keyword arguments of `keras.Model.fit`; `epochs` defaults to the setting.

        Raises:
            UsageError: there are no data. It ends keras-tuner's search.
        """
        from zoo.training.batches import training_batches

        has_data = bool(args) or "x" in kwargs
        is_changed = has_data and self._freeze(hp, kwargs.get("callbacks") or ())
        number = self._executions[str(hp.values)]
        self._executions[str(hp.values)] += 1
        if is_changed or number:
            model = self._built(hp, number)
        if has_data:
            return model.fit(*args, **kwargs)
        if self._data is None:
            raise HopelessError(
                "There is nothing to train on. Received: neither HyperModel(data=...) nor data in search(...). Pass one."
            )
        plan = self._plan(self._chosen(hp))
        splits, settings = plan.settle(self._splits(plan))
        steps = settings.steps_per_epoch or int(splits.train.cardinality())
        kwargs = {"epochs": settings.epochs, "validation_data": splits.validation, **kwargs}
        return model.fit(training_batches(splits, settings), steps_per_epoch=steps, shuffle=False, **kwargs)

    def _freeze(self, hp: keras_tuner.HyperParameters, callbacks: Sequence[Any]) -> bool:
        """Reset the data settings of the space to their defaults; return whether this changes `hp`.

        This also removes them from the oracle's space; otherwise trials would repeat, and a grid would skip points.
        """
        defaults = keras_tuner.HyperParameters()
        declare_space(self._space, self._defaults, defaults)
        frozen = {key: value for key, value in defaults.values.items() if key.startswith(OF_DATA[:3])}
        for oracle in (callback.tuner.oracle for callback in callbacks if hasattr(callback, "tuner")):  # added by keras-tuner
            if hasattr(oracle, "hyperparameters"):  # absent if the oracle is in another process
                after = keras_tuner.HyperParameters()
                for each in oracle.hyperparameters.space:
                    after.Fixed(each.name, frozen[each.name]) if each.name in frozen else after.merge([each])
                oracle.hyperparameters = after
        is_changed = any(hp.values.get(key) != value for key, value in frozen.items())
        hp.values.update(frozen)
        return is_changed

    def _chosen(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Return the settings that hyperparameters choose, with the epochs of the current round of Hyperband."""
        chosen = declare_space(self._space, self._defaults, hp)
        if "tuner/epochs" in hp.values:  # each round of Hyperband has a complete learning-rate schedule
            chosen["epochs"] = int(hp.values["tuner/epochs"]) - int(hp.values.get("tuner/initial_epoch", 0))
        return chosen

    def _plan(self, chosen: Mapping[str, Any]) -> Plan:
        return plan_training(self._model, self._data, {**self._given, **chosen})

    def _splits(self, plan: Plan) -> Splits:
        """Return the data that a plan reads; cached for the last arguments."""
        if self._read is None or self._read[0] != plan.settings.data_arguments:
            self._read = plan.settings.data_arguments, plan.read()
        return self._read[1]

    def _build_without_data(self, chosen: Mapping[str, Any]) -> keras.Model:
        from zoo.settings import resolve
        from zoo.training.compile import compile_model
        from zoo.training.optimizers import optimizer_of

        steady = {"schedule": "constant", "warmup": 0.0}  # the number of batches is not known
        names = {"model": self._model, "data": "arrays", "task": self._task.name}
        settings = resolve(self._task.settings, self._given, chosen, steady, names)
        keras.utils.set_random_seed(settings.seed)
        model, task, width = construct(self._model, None, self._task.name, settings.model_arguments, settings.precision)
        compile_model(model, task, width, optimizer_of(settings, UNKNOWN_STEPS), None, settings.label_smoothing)
        return model
