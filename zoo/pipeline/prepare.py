"""Converts Examples to Splits: encodes labels, cleans rows, splits them, and converts tables to features."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
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

Place = tuple[str, np.ndarray]  # a part of the source, and rows in it
Labels = tuple[Label, ...]
logger = logging.getLogger(__name__)
WITHOUT_VALIDATION = 0.1  # share for validation, which is merged into train again, so that the test part does not depend on it
JOINED = "train and validation"  # name of the joined part


def prepare(
    examples: Examples,
    arguments: DataArguments,
    *,
    task: str | None,
    batch_size: int,
    seed: int,
    preprocessor: Preprocessor | None = None,
) -> Splits:
    """Clean, split and encode a data source for training.

    Args:
        examples: result of a reader.
        arguments: options for cleaning and splitting.
        task: name of the task; None infers it from the targets.
        batch_size: rows per batch.
        seed: seed of the training order.
        preprocessor: preprocessor to use; None fits one on the training part; default None.

    Raises:
        DataError: the data are empty or broken, have only one class, or do not fit the task.
    """
    _check_parts(examples, arguments)
    kind = find_input(examples.kind)
    if preprocessor is not None and preprocessor.kind is not kind:
        raise UsageError(f"`vocabulary` is for {preprocessor.kind.name}s. Received: `vocabulary` with {kind.name}s. Omit it.")
    missing = {name: targets.is_missing(part.targets) for name, part in examples.parts.items()}
    chosen, labels = _choose_task(examples, missing, task)
    encoded = {
        name: _encode(part, missing[name], kind, chosen, labels, examples.labels) for name, part in examples.parts.items()
    }
    hashes, numbers = ({name: getattr(part, field) for name, part in encoded.items()} for field in ("hashes", "targets"))
    kept, counts = cleaning.clean(hashes, numbers, missing, arguments)
    share = arguments.validation or WITHOUT_VALIDATION
    strata = chosen.strata(numbers)
    places = splits.cut(kept, hashes, strata, labels=labels, validation=share, seed=arguments.split_seed)
    if not arguments.validation or arguments.fold:
        places = _joined(places, encoded, kind, chosen, labels, arguments)

    own_train, train_rows = places["train"]
    statistics = chosen.learn(encoded[own_train].targets[train_rows], labels)
    fitted = preprocessor or kind.fit(encoded[own_train].features, train_rows, examples.input_shape, arguments)
    used = {own for own, _ in places.values()}
    sources = {own: fitted.source(encoded[own].features, encoded[own].hashes, arguments) for own in used}
    parts = {name: Rows(sources[own], rows, encoded[own].targets[rows]) for name, (own, rows) in places.items()}
    twins = targets.label_twins(labels)
    for problem in (*twins, *cleaning.as_problems(counts)):
        logger.info("%s: %s", examples.name, problem)
    info = DataInfo(
        name=examples.name,
        task_name=chosen.name,
        labels=labels,
        num_outputs=len(labels) or parts["train"].targets.shape[1],
        num_examples={name: len(rows.rows) for name, rows in parts.items()},
        fingerprint=splits.fingerprint(parts),
        report={
            "parts": {name: {**found, "broken": len(examples.parts[name].broken)} for name, found in counts.items()},
            "notes": examples.notes + twins,
            "broken": [line for part in examples.parts.values() for line in part.broken],
            "classes": {name: sizes for name, rows in parts.items() if (sizes := chosen.counts(rows.targets, labels))},
            "texts": {name: facts for name, rows in parts.items() if (facts := fitted.summary(rows.source, rows.rows))},
        },
        preprocessor=fitted,
        arguments=arguments.model_dump(mode="json", exclude_unset=True),
        location=examples.location,
        statistics={**fitted.statistics(parts["train"].source, train_rows), **statistics},
    )
    return Splits(parts, info, batch_size=batch_size, seed=seed)


@dataclass(frozen=True)
class _Encoded:
    """One part of a source: its features, with a hash and an encoded target for each row."""

    features: Any
    hashes: np.ndarray
    targets: np.ndarray


def _encode(part: Part, missing: np.ndarray, kind: InputKind, task: Task, labels: Labels, source: Labels | None) -> _Encoded:
    """Return a part with hashes and encoded targets; missing targets are zeros."""
    known = task.encode(part.targets[~missing], labels, source)
    encoded = np.zeros((len(missing), *known.shape[1:]), known.dtype)
    encoded[~missing] = known
    return _Encoded(part.features, kind.hashes(part.features), encoded)


def _joined(
    places: Mapping[str, Place],
    encoded: dict[str, _Encoded],
    kind: InputKind,
    task: Task,
    labels: Labels,
    arguments: DataArguments,
) -> dict[str, Place]:
    """Return the places with validation merged into train, or with both divided into folds.

    If the source has separate parts for both, this adds a part to `encoded` that joins them.
    """
    (own, train), (other, validation) = places["train"], places["validation"]
    if other != own:
        first, second = encoded[own], encoded[other]
        validation, own = validation + len(first.hashes), JOINED
        hashes, numbers = (np.concatenate(pair) for pair in ((first.hashes, second.hashes), (first.targets, second.targets)))
        encoded[JOINED] = _Encoded(kind.join(first.features, second.features), hashes, numbers)
    rows = np.sort(np.concatenate([train, validation]))
    if arguments.fold is None:
        return {"train": (own, rows), "test": places["test"]}
    strata = task.strata({own: encoded[own].targets})
    classes = None if strata is None else strata[own][rows]
    train, inside = splits.cut_fold(rows, encoded[own].hashes[rows], classes, labels, arguments.fold, arguments.split_seed)
    return {"train": (own, train), "validation": (own, inside), "test": places["test"]}


def prepare_like(examples: Examples, info: DataInfo, arguments: DataArguments, *, part: str, batch_size: int) -> Splits:
    """Prepare one part of other data like the training data of a model.

    Args:
        examples: result of a reader.
        info: facts about the model's training data.
        arguments: options that the examples were read with; `broken` decides about unreadable examples.
        part: name of the part; if there is only one part, "test" also names it.
        batch_size: rows per batch.

    Returns:
        Splits with these rows as `test`, in their order.

    Raises:
        UsageError: the part does not exist.
        DataError: labels are missing, or the data do not fit the model.
    """
    if part == "test" and len(examples.parts) == 1:
        (part,) = examples.parts
    if part not in examples.parts:
        raise UsageError(f"These data have no part {part!r}. Received: parts {[*examples.parts]}. Name one of them.")
    chosen = examples.parts[part]
    if chosen.broken and arguments.broken == "refuse":
        raise DataError(_broken(chosen))
    missing = targets.is_missing(chosen.targets)
    if missing.any():
        first = int(np.argmax(missing))
        raise DataError(f"{int(missing.sum())} rows have no label; the first is row {first}. Add labels.")
    if examples.kind != info.kind.name or (examples.input_shape and tuple(examples.input_shape) != info.input_shape):
        raise DataError(
            f"The data do not fit the model. Received: {examples.kind}s of shape {examples.input_shape}; "
            f"accepted: {info.kind.name}s of shape {info.input_shape}."
        )
    encoded = info.task.encode(chosen.targets, info.labels, examples.labels)
    source = info.preprocessor.source(chosen.features, info.kind.hashes(chosen.features), arguments)
    return Splits({"test": Rows(source, np.arange(len(encoded)), encoded)}, info, batch_size=batch_size, seed=0)


def _check_parts(examples: Examples, arguments: DataArguments) -> None:
    for name, part in examples.parts.items():
        if name not in (*PARTS, ALL):
            raise DataError(f"Parts must be called train, validation and test. Received: {name!r}. Rename it.")
        if part.broken and arguments.broken == "refuse":
            raise DataError(_broken(part))
        if not len(part.targets):
            raise DataError(f"Part {name!r} of the data is empty. Received: {examples.name}. Add rows.")


def _broken(part: Part) -> str:
    return (
        f"Examples that cannot be read: {len(part.broken)}. Received: {' '.join(part.broken[:3])} "
        "Fix the files, or drop these examples with data.broken=drop."
    )


def _choose_task(examples: Examples, missing: Mapping[str, np.ndarray], name: str | None) -> tuple[Task, Labels]:
    """Return the task, guessed if the user names none, and the labels of its classes."""
    known = np.concatenate([part.targets[~missing[each]] for each, part in examples.parts.items()])
    if not len(known):
        raise DataError(f"The data have no labelled rows. Received: {examples.name}. Add labelled rows.")
    guessed = guess_task(examples.kind, known)
    if name is None and len(tasks_for(examples.kind)) > 1:
        logger.info("%s: the task is %s; task= overrides this", examples.name, guessed.name)
    task = find_task(name) if name else guessed
    if task.input != examples.kind:
        raise UsageError(f"Task {task.name!r} is for {task.input}s. Received: {examples.kind}s. Use {guessed.name}.")
    return task, task.find_labels(known, examples.labels, are_numbers_names=examples.are_numbers_names)
