"""Disjoint train, validation and test parts: the source's own, or split from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, UsageError
from zoo.pipeline.info import DataInfo
from zoo.sources.sharding import WHOLE, Shard
from zoo.sources.source import Pass, Source, finished, plainly
from zoo.targets import Label

MOVED = {"training_stream": "training_stream", "training_batch_size": "training_batch_size", "in_order": "shard_of_part"}
_Contents = tuple[np.ndarray, np.ndarray | None, int]  # content of each row, class of each content, number of classes


@dataclass(frozen=True)
class Rows:
    """Rows of a source, with their targets."""

    source: Source
    rows: np.ndarray  # (n,), int64, ascending
    targets: np.ndarray  # (n,) int64 class numbers, or (n, outputs) float32

    def batches(
        self, batch_size: int, seed: int | None = None, number: int | tf.Tensor = 0, shard: Shard = WHOLE
    ) -> tf.data.Dataset:
        """Return one pass over the rows, as described by `Pass`."""
        return self.source.one_pass(Pass(self.rows, self.targets, batch_size, seed, number, shard))


class Splits:
    """The parts of a data set as batched `tf.data`; each is one finite pass of known cardinality.

    `train` is reshuffled in each pass; the seed and the number of the pass determine the order. `validation` and `test` keep
    their order. Images have the dtype in which they are stored (uint8, or float32). Tables are float32 features. Texts are
    int32 token ids `(batch, tokens of the longest text)`, padded with 0, or strings with `raw`. Labels are int64 class numbers
    `(batch,)`; regression targets are float32 `(batch, outputs)`.

    Example:
        >>> import zoo
        >>> data = zoo.load_data("iris", batch_size=16)
        >>> features, labels = next(iter(data.train))
        >>> features.shape, labels.shape, data.info.labels
        (TensorShape([16, 4]), TensorShape([16]), ('setosa', 'versicolor', 'virginica'))
    """

    def __init__(self, parts: Mapping[str, Rows], info: DataInfo, *, batch_size: int, seed: int) -> None:
        self.info = info
        self.batch_size = batch_size
        self.seed = seed
        self._parts = parts

    @cached_property
    def train(self) -> tf.data.Dataset:
        """The training part, reshuffled in each pass."""
        return self._parts["train"].batches(self.batch_size, self.seed)

    @cached_property
    def validation(self) -> tf.data.Dataset:
        """The part for choosing hyperparameters.

        Raises:
            UsageError: the part does not exist, because the data were read with `validation=0`.
        """
        return self._part("validation").batches(self.batch_size)

    @cached_property
    def test(self) -> tf.data.Dataset:
        """The part for the final score."""
        return self._parts["test"].batches(self.batch_size)

    def with_batches(self, batch_size: int, seed: int) -> Splits:
        """Return the same parts with another batch size and seed."""
        return Splits(self._parts, self.info, batch_size=batch_size, seed=seed)

    def targets(self, part: str) -> np.ndarray:
        """Return the encoded targets of a part in its own order, for example class numbers `(rows,)`."""
        return self._part(part).targets

    def texts(self, part: str) -> Iterator[str]:
        """Return the raw texts of a part in its own order.

        Raises:
            UsageError: the data are not texts.
        """
        if not hasattr(self._part(part).source, "texts"):
            raise UsageError(f"Only text data have texts. Received: {self.info.name!r}, {self.info.task_name}.")
        return self.examples(part)

    def examples(self, part: str, positions: np.ndarray | None = None) -> Iterator[Any]:
        """Return examples of a part in the rawest form that is stored: texts as strings, images, or rows of features.

        Args:
            part: name of the part.
            positions: ascending positions in the part, from 0; None returns all; default None.
        """
        chosen = self._part(part)
        return self.info.preprocessor.examples(chosen.source, chosen.rows if positions is None else chosen.rows[positions])

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that exist."""
        return tuple(self._parts)

    @property
    def has_validation(self) -> bool:
        """Whether a validation part exists."""
        return "validation" in self._parts

    def _part(self, name: str) -> Rows:
        if name not in self._parts:
            raise UsageError(f"The data do not have this part. Received: {name!r} of {self!r}. Set data.validation above 0.")
        return self._parts[name]

    def __getattr__(self, name: str) -> Any:
        hint = f" Since 0.2.0 it is the function zoo.pipeline.splits.{MOVED[name]}." if name in MOVED else ""
        raise AttributeError(f"'Splits' object has no attribute {name!r}.{hint}")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part}={count}" for part, count in self.info.num_examples.items())
        return f"Splits({self.info.name!r}, {self.info.task_name}, {sizes}, input_shape={self.info.input_shape})"


def training_stream(data: Splits, first_batch: int = 0, shard: Shard = WHOLE) -> tf.data.Dataset:
    """Return the training part, repeated endlessly, starting at any batch.

    Args:
        data: the data.
        first_batch: number of the first batch, counted over all passes; default 0. Earlier batches of the
            same pass are read and skipped.
        shard: the share of each batch to return; default `WHOLE`.
    """
    chosen = data._parts["train"]
    first_pass, skip = divmod(first_batch, -(-len(chosen.rows) // data.batch_size))

    def numbered(number: tf.Tensor) -> tf.data.Dataset:
        return chosen.batches(data.batch_size, data.seed, number, shard)

    # A counter numbers the passes, so that a second iterator starts where the first did: Keras creates two under a strategy.
    passes = tf.data.Dataset.counter(first_pass).flat_map(plainly(numbered))
    return finished(passes.skip(skip), tf.data.INFINITE_CARDINALITY)


def training_batch_size(data: Splits, number: tf.Tensor) -> tf.Tensor:
    """Return the size of a batch of the training stream, given its number over all passes; int64."""
    rows = data.info.num_examples["train"]
    in_pass = number % -(-rows // data.batch_size)
    return tf.minimum(rows - in_pass * data.batch_size, data.batch_size)


def shard_of_part(data: Splits, part: str, shard: Shard, batch_size: int) -> tf.data.Dataset:
    """Return a shard of one pass over a part in its own order, in batches of a given size."""
    return data._part(part).batches(batch_size, shard=shard)


def cut(
    kept: Mapping[str, np.ndarray],
    hashes: Mapping[str, np.ndarray],
    classes: Mapping[str, np.ndarray] | None,
    *,
    labels: Sequence[Label],
    validation: float,
    seed: int,
) -> dict[str, tuple[str, np.ndarray]]:
    """Split the data: return, for train, validation and test, the source's part and the rows in it.

    A missing validation part gets the given share of train, and a missing test part 15 %; if both are missing, the shares are
    70 / 15 / 15. Parts are stratified by class, and rows with equal content stay together.

    Args:
        kept: rows to use, by the source's part: "all", or "train" with "validation" or "test".
        hashes: content hashes of all rows, by part.
        classes: class numbers of all rows for stratification, by part; None splits at random.
        labels: names of the classes.
        validation: share of train for a missing validation part.
        seed: seed of the split.

    Raises:
        DataError: there is no training part, or a class has too few rows to occur in each part.
    """
    own = "all" if "all" in kept else "train"
    if own not in kept:
        raise DataError(f"The data need a part named 'train'. Received: {[*kept]}. Rename a part, or pass only one part.")
    result = {part: (part, kept[part]) for part in ("validation", "test") if part in kept}
    missing = [part for part in ("test", "validation") if part not in kept]
    share_of = {"validation": validation if len(missing) == 1 else 0.15, "test": 0.15}
    train, total = kept[own], len(kept[own])
    for parts, part in zip((len(missing) + 1, 2), missing, strict=False):
        numbers = None if classes is None else classes[own][train]
        contents = _contents(hashes[own][train], numbers, labels, parts)
        train, taken = _cut_once(train, contents, share_of[part] * total, parts, seed)
        result[part] = (own, taken)
    return {"train": (own, train), **{part: result[part] for part in ("validation", "test")}}


def _cut_once(rows: np.ndarray, contents: _Contents, wanted: float, parts: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split off about `wanted` rows, stratified by class, with equal rows together; return the other rows and these."""
    from sklearn.model_selection import train_test_split

    content, strata, num_classes = contents
    total = int(content.max()) + 1
    size = min(max(round(wanted * total / len(rows)), num_classes), total - num_classes * (parts - 1))
    _, taken = train_test_split(np.arange(total), test_size=size, random_state=seed, stratify=strata)
    is_taken = np.isin(content, taken)
    return rows[~is_taken], rows[is_taken]


def cut_fold(
    rows: np.ndarray, hashes: np.ndarray, numbers: np.ndarray | None, labels: Sequence[Label], fold: tuple[int, int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows outside and inside a fold, stratified by class, with equal rows together.

    Args:
        rows: rows to divide.
        hashes: content hashes of the rows.
        numbers: class numbers of the rows for stratification; None divides at random.
        labels: names of the classes.
        fold: number of the fold, from 1, and number of folds.
        seed: seed of the folds; all folds need the same.

    Raises:
        DataError: there are fewer distinct rows than folds, in total or in a class.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    number, folds = fold
    content, strata, _ = _contents(hashes, numbers, labels, folds)
    cutter = KFold if strata is None else StratifiedKFold
    cuts = [*cutter(folds, shuffle=True, random_state=seed).split(np.zeros(content.max() + 1), strata)]
    is_inside = np.isin(content, cuts[number - 1][1])
    return rows[~is_inside], rows[is_inside]


def _contents(hashes: np.ndarray, numbers: np.ndarray | None, labels: Sequence[Label], parts: int) -> _Contents:
    """Return the number of each row's content, the class number of each content, and the number of classes.

    Raises:
        DataError: there are fewer distinct rows than parts, in total or in a class.
    """
    _, first, content = np.unique(hashes, return_index=True, return_inverse=True)
    strata = None if numbers is None else numbers[first]
    present, counts = np.unique(np.zeros(len(first)) if strata is None else strata, return_counts=True)
    if counts.min() < parts:
        rarest = "" if strata is None else f" of class {labels[present[counts.argmin()]]!r}"
        raise DataError(
            f"There are too few distinct rows for {parts} parts with rows of each class. Received: "
            f"{counts.min()}{rarest}. Add rows, remove the class, or use fewer parts."
        )
    return content, strata, len(present)


def fingerprint(parts: Mapping[str, Rows]) -> str:
    """Return a hash of all features, targets and parts, as 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name, chosen in parts.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(chosen.source.hashes[chosen.rows]).data)
        digest.update(np.ascontiguousarray(chosen.targets).data)
    return digest.hexdigest()
