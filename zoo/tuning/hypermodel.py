"""A model and its search space, for keras-tuner's own tuners."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner

from zoo import registry
from zoo.errors import UsageError
from zoo.settings import flatten
from zoo.tasks import Task, find_task
from zoo.training.construct import construct
from zoo.training.plan import Plan, plan_training
from zoo.tuning.space import check_mapping, declare_space, plain_space, read_changes, searched_space

if TYPE_CHECKING:
    from zoo.pipeline.splits import Splits
    from zoo.settings import Settings

OF_DATA = ("data.", "batch_size", "augment_", "schedule", "warmup", "decay", "step_at")  # settings that depend on data
MOST_READINGS = 2  # copies of the data that are kept in memory
ROUND_BEGIN, ROUND_END = "tuner/initial_epoch", "tuner/epochs"  # recorded by keras-tuner's Hyperband
UNKNOWN_STEPS = 10**9  # the number of batches is not known


class HopelessError(UsageError, keras_tuner.errors.FatalError):
    """An error that every trial would meet: keras-tuner ends its search, while other errors become failed trials."""


class HyperModel(keras_tuner.HyperModel):
    """A `keras_tuner.HyperModel` of one of zoo's models; its space joins those of the model and the task.

    keras-tuner's tuners accept it. With `data`, `search()` needs no arguments: each trial trains on the data with its own batch
    size, augmentation, vocabulary and text length. Data passed to `search(...)` are used as they are, and the settings of the
    space for reading and batching data keep their defaults.

    The learning-rate schedule covers `epochs` as given here, not as given to `search`; with Hyperband, each round has its own
    schedule.

    Args:
        model: name of the model.
        data: anything that `load_data` accepts, or Splits, whose vocabulary and text length are not searched. Without data
            only architecture, optimizer and regularisation are searched; default None.
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

    def __init__(
        self,
        model: str,
        *,
        data: Any = None,
        space: Mapping[str, Any] | None = None,
        task: str | None = None,
        model_arguments: Mapping[str, Any] | None = None,
        data_arguments: Mapping[str, Any] | None = None,
        name: str | None = None,
        tunable: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(name=name, tunable=tunable)
        from zoo.pipeline.splits import Splits

        entry, _ = registry.find_model(model)
        given = {**settings, **({"task": task} if task is not None else {})}
        given = flatten(given, model_arguments, data_arguments)
        if "weights" in given:
            raise UsageError("A HyperModel starts with fresh weights. Received: weights. Leave it out, or use zoo.tune.")
        changes = read_changes(check_mapping(space), given)
        self._model, self._data, self._given = model, data, {**given, **changes.held}
        self._read: dict[str, Splits] = {}
        self._executions: dict[str, int] = {}
        if data is None:
            self._task = find_task(task or entry.tasks[0])
            known = {**self._task.settings, **self._given}
        else:
            self._task, known = self._look_at_data()
        fixed = OF_DATA if data is None else ("data.",) if isinstance(data, Splits) else ()
        if refused := sorted(key for key in changes.ranges if key.startswith(fixed)):
            what = "no data" if data is None else repr(data)
            raise UsageError(
                f"Searching this needs data. Received: {', '.join(refused)} in the space, and {what}. Give data= by name, path "
                "or arrays."
            )
        self._space = searched_space(model, self._task, known, changes, self._given, without=fixed)

    @property
    def space(self) -> dict[str, Any]:
        """What is searched, as plain ranges."""
        return plain_space(self._space)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return the compiled model of these hyperparameters."""
        return self._built(hp, 0)

    def _built(self, hp: keras_tuner.HyperParameters, number: int) -> keras.Model:
        """Return the model for an execution of a trial, numbered from 0; executions differ in their seed."""
        from zoo.distribution.strategies import build_optimizer

        chosen = {**self._chosen(hp), "seed": int(self._given.get("seed", 0)) + number}
        if self._data is None:
            model = self._build_without_data(chosen)
        else:
            plan = self._plan(chosen)
            model = plan.make(splits=self._splits(plan))[0]
        build_optimizer(model)  # otherwise Keras cannot load its weights, and warns when keras-tuner asks for the best models
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train the model on the given data, or on its own; return Keras' history.

        Args:
            hp: the hyperparameters of `model`.
            model: the result of `build`.
            *args: arguments of `keras.Model.fit`, which keras-tuner's `search` passes on.
            **kwargs: the same; `epochs` defaults to that of the settings.

        Raises:
            UsageError: there are no data, or their shape differs from the model's input; keras-tuner's search ends.
        """
        key = json.dumps(hp.values, sort_keys=True, default=str)
        number = self._executions[key] = self._executions.get(key, -1) + 1
        model = self._built(hp, number) if number else model
        if args or "x" in kwargs:
            _check_fits(model, args[0] if args else kwargs["x"])
            return self._frozen(hp, model, number, kwargs.get("callbacks") or ()).fit(*args, **kwargs)
        if self._data is None:
            raise HopelessError(
                "There is nothing to train on. Received: neither HyperModel(data=...) nor data in search(...). Give one."
            )
        from zoo.training.batches import training_batches

        plan = self._plan(self._chosen(hp))
        splits, settings = plan.settle(self._splits(plan))
        steps = settings.steps_per_epoch or int(splits.train.cardinality())
        kwargs = {"epochs": settings.epochs, "validation_data": splits.validation, **kwargs}
        return model.fit(training_batches(splits, settings), steps_per_epoch=steps, shuffle=False, **kwargs)

    def _frozen(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, number: int, callbacks: Sequence[Any]
    ) -> keras.Model:
        """Reset the data settings of the space to their defaults, in `hp` and its tuner too, and return that model."""
        defaults = keras_tuner.HyperParameters()
        declare_space(self._space, defaults)
        frozen = {key: value for key, value in defaults.values.items() if key.startswith(OF_DATA[:3])}
        for callback in callbacks:
            if hasattr(callback, "tuner"):  # keras-tuner's own
                _fix(callback.tuner.oracle, frozen)
        if all(hp.values.get(key) == value for key, value in frozen.items()):
            return model
        hp.values.update(frozen)
        return self._built(hp, number)

    def _chosen(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Return the settings of hyperparameters, and the epochs of this round of keras-tuner's Hyperband."""
        chosen = declare_space(self._space, hp)
        if ROUND_END in hp.values:  # each round has a complete learning-rate schedule
            chosen["epochs"] = int(hp.values[ROUND_END]) - int(hp.values.get(ROUND_BEGIN, 0))
        return chosen

    def _look_at_data(self) -> tuple[Task, dict[str, Any]]:
        plan = self._plan({})
        _, settings = plan.settle(self._splits(plan))
        return find_task(settings.task), settings.to_flat()

    def _plan(self, chosen: Mapping[str, Any]) -> Plan:
        return plan_training(self._model, self._data, {**self._given, **chosen})

    def _splits(self, plan: Plan) -> Splits:
        """Return the data as a plan reads them; equal arguments read them once."""
        way = plan.settings.data_arguments.model_dump_json(exclude_unset=True)
        if way not in self._read:
            while len(self._read) >= MOST_READINGS:
                self._read.pop(next(iter(self._read)))
            self._read[way] = plan.read()
        return self._read[way]

    def _build_without_data(self, chosen: Mapping[str, Any]) -> keras.Model:
        from zoo.settings import resolve
        from zoo.training.compile import compile_model
        from zoo.training.optimizers import optimizer_of

        steady = {"schedule": "constant", "warmup": 0.0}  # the number of batches is not known
        names = {"model": self._model, "data": "arrays", "task": self._task.name}
        settings: Settings = resolve(self._task.settings, self._given, chosen, steady, names)
        keras.utils.set_random_seed(settings.seed)
        model, task, width = construct(self._model, None, self._task.name, settings.model_arguments, settings.precision)
        compile_model(model, task, width, optimizer_of(settings, UNKNOWN_STEPS), None, settings.label_smoothing)
        return model


def _fix(oracle: keras_tuner.Oracle, values: Mapping[str, Any]) -> None:
    """Remove settings from an oracle's space: later trials would only repeat earlier ones, and a grid would skip points."""
    before = getattr(oracle, "hyperparameters", None)
    if before is None:  # an oracle of a chief in another process
        return
    after = keras_tuner.HyperParameters()
    for each in before.space:
        if each.name in values:
            after.Fixed(each.name, values[each.name])
        else:
            after.merge([each])
    oracle.hyperparameters = after


def _check_fits(model: keras.Model, x: Any) -> None:
    """Refuse arrays or datasets whose shape differs from the model's input, on which every trial would fail.

    Raises:
        UsageError: they are.
    """
    spec = getattr(x, "element_spec", None)
    shape = getattr(x if spec is None else spec[0] if isinstance(spec, tuple) else spec, "shape", None)
    if shape is None or len(model.inputs) != 1:
        return
    took, takes = ([size for size in list(each)[1:] if size != 1] for each in (shape, model.inputs[0].shape))
    if len(took) != len(takes) or any(
        None not in (one, other) and one != other for one, other in zip(took, takes, strict=True)
    ):
        raise HopelessError(
            f"The data do not fit the model's input. Received: {tuple(shape)}; accepted: {model.inputs[0].shape}. "
            "Give model_arguments={'input_shape': ..., 'num_classes': ...} to HyperModel, or data=, which contain it."
        )
