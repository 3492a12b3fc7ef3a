"""Converts Examples to Splits: encodes labels, cleans rows, splits them, and converts tables to features."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo import targets
from zoo.errors import DataError, UsageError
from zoo.inputs import InputKind, Preprocessor, find_input
from zoo.pipeline import cleaning, splits
from zoo.pipeline.info import DataInfo
from zoo.pipeline.splits import Rows, Splits
from zoo.readers.examples import ALL, PARTS, Examples, Part
from zoo.settings import DataArguments
from zoo.targets import Label
from zoo.tasks import Task, find_task, guess_task, tasks_for

logger = logging.getLogger(__name__)
WITHOUT_VALIDATION = 0.1  # fraction that is split off as usual and joined again, so that the test split does not change
JOINED = "train and validation"  # name of the joined split


def prepare(
    examples: Examples,
    arguments: DataArguments,
    *,
    task: str | None,
    batch_size: int,
    seed: int,
    preprocessor: Preprocessor | None = None,
) -> Splits:
    """Return the splits of a data source, ready for training.

    Args:
        examples: result of a reader.
        arguments: options for cleaning and splitting.
        task: task name; None infers it from the targets.
        batch_size: rows per batch.
        seed: seed of the training order.
        preprocessor: converts raw examples to features; None fits one on the training split; default None.

    Raises:
        DataError: the data is empty, is broken, has only one class, or does not fit the task.
    """
    _check_parts(examples, arguments)
    kind = find_input(examples.kind)
    if preprocessor is not None and preprocessor.kind is not kind:
        raise UsageError(f"`vocabulary` is for {preprocessor.kind.name}s. Received: `vocabulary` with {kind.name}s. Omit it.")
    missing = {name: targets.is_missing(part.targets) for name, part in examples.parts.items()}
    known = np.concatenate([part.targets[~missing[name]] for name, part in examples.parts.items()])
    if not len(known):
        raise DataError(f"The data has no labelled rows. Received: {examples.name}. Add labelled rows.")
    chosen = _choose_task(examples, known, task)
    labels = chosen.find_labels(known, examples.labels, are_numbers_names=examples.are_numbers_names)
    twins = targets.label_twins(labels)
    examples.notes += twins
    encoded = {
        name: _encode(part.targets, missing[name], chosen, labels, examples.labels) for name, part in examples.parts.items()
    }

    hashes = {name: kind.hashes(part.features) for name, part in examples.parts.items()}
    kept, report = cleaning.clean(hashes, encoded, missing, arguments)
    for name, part in examples.parts.items():
        report[name]["broken"] = len(part.broken)
    places = splits.cut(
        kept, hashes, chosen.strata(encoded), labels=labels, validation=arguments.validation or WITHOUT_VALIDATION,
        seed=arguments.split_seed,
    )  # fmt: skip
    features_of = {name: part.features for name, part in examples.parts.items()}
    if not arguments.validation or arguments.fold:
        places = _joined(places, features_of, hashes, encoded, kind, chosen, arguments=arguments)

    own_train, train_rows = places["train"]
    statistics = chosen.learn(encoded[own_train][train_rows], labels)
    fitted = preprocessor or kind.fit(features_of[own_train], train_rows, examples.input_shape, arguments)
    used = {own for own, _ in places.values()}
    sources = {own: fitted.source(features_of[own], hashes[own], arguments) for own in used}
    parts = {name: Rows(sources[own], rows, encoded[own][rows]) for name, (own, rows) in places.items()}
    summaries = {name: fitted.summary(rows.source, rows.rows) for name, rows in parts.items()}
    train = parts["train"]
    info = DataInfo(
        name=examples.name,
        task_name=chosen.name,
        labels=labels,
        num_outputs=len(labels) or train.targets.shape[1],
        num_examples={name: len(rows.rows) for name, rows in parts.items()},
        fingerprint=splits.fingerprint(parts),
        report={
            "parts": report,
            "notes": examples.notes,
            "broken": [line for part in examples.parts.values() for line in part.broken],
            "classes": {name: counts for name, rows in parts.items() if (counts := chosen.counts(rows.targets, labels))},
            "texts": {name: summary for name, summary in summaries.items() if summary},
        },
        preprocessor=fitted,
        arguments=arguments.model_dump(mode="json", exclude_unset=True),
        location=examples.location,
        statistics={**fitted.statistics(train.source, train.rows), **statistics},
    )
    for problem in (*twins, *cleaning.as_problems(report)):
        logger.info("%s: %s", examples.name, problem)
    return Splits(parts, info, batch_size=batch_size, seed=seed)


def _joined(
    places: Mapping[str, tuple[str, np.ndarray]],
    features: dict[str, Any],
    hashes: dict[str, np.ndarray],
    encoded: dict[str, np.ndarray],
    kind: InputKind,
    task: Task,
    *,
    arguments: DataArguments,
) -> dict[str, tuple[str, np.ndarray]]:
    """Return the rows per split, with validation merged into train, or with both split again into folds."""
    (own, train), (other, validation) = places["train"], places["validation"]
    if other != own:
        validation = validation + len(hashes[own])
        features[JOINED] = kind.join(features[own], features[other])
        hashes[JOINED] = np.concatenate([hashes[own], hashes[other]])
        encoded[JOINED] = np.concatenate([encoded[own], encoded[other]])
        own = JOINED
    rows = np.sort(np.concatenate([train, validation]))
    found = {"train": (own, rows), "test": places["test"]}
    if arguments.fold is not None:
        strata = task.strata(encoded)
        numbers = None if strata is None else strata[own][rows]
        train, validation = splits.cut_fold(rows, hashes[own][rows], numbers, *arguments.fold, seed=arguments.split_seed)
        found = {"train": (own, train), "validation": (own, validation), "test": places["test"]}
    return found


def prepare_like(examples: Examples, info: DataInfo, arguments: DataArguments, *, part: str | None, batch_size: int) -> Splits:
    """Return one split of other data, read like the training data of a model.

    Args:
        examples: result of a reader.
        info: facts about the model's training data.
        arguments: how the examples were read; `broken` says what becomes of those that could not be.
        part: name of the split; None uses "test" if there is one, otherwise every row.
        batch_size: rows per batch.

    Returns:
        Splits with these rows as `test`, in their order.

    Raises:
        DataError: the split is missing, or the data does not fit the model.
    """
    name = part or ("test" if "test" in examples.parts else None)
    if name is not None and name not in examples.parts:
        raise DataError(f"The data has no split of this name. Received: {name!r}. Accepted: {', '.join(examples.parts)}.")
    chosen = examples.parts[name] if name else next(iter(examples.parts.values()))
    if name is None and len(examples.parts) > 1:
        raise DataError(f"The data has several splits. Received: {[*examples.parts]}, none called 'test'. Name one.")
    if chosen.broken and arguments.broken == "refuse":
        raise DataError(_broken(chosen))
    missing = targets.is_missing(chosen.targets)
    if missing.any():
        raise DataError(f"{int(missing.sum())} rows have no label, the first is row {int(np.argmax(missing))}. Add them.")
    if examples.kind != info.kind.name or (examples.input_shape and tuple(examples.input_shape) != info.input_shape):
        raise DataError(
            f"The data does not fit the model. Received: {examples.kind}s of shape {examples.input_shape}; "
            f"accepted: {info.kind.name}s of shape {info.input_shape}."
        )
    encoded = info.task.encode(chosen.targets, info.labels, examples.labels)
    source = info.preprocessor.source(chosen.features, info.kind.hashes(chosen.features), arguments)
    return Splits({"test": Rows(source, np.arange(len(encoded)), encoded)}, info, batch_size=batch_size, seed=0)


def _check_parts(examples: Examples, arguments: DataArguments) -> None:
    for name, part in examples.parts.items():
        if name not in (*PARTS, ALL):
            raise DataError(f"Splits must be called train, validation and test. Received: {name!r}. Rename it.")
        if part.broken and arguments.broken == "refuse":
            raise DataError(_broken(part))
        if not len(part.targets):
            raise DataError(f"Split {name!r} of the data is empty. Received: {examples.name}. Add rows.")


def _broken(part: Part) -> str:
    return (
        f"Examples that cannot be read: {len(part.broken)}. Received: {' '.join(part.broken[:3])} "
        "Or drop them all with data.broken=drop."
    )


def _choose_task(examples: Examples, known: np.ndarray, task: str | None) -> Task:
    guessed = guess_task(examples.kind, known)
    if task is None and len(tasks_for(examples.kind)) > 1:
        logger.info("%s: the task is %s; task= overrides this", examples.name, guessed.name)
    chosen = find_task(task) if task else guessed
    if chosen.input != examples.kind:
        raise UsageError(f"Task {chosen.name!r} is for {chosen.input}s. Received: {examples.kind}s. Use {guessed.name}.")
    return chosen


def _encode(
    raw: np.ndarray, missing: np.ndarray, task: Task, labels: tuple[Label, ...], source: tuple[Label, ...] | None
) -> np.ndarray:
    """Return encoded targets; missing rows hold zeros."""
    known = task.encode(raw[~missing], labels, source)
    encoded = np.zeros((len(raw), *known.shape[1:]), known.dtype)
    encoded[~missing] = known
    return encoded
