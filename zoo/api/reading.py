"""Data by name, path or object, read for a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from zoo import registry
from zoo.errors import DataError, UsageError
from zoo.tasks import find_task

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.inputs.text.preprocessor import TextPreprocessor
    from zoo.pipeline.examples import Examples
    from zoo.pipeline.splits import Splits
    from zoo.settings import DataArguments


def load_data(data: Any, *, batch_size: int = 128, seed: int = 0, task: str | None = None, **arguments: Any) -> Splits:
    """Read, clean and split data; see `Splits` for what comes out.

    Args:
        data: a name (embedded, or any data set of images or texts in TensorFlow Datasets; "tfds:NAME" is always the
            latter), a path (CSV, TSV, JSON lines, Parquet, lines of `label text`, `.npz`, a folder of class folders or of
            a file for each part, a prepared TFDS folder), `(features, targets)`, a DataFrame with a label column, a
            finite `tf.data.Dataset` of pairs, or a mapping of "train", "validation", "test" to such or to paths. Splits
            are returned as they are.
        batch_size: rows a batch, at least 1.
        seed: of the training order, in `[0, 2**32)`.
        task: name of the task; by default the data set's own, or guessed. "text_classification" reads any file as texts.
        **arguments: see `zoo.settings.DataArguments`: `label_column`, `text_column`, `encoding`, `parts`, `ignore_columns`,
            `image_size`, `channels`, `validation`, `split_seed`, `duplicates`, `overlap`, `conflicts`, `broken`,
            `data_dir`, `memory_budget_mb`; for texts `vocabulary_size`, `min_frequency`, `lower`, `char_level`,
            `max_length`, `truncation`, `padding`, `buckets`, `raw`; `vocabulary`, a run or released model whose words and
            lengths are taken, for its weights.

    Raises:
        UsageError: a name or argument is not accepted.
        DataError: the data are missing, broken, empty or of one class.

    Example:
        >>> load_data("digits").info.num_examples
        {'train': 1257, 'validation': 270, 'test': 270}
    """
    from zoo.pipeline.prepare import prepare
    from zoo.pipeline.splits import Splits
    from zoo.settings import data_arguments

    if isinstance(data, Splits):
        if arguments or task not in (None, data.info.task_name):
            raise UsageError(f"Splits are ready as they are. Received: {sorted(arguments)} beside them. Leave that out.")
        return data
    if task is not None:
        find_task(task)
    if not (isinstance(batch_size, SupportsIndex) and batch_size >= 1):
        raise UsageError(f"`batch_size` is a whole number of at least 1. Received: {batch_size!r}. Try 128.")
    if not (isinstance(seed, SupportsIndex) and 0 <= seed < 2**32):
        raise UsageError(f"`seed` is a whole number from 0 to 2**32 - 1. Received: {seed!r}. Try 0.")
    checked = data_arguments(arguments)
    examples, own_task = read(data, checked, task)
    text = None if checked.vocabulary is None else _text_of(checked.vocabulary)
    return prepare(examples, checked, task=task or own_task, batch_size=batch_size, seed=seed, text=text)


def load_for(entry: registry.ModelEntry | None, data: Any, task: str | None, **arguments: Any) -> Splits:
    """Read data for a model: one that does text classification alone says how a file is to be read."""
    from zoo.pipeline.splits import Splits

    is_for_texts = entry is not None and entry.tasks == ("text_classification",)
    if task is None and is_for_texts and not isinstance(data, Splits):
        registered = registry.find_dataset(data) if isinstance(data, str) else None
        task = None if registered else "text_classification"
    return load_data(data, task=task, **arguments)


def read(data: Any, arguments: DataArguments, task: str | None) -> tuple[Examples, str | None]:
    """Return the examples, and the task that a registered data set is for."""
    from zoo.pipeline.load import looks_like_path, read_object, read_path
    from zoo.readers.tfds import read_tfds
    from zoo.settings import UNNAMED

    if isinstance(data, str) and not data.startswith("tfds:"):
        entry = registry.find_dataset(data)
        if entry is not None:
            content = entry.load()
            if isinstance(content, str) and content.startswith("tfds:"):
                return read(content, arguments, entry.task)[0], entry.task
            examples = read_object(content, arguments, data, task or entry.task)
            examples.name, examples.location = data, None
            return examples, entry.task
    if isinstance(data, str | os.PathLike):
        name = os.fspath(data)
        if not name:
            raise UsageError("Which data? Received: an empty name. Give a name or a path.")
        if not isinstance(data, str) or (not name.startswith("tfds:") and looks_like_path(name)):
            return read_path(name, arguments, task), None
        if name in UNNAMED:
            raise UsageError(
                f"The data of this configuration were in memory, and no run keeps them. Received: data={name}. Give data=, or "
                "--data FILE."
            )
        name = name.removeprefix("tfds:")
        entry = registry.find_dataset(name)
        return (
            read_tfds(
                name,
                arguments,
                offline_twin=entry.offline_twin if entry else None,
                known_names=registry.list_datasets(),
            ),
            None,
        )
    return read_object(data, arguments, "arrays", task), None


def _text_of(name: str) -> TextPreprocessor:
    """Return what turns texts to ids for a run or a released model."""
    from zoo.artefacts.run import Run

    text = Run.open(name).info.text
    if text is None:
        raise UsageError(
            f"`vocabulary` is that of a model of texts turned to ids. Received: {name!r}. Name one, or leave it out."
        )
    return text


def default_data(task: str | None) -> str:
    """Return the embedded data set of a task.

    Raises:
        UsageError: there is no task to go by.
    """
    if task is None:
        raise UsageError("A model of your own needs data. Received: none. Give data=.")
    return find_task(task).default_data


def name_of(data: Any) -> str:
    """Return what a run calls its data: the name or path, or "arrays" for what it cannot read again."""
    if isinstance(data, str | os.PathLike):
        return os.fspath(data)
    from zoo.pipeline.splits import Splits

    return data.info.name if isinstance(data, Splits) else "arrays"


def data_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `load_data` among flat settings."""
    prefix = "data."
    return {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix) and value is not None}


def own_data(run: Run) -> Splits:
    """Return the data that a run learned from, read again: from where they were, or by the name that they were given."""
    from zoo.settings import UNNAMED

    name = run.settings["data"]
    if name in UNNAMED:
        raise UsageError(
            "This run learned from arrays, which it does not keep. Received: no data. Give data=, or --data FILE; "
            "without them it cannot be verified."
        )
    location = run.info.location
    source = location if location is not None and Path(location).exists() else name
    splits = load_data(source, task=run.info.task_name, batch_size=256, **run.info.arguments)
    check_unchanged(splits, run)
    return splits


def check_unchanged(splits: Splits, run: Run) -> None:
    """Refuse data that are not those that a run learned from.

    Raises:
        DataError: their fingerprints differ.
    """
    if splits.info.fingerprint != run.info.fingerprint:
        raise DataError(
            f"The data have changed since this run. Received: fingerprint {splits.info.fingerprint} of {splits.info.name!r}, "
            f"then {run.info.fingerprint}. Restore them; to score on what they are now, give them as data=."
        )
