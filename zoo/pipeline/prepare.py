"""Examples become Splits: labels encoded, rows cleaned, parts cut, tables turned to features."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from zoo.config import DataArguments
from zoo.errors import DataError, UsageError
from zoo.pipeline import cleaning, splits, targets
from zoo.pipeline.examples import ALL, PARTS, Examples
from zoo.pipeline.info import DataInfo
from zoo.pipeline.sources import Arrays, Source
from zoo.pipeline.splits import Rows, Splits
from zoo.pipeline.tables import TablePreprocessor
from zoo.tasks import Task, find_task

logger = logging.getLogger(__name__)


def prepare(examples: Examples, arguments: DataArguments, *, task: str | None, batch_size: int, seed: int) -> Splits:
    """Return the parts of a data source, ready to train on.

    Args:
        examples: what a reader found.
        arguments: how to clean and split.
        task: name of the task; None guesses it from the targets.
        batch_size: rows a batch.
        seed: of the training order.

    Raises:
        DataError: the data are empty, broken, of one class, or do not fit the task.
    """
    _check_parts(examples, arguments)
    missing = {name: targets.is_missing(part.targets) for name, part in examples.parts.items()}
    known = np.concatenate([part.targets[~missing[name]] for name, part in examples.parts.items()])
    if not len(known):
        raise DataError(f"The data have no labelled rows. Received: {examples.name}. Add some.")
    chosen = _choose_task(examples, known, task)
    labels = _labels(examples, known) if chosen.kind == "classification" else ()
    encoded = {
        name: _encode(part.targets, missing[name], labels, has_names=examples.labels is not None)
        for name, part in examples.parts.items()
    }

    hashes = {name: _hashes(part.features) for name, part in examples.parts.items()}
    kept, report = cleaning.clean(hashes, encoded, missing, arguments)
    for name, part in examples.parts.items():
        report[name]["broken"] = len(part.broken)
    places = splits.cut(
        kept, hashes, encoded if labels else None, labels=labels, validation=arguments.validation, seed=arguments.split_seed
    )

    own_train, train_rows = places["train"]
    table, sources = _sources(examples, own_train, train_rows, hashes)
    parts = {name: Rows(sources[own], rows, encoded[own][rows]) for name, (own, rows) in places.items()}
    info = DataInfo(
        name=examples.name,
        task_name=chosen.name,
        input_shape=examples.input_shape or (len(table.feature_names) if table else 0,),
        labels=labels,
        num_outputs=len(labels) or parts["train"].targets.shape[1],
        num_examples={name: len(rows.rows) for name, rows in parts.items()},
        fingerprint=splits.fingerprint(parts),
        report={
            "parts": report,
            "notes": examples.notes,
            "broken": [line for part in examples.parts.values() for line in part.broken],
            "classes": {name: splits.class_counts(rows.targets, labels) for name, rows in parts.items()} if labels else {},
        },
        arguments=arguments.model_dump(mode="json", exclude_unset=True),
        location=examples.location,
        table=table,
        statistics=_statistics(table, parts["train"], labels),
    )
    for problem in cleaning.as_problems(report):
        logger.info("%s: %s", examples.name, problem)
    return Splits(parts, info, batch_size=batch_size, seed=seed)


def prepare_like(examples: Examples, info: DataInfo, *, part: str | None, batch_size: int) -> Splits:
    """Return one part of other data, read as the data were that a model learned from.

    Args:
        examples: what a reader found.
        info: of the data that the model learned from.
        part: name of the part; None takes "test" where there is one, else every row.
        batch_size: rows a batch.

    Returns:
        Splits that hold these rows as `test`, in their order.

    Raises:
        DataError: the part is missing, or the data do not fit the model.
    """
    name = part or ("test" if "test" in examples.parts else None)
    if name is not None and name not in examples.parts:
        raise DataError(f"The data have no part of this name. Received: {name!r}. Accepted: {', '.join(examples.parts)}.")
    chosen = examples.parts[name] if name else next(iter(examples.parts.values()))
    if name is None and len(examples.parts) > 1:
        raise DataError(f"The data have several parts. Received: {[*examples.parts]}, none called 'test'. Name one.")
    missing = targets.is_missing(chosen.targets)
    if missing.any():
        raise DataError(f"{int(missing.sum())} rows have no label, the first is row {int(np.argmax(missing))}. Add them.")
    if (examples.kind == "table") != (info.table is not None) or (
        examples.input_shape and tuple(examples.input_shape) != info.input_shape
    ):
        raise DataError(
            f"The data do not fit the model. Received: {examples.kind}s of shape {examples.input_shape}; "
            f"accepted: {'table' if info.table else 'image'}s of shape {info.input_shape}."
        )
    labels = info.labels
    if examples.labels is not None and labels:  # class numbers of the other data, by their names
        own = _encode(chosen.targets, missing, examples.labels, has_names=True)
        encoded = targets.encode(np.array(examples.labels, object)[own], labels)
    else:
        encoded = _encode(chosen.targets, missing, labels, has_names=False)
    source: Source
    if info.table is not None and isinstance(chosen.features, pd.DataFrame):
        source = Arrays(info.table.transform(chosen.features))
    else:
        source = chosen.features
    rows = Rows(source, np.arange(len(encoded)), encoded)
    return Splits({"test": rows}, info, batch_size=batch_size, seed=0)


def _check_parts(examples: Examples, arguments: DataArguments) -> None:
    for name, part in examples.parts.items():
        if name not in (*PARTS, ALL):
            raise DataError(f"Parts are called train, validation and test. Received: {name!r}. Rename it.")
        if part.broken and arguments.broken == "refuse":
            raise DataError(
                f"Examples that cannot be read: {len(part.broken)}. Received: {' '.join(part.broken[:3])} "
                "Or leave all such out with data.broken=drop."
            )
        if not len(part.targets):
            raise DataError(f"Part {name!r} of the data is empty. Received: {examples.name}. Add rows.")


def _choose_task(examples: Examples, known: np.ndarray, task: str | None) -> Task:
    if examples.kind == "image":
        chosen = find_task(task or "image_classification")
        if chosen.input_name != "image":
            raise UsageError(f"Task {chosen.name!r} is for tables. Received: images. Use image_classification.")
        return chosen
    guessed = targets.guess_task(known)
    if task is None:
        logger.info("%s: taken for %s; task= says otherwise", examples.name, guessed)
    chosen = find_task(task or guessed)
    if chosen.input_name == "image":
        raise UsageError(f"Task {chosen.name!r} is for images. Received: a table. Use {guessed}.")
    return chosen


def _labels(examples: Examples, known: np.ndarray) -> tuple[targets.Label, ...]:
    if examples.labels is None:
        return targets.find_labels(known, are_numbers_names=examples.are_numbers_names)
    if len(np.unique(known)) < 2:
        raise DataError(
            f"Classification needs at least two classes. Received: only one, of {', '.join(map(str, examples.labels[:20]))}. "
            "Add rows of another."
        )
    return examples.labels


def _encode(raw: np.ndarray, missing: np.ndarray, labels: tuple[targets.Label, ...], *, has_names: bool) -> np.ndarray:
    """Return class numbers or float rows; missing rows hold zeros. Where a source names its classes, numbers are positions."""
    known = raw[~missing]
    if labels and has_names and known.ndim == 1 and known.dtype.kind in "uif":
        known = targets.check_class_numbers(known, labels)
    else:
        known = targets.encode(known, labels) if labels else targets.as_values(known)
    encoded = np.zeros((len(raw), *known.shape[1:]), known.dtype)
    encoded[~missing] = known
    return encoded


def _hashes(features: Source | pd.DataFrame) -> np.ndarray:
    if not isinstance(features, pd.DataFrame):
        return features.hashes
    if not len(features.columns):
        raise DataError("A table needs a column to learn from. Received: none beside the label. Add one.")
    try:
        return _hashes_of_rows(features)
    except (TypeError, ValueError):
        for column in features.columns:  # which one is it?
            try:
                _hashes_of_rows(features[[column]])
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"A cell holds one number or text. Received: column {column!r} with "
                    f"{type(features[column].iloc[0]).__name__} in its cells ({error}). Split it into columns, or leave it "
                    "out with data.ignore_columns."
                ) from error
        raise


def _hashes_of_rows(table: pd.DataFrame) -> np.ndarray:
    hashes: np.ndarray = pd.util.hash_pandas_object(table, index=False).to_numpy(np.uint64)
    return hashes


def _sources(
    examples: Examples, own_train: str, train_rows: np.ndarray, hashes: Mapping[str, np.ndarray]
) -> tuple[TablePreprocessor | None, dict[str, Source]]:
    """Return the columns that the training rows show, and each part's features as a source."""
    table: TablePreprocessor | None = None
    sources: dict[str, Source] = {}
    train = examples.parts[own_train].features
    if isinstance(train, pd.DataFrame):
        table = TablePreprocessor.fit(train.iloc[train_rows])
    for name, part in examples.parts.items():
        if table is not None and isinstance(part.features, pd.DataFrame):
            sources[name] = Arrays(table.transform(part.features), hashes[name])
        elif not isinstance(part.features, pd.DataFrame):
            sources[name] = part.features
    return table, sources


def _statistics(
    table: TablePreprocessor | None, train: Rows, labels: tuple[targets.Label, ...]
) -> dict[str, tuple[float, ...]]:
    statistics: dict[str, Any] = {}
    if table is not None and isinstance(train.source, Arrays):
        features = train.source.features.numpy()[train.rows]
        statistics["mean"], statistics["variance"] = splits.column_statistics(features)
    if not labels:
        statistics["target_mean"], statistics["target_variance"] = splits.column_statistics(train.targets)
    return statistics
