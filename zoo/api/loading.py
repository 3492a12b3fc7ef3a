"""`zoo.load_data`: data by name, path or object, as Splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

from zoo.artefacts.loading import is_splits, load_splits
from zoo.errors import UsageError
from zoo.tasks import find_task

if TYPE_CHECKING:
    from typing import Unpack

    from zoo.keywords import DataKeywords
    from zoo.pipeline.splits import Splits


def load_data(
    data: Any, *, batch_size: int = 128, seed: int = 0, task: str | None = None, **arguments: Unpack[DataKeywords]
) -> Splits:
    """Read, clean and split data; `Splits` describes the result.

    Args:
        data: a name (embedded, or any data set of images or texts in TensorFlow Datasets; "tfds:NAME" is always the
            latter), a path (CSV, TSV, JSON lines, Parquet, lines of `label text`, `.npz`, a folder of class folders or with a
            file for each part, a prepared TFDS folder), `(features, targets)`, a DataFrame with a label column, a
            finite `tf.data.Dataset` of pairs, or a mapping of "train", "validation", "test" to any of these. Splits are
            returned unchanged.
        batch_size: rows in a batch, at least 1; default 128.
        seed: seed of the training order, in `[0, 2**32)`; default 0.
        task: name of the task; by default the data set's own, or guessed. "text_classification" reads any file as texts.
        **arguments: see `zoo.settings.DataArguments`: `label_column`, `text_column`, `encoding`, `parts`, `ignore_columns`,
            `image_size`, `channels`, `validation`, `fold`, `split_seed`, `duplicates`, `overlap`, `conflicts`, `broken`,
            `data_dir`, `memory_budget_mb`; for texts `vocabulary_size`, `min_frequency`, `lower`, `char_level`,
            `max_length`, `truncation`, `padding`, `buckets`, `raw`, and `vocabulary`, a run or released model to take the
            vocabulary and length from.

    Raises:
        UsageError: a name or argument is not accepted.
        DataError: the data are missing, broken, empty or of one class.

    Example:
        >>> load_data("digits").info.num_examples
        {'train': 1257, 'validation': 270, 'test': 270}
    """
    from zoo.settings import data_arguments

    if is_splits(data) and arguments:
        raise UsageError(f"Splits cannot be read with other arguments. Received: Splits and {sorted(arguments)}. Omit these.")
    if task is not None:
        find_task(task)
    if not (isinstance(batch_size, SupportsIndex) and batch_size >= 1):
        raise UsageError(f"`batch_size` must be a whole number of at least 1. Received: {batch_size!r}. Try 128.")
    if not (isinstance(seed, SupportsIndex) and 0 <= seed < 2**32):
        raise UsageError(f"`seed` must be a whole number from 0 to 2**32 - 1. Received: {seed!r}. Try 0.")
    return load_splits(data, data_arguments(arguments), task=task, batch_size=batch_size, seed=seed)
