"""Loads data by name, path or object, and the data that a run was trained on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.errors import DataError, UsageError
from zoo.inputs import find_input
from zoo.settings import UNNAMED, DataArguments, data_arguments
from zoo.tasks import find_task

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.inputs import Preprocessor
    from zoo.pipeline.splits import Splits
    from zoo.readers.examples import Examples


def load_splits(
    data: Any,
    arguments: DataArguments,
    *,
    task: str | None = None,
    batch_size: int = 128,
    seed: int = 0,
    preprocessor: Preprocessor | None = None,
) -> Splits:
    """Read, clean and split data; return Splits unchanged.

    Args:
        data: anything that `zoo.load_data` accepts.
        arguments: options for reading, cleaning and splitting the data.
        task: name of the task; by default the data set's own, or guessed.
        batch_size: rows in a batch; default 128.
        seed: seed of the training order; default 0.
        preprocessor: preprocessor to use; None takes that of `data.vocabulary`, or fits one on the training part; default None.

    Raises:
        UsageError: a name is not accepted, or `data` are Splits of another task.
        DataError: the data are missing, broken, empty or of one class.
    """
    from zoo.artefacts.run import open_run
    from zoo.pipeline.prepare import prepare

    if is_splits(data):
        if task not in (None, data.info.task_name):
            raise UsageError(f"These Splits are for {data.info.task_name}. Received: task={task!r}. Omit it.")
        return data  # type: ignore[no-any-return]
    examples, own_task = read_examples(data, arguments, task)
    if preprocessor is None and arguments.vocabulary is not None:
        preprocessor = open_run(arguments.vocabulary).info.preprocessor
        if "vocabulary" not in preprocessor.reading_arguments(arguments.vocabulary):
            raise UsageError(
                "`vocabulary` must name a run or released model that takes texts as token ids. "
                f"Received: {arguments.vocabulary!r}. Name another one, or omit it."
            )
    named = task or own_task
    return prepare(examples, arguments, task=named, batch_size=batch_size, seed=seed, preprocessor=preprocessor)


def implied_task(entry: registry.ModelEntry | None, data: Any) -> str | None:
    """Return the first task of a model that takes only plain text, which any file can contain; otherwise None."""
    is_registered = isinstance(data, str) and registry.find_dataset(data) is not None
    if entry is None or is_registered or is_splits(data):
        return None
    return entry.tasks[0] if all(find_input(find_task(task).input).is_plain_text for task in entry.tasks) else None


def read_examples(data: Any, arguments: DataArguments, task: str | None) -> tuple[Examples, str | None]:
    """Return the examples, and the task of a registered data set."""
    from zoo.pipeline.load import looks_like_path, read_object, read_path
    from zoo.readers.tfds import read_tfds

    if not isinstance(data, str | os.PathLike):
        return read_object(data, arguments, "arrays", task), None
    name = os.fspath(data)
    entry = registry.find_dataset(name) if isinstance(data, str) else None
    if entry is not None:
        content = entry.load()
        if isinstance(content, str) and content.startswith("tfds:"):
            return read_examples(content, arguments, entry.task)[0], entry.task
        examples = read_object(content, arguments, name, task or entry.task)
        examples.name, examples.location = name, None
        return examples, entry.task
    if not isinstance(data, str) or (not name.startswith("tfds:") and looks_like_path(name)):
        return read_path(name, arguments, task), None
    if name in ("", *UNNAMED):
        raise UsageError(
            f"`data` must be a name or a path; runs and configurations do not store data in memory. Received: data={name}. "
            "Pass data=, or --data FILE."
        )
    name = name.removeprefix("tfds:")
    entry = registry.find_dataset(name)
    twin = entry.offline_twin if entry else None
    return read_tfds(name, arguments, offline_twin=twin, known_names=registry.list_datasets()), None


def default_data(task: str | None) -> str:
    """Return the default data set of a task.

    Raises:
        UsageError: the task is unknown, or has no default data set.
    """
    data = None if task is None else find_task(task).default_data
    if data is None:
        model = "A model of your own" if task is None else f"A model for {task}"
        raise UsageError(f"{model} needs data. Received: none. Pass data=.")
    return data


def name_of(data: Any) -> str:
    """Return the name of data in a run: the name or path, or "arrays" for data in memory."""
    if isinstance(data, str | os.PathLike):
        return os.fspath(data)
    return str(data.info.name) if is_splits(data) else "arrays"


def is_splits(data: Any) -> bool:
    """Return whether data are Splits, without importing TensorFlow for a name or a path."""
    if data is None or isinstance(data, str | os.PathLike):
        return False
    from zoo.pipeline.splits import Splits

    return isinstance(data, Splits)


def own_data(run: Run, data: Any = None) -> Splits:
    """Read the data that a run was trained on again, from their location or by name, or from `data`.

    Raises:
        UsageError: the run was trained on data in memory, and `data` is None.
        DataError: the data are missing, or have changed since training.
    """
    if data is None:
        name, location = run.settings["data"], run.info.location
        if name in UNNAMED:
            raise UsageError(
                "This run was trained on arrays, which it does not store. Received: no data. Pass data=, or --data FILE; "
                "without data, it cannot be verified."
            )
        data = location if location is not None and Path(location).exists() else name
    splits = load_splits(data, data_arguments(run.info.arguments), task=run.info.task_name, batch_size=256)
    if splits.info.fingerprint != run.info.fingerprint:
        raise DataError(
            f"The data have changed since this run. Received: fingerprint {splits.info.fingerprint} of {splits.info.name!r}, "
            f"expected {run.info.fingerprint}. Restore them, or pass data= to score on the changed data."
        )
    return splits


def data_like(run: Run, data: Any, arguments: Any, split: str = "test") -> tuple[Splits, str]:
    """Read other data in the same way as a run's own; return them and the name of the part to use.

    Args:
        run: the run that the data are for.
        data: anything that `zoo.load_data` accepts.
        arguments: arguments of `zoo.load_data` that override the run's own; None overrides nothing.
        split: name of the part; "test" is all of the data if they have no parts; default `"test"`.

    Raises:
        UsageError: the part does not exist.
        DataError: the data cannot be read, or do not fit the run.
    """
    from zoo.pipeline.prepare import prepare_like

    info = run.info
    if is_splits(data):
        if not data.info.is_read_like(info):
            raise DataError(
                f"These Splits do not fit the run. Received: labels {data.info.labels}, shape {data.info.input_shape}; the run "
                f"has {info.labels}, {info.input_shape}. Pass their source instead, to read them like the run's own."
            )
        return data, split
    reading = info.reading_arguments({**info.preprocessor.reading_arguments(), **(arguments or {})})
    examples, _ = read_examples(data, reading, info.task_name)
    return prepare_like(examples, info, reading, part=split, batch_size=256), "test"
