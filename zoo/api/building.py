"""Models by name, made for data and compiled."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.api.pretrained import arguments_of, check_variant, find_weights, set_weights, shown
from zoo.api.reading import load_for
from zoo.errors import UnknownNameError, UsageError
from zoo.tasks import Task, find_task

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from zoo.artefacts.run import Run
    from zoo.pipeline.info import DataInfo


def build(
    name: str,
    *,
    data: Any = None,
    weights: str | os.PathLike[str] | Run | None = None,
    task: str | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    learning_rate: float | None = None,
    strategy: str | tf.distribute.Strategy = "auto",
    **model_arguments: Any,
) -> keras.Model:
    """Build a compiled `keras.Model`, ready for `fit`.

    Args:
        name: a model or variant, for example "cnn" or "cnn/tiny"; see `list_models`.
        data: anything that `load_data` takes; sets input shape, classes and statistics.
        weights: trained weights to begin with: of a released model, by its data ("mnist" for "cnn@mnist", see
            `list_pretrained`) or its whole name; of a run, or its directory. The model gets the arguments that it was trained
            with, where neither you nor the data say otherwise. Where `num_classes`, `num_outputs` or the data's labels are
            others than its own, its last layer is fresh.
        task: name of the task; by default that of `data`, else the one that the arguments ask for.
        optimizer: a name, or a Keras optimizer.
        learning_rate: above 0; None takes Keras' default for the optimizer.
        strategy: how `fit` spreads each batch. "auto" takes all GPUs where there are two or more, and all workers that
            `TF_CONFIG` names; "mirrored" all GPUs, or all logical CPUs; "none" one device; or a `tf.distribute.Strategy`.
            Batch sizes are those of all devices together, and the learning rate stays as it is.
        **model_arguments: arguments of the model's factory; `zoo.info(name).arguments` has the defaults.

    Returns:
        A Sequential or functional model that gives float32 logits or values. Its loss and metrics take integer and one-hot
        labels alike.

    Raises:
        UsageError: a name, argument or value is not accepted, or weights do not fit.
        ArtefactError: the weights cannot be read or fetched.
        DataError: the data cannot be read.

    Example:
        >>> model = build("lenet", num_classes=3)
        >>> model.output_shape
        (None, 3)
    """
    from zoo.distribution.strategies import choose_strategy, scope_of
    from zoo.training.compile import check_distributable, compile_model

    entry = registry.find_model(name)[0]
    for argument in model_arguments:
        if argument not in entry.defaults:
            accepted = {*entry.defaults, "data", "weights", "task", "optimizer", "learning_rate", "strategy"}
            raise UnknownNameError(f"argument of model {name!r}", argument, accepted)
    scope = scope_of(choose_strategy(strategy))  # workers meet before data are read
    source = None if weights is None else find_weights(name, weights)
    if source is not None:
        check_variant(source, entry, name)
    info = None if data is None else load_for(entry, data, task).info
    with scope:
        model, chosen, width = uncompiled(name, info, task, model_arguments, source=source)
        if source is not None:
            set_weights(model, source, width, info)
        compile_model(model, chosen, width, optimizer, learning_rate)
    check_distributable(model)
    return model


def uncompiled(
    name: str,
    info: DataInfo | None,
    task: str | None,
    given: Mapping[str, Any],
    precision: str | None = None,
    source: Run | None = None,
) -> tuple[keras.Model, Task, int]:
    """Return the model, its task, and the width of its output.

    Args:
        name: of a model or variant.
        info: of data that the model is for.
        task: name of the task, where `info` does not say.
        given: arguments of the factory.
        precision: Keras' dtype policy; None is the global one.
        source: a run whose weights the model is for.
    """
    from zoo.settings import check_values

    entry, variant = registry.find_model(name)
    given = check_values(entry.name, entry.annotations, entry.defaults, entry.arguments(None, given))
    from_data = {key: value for key, value in (info.model_arguments() if info else {}).items() if key in entry.defaults}
    learned = arguments_of(source, entry) if source else {}
    arguments = {**entry.defaults, **learned, **entry.arguments(variant, {}), **from_data, **given}
    named = task or (info.task_name if info else source.info.task_name if learned and source else None)
    chosen = find_task(named) if named else _implied_task(entry, arguments)
    if chosen.name not in entry.tasks:
        others = registry.list_models(task=chosen.name)
        raise UsageError(
            f"Model {entry.name!r} is not for {chosen.name}. Received: {name!r} with that task; it does "
            f"{', '.join(entry.tasks)}. Models for {chosen.name}: {', '.join(others)}."
        )
    lacking = {chosen.input_argument, chosen.output_argument} - set(arguments)
    if lacking:
        raise UsageError(
            f"A model for {chosen.name} takes {' and '.join(sorted(lacking))}. Received: {name!r}, which does not."
        )
    if wanted := chosen.lacks(arguments):
        raise UsageError(f"Task {chosen.name} needs {wanted}. Received: num_classes={arguments.get('num_classes')}.")
    width = arguments[chosen.output_argument]
    if info is not None:
        _check_fits(arguments, info)
    try:
        with _dtype_policy(precision):
            return entry.factory(**arguments), chosen, width
    except UsageError as error:
        if source is None or not learned:
            raise
        raise UsageError(f"{error} The weights bring {shown(learned, source)}: leave out what contradicts them.") from error


@contextmanager
def _dtype_policy(name: str | None) -> Iterator[None]:
    """Let Keras make layers of this policy for a while; None leaves the global one."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _check_fits(arguments: Mapping[str, Any], info: DataInfo) -> None:
    """Refuse model arguments that the data contradict; a larger vocabulary or longer texts than theirs are fine."""
    for name, wanted in info.model_arguments().items():
        given = arguments.get(name, wanted)
        is_room = name in ("vocabulary_size", "max_sequence_length")
        is_statistic = name in info.statistics
        given = tuple(given) if isinstance(given, list | tuple) else given
        if not is_statistic and (given < wanted if is_room else given != wanted):
            raise UsageError(
                f"The arguments do not fit the data. Received: {name}={given}; the data have {wanted}. Leave it out"
                + (", or set data.vocabulary_size or data.max_length." if is_room else ".")
            )


def _implied_task(entry: registry.ModelEntry, arguments: Mapping[str, Any]) -> Task:
    """Return the first of a model's tasks that its arguments ask for."""
    input_name = "image" if len(arguments.get("input_shape", ())) == 3 else "features"
    tasks = [find_task(name) for name in entry.tasks]
    fitting = [task for task in tasks if task.lacks(arguments) is None and task.input_name == input_name]
    return (fitting or tasks)[0]
