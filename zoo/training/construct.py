"""Models by name, constructed for data and ready to compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.errors import UsageError
from zoo.inputs import find_input
from zoo.tasks import Task, find_task
from zoo.training.weights import arguments_of, set_weights, shown

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.run import Run
    from zoo.pipeline.info import DataInfo


def construct(
    name: str,
    info: DataInfo | None,
    task: str | None,
    given: Mapping[str, Any],
    precision: str | None = None,
    source: Run | None = None,
) -> tuple[keras.Model, Task, int]:
    """Return an uncompiled model, its task, and the width of its output.

    Args:
        name: name of a model or variant.
        info: facts about the data that the model is for.
        task: name of the task; by default that of `info`, or the one that the arguments imply.
        given: checked arguments of the factory.
        precision: Keras' dtype policy; None is the global one; default None.
        source: a run whose weights the model takes; default None.

    Raises:
        UsageError: the arguments do not fit the task, the data or the weights.
    """
    entry, variant = registry.find_model(name)
    from_data = {key: value for key, value in (info.model_arguments() if info else {}).items() if key in entry.defaults}
    learned = arguments_of(source, entry) if source else {}
    arguments = {**entry.defaults, **learned, **entry.arguments(variant, {}), **from_data, **given}
    named = task or (info.task_name if info else source.info.task_name if learned and source else None)
    chosen = find_task(named) if named else _implied_task(entry, arguments)
    if chosen.name not in entry.tasks:
        others = registry.list_models(task=chosen.name)
        raise UsageError(
            f"Model {entry.name!r} is not for {chosen.name}. Received: {name!r} with that task. Its tasks: "
            f"{', '.join(entry.tasks)}. Models for {chosen.name}: {', '.join(others)}."
        )
    if wanted := chosen.lacks(arguments):
        raise UsageError(f"Task {chosen.name} needs {wanted}. Received: num_classes={arguments.get('num_classes')}.")
    width = arguments[chosen.output_argument]
    if info is not None:
        _check_fits(arguments, info)
    try:
        with _dtype_policy(precision):
            model = entry.factory(**arguments)
    except UsageError as error:
        if source and learned:
            origin = source.settings["model"]
            error.add_note(f"The weights are of {origin!r} with {shown(learned, source)}. Use that model and these arguments.")
        raise
    if source is not None:
        set_weights(model, source, width, info)
    return model, chosen, width


@contextmanager
def _dtype_policy(name: str | None) -> Iterator[None]:
    """Set Keras' global dtype policy temporarily; None leaves it unchanged."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _check_fits(arguments: Mapping[str, Any], info: DataInfo) -> None:
    """Reject model arguments that contradict the data; a larger vocabulary or longer texts are accepted."""
    for name, wanted in info.model_arguments().items():
        given = arguments.get(name, wanted)
        is_room = name in ("vocabulary_size", "max_sequence_length")
        is_statistic = name in info.statistics
        given = tuple(given) if isinstance(given, list | tuple) else given
        if not is_statistic and (given < wanted if is_room else given != wanted):
            raise UsageError(
                f"The arguments do not fit the data. Received: {name}={given}; the data have {wanted}. Omit it"
                + (", or set data.vocabulary_size or data.max_length." if is_room else ".")
            )


def _implied_task(entry: registry.ModelEntry, arguments: Mapping[str, Any]) -> Task:
    """Return the first of a model's tasks that its arguments fit."""
    tasks = [find_task(name) for name in entry.tasks]
    fitting = [task for task in tasks if task.lacks(arguments) is None and find_input(task.input).fits(arguments)]
    return (fitting or tasks)[0]
