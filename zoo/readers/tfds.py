"""TensorFlow Datasets: by name, or from a prepared folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import getproxies

import numpy as np

from zoo.errors import DataError, UnknownNameError, UsageError
from zoo.inputs.image.pixels import read_image
from zoo.progress import track
from zoo.readers.examples import ALL, Examples, Part
from zoo.readers.folder import DEFAULT_SIZE
from zoo.readers.texts import as_part
from zoo.settings import DataArguments
from zoo.sources.hashing import hash_all
from zoo.sources.source import PARALLEL_CALLS, Arrays, Records, plainly

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_datasets as tfds

SCAN_BATCH = 512
UNLABELLED = -1  # TensorFlow Datasets' value for a missing label


def read_tfds(name: str, arguments: DataArguments, *, offline_twin: str | None, known_names: list[str]) -> Examples:
    """Return a data set of TensorFlow Datasets, from a prepared folder or downloaded now.

    Args:
        name: name for `tfds.load`, for example "mnist" or "cifar10:3.0.2".
        arguments: reading options; `data_dir`, `image_size`, `text_column`, `label_column` and `memory_budget_mb` are used.
        offline_twin: embedded data set to suggest if a download fails.
        known_names: zoo's own data sets, for the hint on a wrong name.

    Raises:
        UnknownNameError: the data set does not exist.
        DataError: it cannot be downloaded, or has neither images nor texts with a class label.
    """
    import tensorflow_datasets as tfds

    base = name.partition("/")[0].partition(":")[0]
    try:
        builder = tfds.builder(name, data_dir=arguments.data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise UnknownNameError("data set", name, {*known_names, *tfds.list_builders(with_community_datasets=False)}) from error
    except Exception as error:  # AssertionError for a version, ValueError for a configuration, ImportError for a hub, ...
        raise UsageError(
            f"TensorFlow Datasets rejects this name: {str(error).splitlines()[0].rstrip('.')}. Received: {name!r}, which is "
            "not a "
            'file or folder either. Pass a path, NAME, NAME/CONFIGURATION or NAME:VERSION, for example "cifar10:3.0.2".'
        ) from error
    try:
        if not builder.is_prepared():
            _check_network(builder)
        builder.download_and_prepare()
    except Exception as error:
        builder = tfds.builder(name, data_dir=arguments.data_dir)
        if builder.is_prepared():  # another worker has prepared it
            return _read(builder, name, arguments)
        embedded = f" {offline_twin!r} is embedded and needs no network." if offline_twin else ""
        raise DataError(
            f"The data set could not be prepared. Received: {name!r} ({type(error).__name__}: {str(error)[:200]}).{embedded} "
            f"Or prepare it on a machine with a network with `tfds build {base}`, copy the folder, and set TFDS_DATA_DIR or "
            "data.data_dir to its parent folder."
        ) from error
    return _read(builder, name, arguments)


def _check_network(builder: tfds.core.DatasetBuilder) -> None:
    """Raise OSError if no download host can be resolved, since the downloader would retry for minutes."""
    hosts = {urlparse(url).hostname for url in builder.url_infos or ()} - {None}
    if not hosts or getproxies():
        return
    failure: OSError | None = None
    for host in sorted(hosts):
        try:
            socket.getaddrinfo(host, 443)
        except OSError as error:
            failure = error
        else:
            return
    raise failure or OSError("no host")


def is_prepared_folder(path: Path) -> bool:
    """Return whether this folder was prepared by TensorFlow Datasets."""
    return (path / "dataset_info.json").is_file() and (path / "features.json").is_file()


def read_prepared(path: Path, arguments: DataArguments) -> Examples:
    """Return the examples in a folder prepared by TensorFlow Datasets.

    Raises:
        DataError: it is broken, or has neither images nor texts with a class label.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder_from_directory(path)
    except Exception as error:
        raise DataError(f"This prepared data set cannot be read: {error}. Received: {path}. Prepare it again.") from error
    return _read(builder, str(path), arguments)


def _read(builder: tfds.core.DatasetBuilder, name: str, arguments: DataArguments) -> Examples:
    import tensorflow_datasets as tfds

    features = builder.info.features
    images = _keys(builder, tfds.features.Image, None)
    texts = _keys(builder, tfds.features.Text, arguments.text_column)
    labels = _keys(builder, tfds.features.ClassLabel, arguments.label_column)
    if (len(images) != 1 and (images or len(texts) != 1)) or len(labels) != 1:
        raise DataError(
            "A TensorFlow data set needs one image or one text, and one class label. "
            f"Received: {name!r} with {', '.join(f'{key} ({type(value).__name__})' for key, value in features.items())}. "
            "If it has several texts or labels, name one with data.text_column or data.label_column."
        )
    if not images:
        return _read_texts(builder, name, texts[0], labels[0])
    names, notes = _parts_of(builder, name)
    image_feature = features[images[0]]
    if image_feature.np_dtype != np.uint8:
        raise DataError(f"Images must have 8 bits. Received: {name!r} with {image_feature.np_dtype}. Convert them.")
    shape = image_feature.shape
    known = None not in shape and arguments.image_size is None
    size = arguments.image_size or (shape[:2] if None not in shape[:2] else DEFAULT_SIZE)
    input_shape = (*size, shape[-1] or 3)
    decode = image_feature.decode_example if known else _stretcher(input_shape)

    total = sum(builder.info.splits[split].num_examples for split in names.values())
    in_memory = total * int(np.prod(input_shape)) <= arguments.memory_budget_mb * 2**20
    parts = {
        part: _read_part(builder, split, images[0], labels[0], decode, input_shape, in_memory) for part, split in names.items()
    }
    return Examples(name, parts, "image", input_shape, labels=tuple(features[labels[0]].names), notes=notes)


def _keys(builder: tfds.core.DatasetBuilder, kind: type[Any], wanted: str | None) -> list[str]:
    """Return the features of a kind: the requested one, or those of the supervised pair, or all."""
    keys = [key for key, feature in builder.info.features.items() if isinstance(feature, kind)]
    if wanted is not None:
        return [key for key in keys if key == wanted]
    return [key for key in keys if key in (builder.info.supervised_keys or ())] or keys


def _parts_of(builder: tfds.core.DatasetBuilder, name: str) -> tuple[dict[str, str], list[str]]:
    """Return the source's split for each of zoo's splits, and notes on unused ones."""
    splits = set(builder.info.splits)
    if not splits:
        raise DataError(f"A data set needs a split of known size. Received: {name!r} without one. Prepare it again.")
    names = {part: part for part in ("train", "validation", "test") if part in splits}
    if "train" not in names:
        names = {ALL: next(iter(builder.info.splits))}
    return names, [f"split {split!r} is not used" for split in sorted(splits - set(names.values()))]


def _read_texts(builder: tfds.core.DatasetBuilder, name: str, text_key: str, label_key: str) -> Examples:
    import tensorflow as tf

    def records(split: str) -> Iterator[tuple[str, str, int]]:
        options = tf.data.Options()
        options.autotune.enabled = False
        row = 0
        for texts, labels in _in_order(builder, split, (text_key, label_key)).with_options(options).as_numpy_iterator():
            for text, label in zip(texts, labels.tolist(), strict=True):
                row += 1
                yield f"Example {row}", text.decode("utf-8", "replace"), label

    names, notes = _parts_of(builder, name)
    parts = {
        part: as_part(partial(records, split), f"{name}, split {split!r}", has_numbers=True) for part, split in names.items()
    }
    for part in [part for part, content in parts.items() if (content.targets == UNLABELLED).all() and part != "train"]:
        del parts[part]
        notes.append(f"split {part!r} has no labels and is not used")
    return Examples(name, parts, "text", labels=tuple(builder.info.features[label_key].names), notes=notes)


def _is_read_by_files(builder: tfds.core.DatasetBuilder) -> bool:
    """Return whether `_in_order` opens the files itself and can therefore open a subset."""
    import tensorflow_datasets as tfds

    return bool(builder.info.file_format == tfds.core.FileFormat.TFRECORD)


def _in_order(
    builder: tfds.core.DatasetBuilder, split: str, keys: tuple[str, str], chosen: Sequence[int] | None = None
) -> tf.data.Dataset:
    """Return batches of encoded images or texts with their labels, always in the same order.

    TensorFlow Datasets parses record by record, which takes ten times as long as parsing batches.

    Args:
        builder: builder of a prepared data set.
        split: name of the split.
        keys: keys of the image or text, and of the label.
        chosen: numbers of the files to read; None reads all. Formats other than TFRecord always read all; default None.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    if _is_read_by_files(builder):
        kinds = {key: tf.io.FixedLenFeature((), kind) for key, kind in zip(keys, (tf.string, tf.int64), strict=True)}
        paths = [str(path) for path in builder.info.splits[split].filepaths]
        files = paths if chosen is None else [paths[number] for number in chosen]

        def parse(records: tf.Tensor) -> tuple[tf.Tensor, ...]:
            found = tf.io.parse_example(records, kinds)
            return tuple(found[key] for key in keys)

        return tf.data.TFRecordDataset(files).batch(SCAN_BATCH).map(plainly(parse))
    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    decoders = {keys[0]: tfds.decode.SkipDecoding()}
    try:
        examples = builder.as_dataset(split=split, shuffle_files=False, decoders=decoders, read_config=config)
    except NotImplementedError as error:
        raise DataError(
            f"Files of this format cannot be read as tf.data. Received: {builder.info.file_format.value} in "
            f"{builder.data_path}. Prepare the data set with file_format=tfrecord."
        ) from error
    return examples.map(plainly(lambda example: tuple(example[key] for key in keys))).batch(SCAN_BATCH)


def _stretcher(input_shape: tuple[int, int, int]) -> Any:
    import tensorflow as tf

    def decode(encoded: tf.Tensor) -> tf.Tensor:
        image = tf.numpy_function(lambda content: read_image(content, input_shape), [encoded], tf.uint8)
        return tf.ensure_shape(image, input_shape)

    return decode


def _read_part(
    builder: tfds.core.DatasetBuilder,
    split: str,
    image_key: str,
    label_key: str,
    decode: Any,
    input_shape: tuple[int, int, int],
    in_memory: bool,
) -> Part:
    """Read a split once, for its labels and hashes; keep the decoded images if they fit in memory."""
    import tensorflow as tf

    def decoded(encoded: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return encoded, label, tf.map_fn(decode, encoded, fn_output_signature=tf.TensorSpec(input_shape, tf.uint8))

    batches = _in_order(builder, split, (image_key, label_key))
    if in_memory:
        batches = batches.map(plainly(decoded), num_parallel_calls=PARALLEL_CALLS)
    options = tf.data.Options()
    options.autotune.enabled = False
    batches = batches.prefetch(2).with_options(options)

    count = builder.info.splits[split].num_examples
    images = np.empty((count, *input_shape), np.uint8) if in_memory else None
    labels, hashes, done, total_bytes = [], [], 0, 0
    for encoded, label, *pixels in track(batches.as_numpy_iterator(), f"Reading {split}", -(-count // SCAN_BATCH)):
        hashes.append(hash_all(encoded))
        labels.append(label)
        total_bytes += sum(map(len, encoded))
        if images is not None:
            images[done : done + len(label)] = pixels[0]
        done += len(label)
    if done != count:
        raise DataError(f"Split {split!r} should have {count} examples. Received: {done}. Prepare the data set again.")
    all_hashes = np.concatenate(hashes)
    targets = np.concatenate(labels).astype(np.int64)
    if images is not None:
        return Part(Arrays(images, all_hashes), targets)

    def encoded_stream(files: Sequence[int]) -> tf.data.Dataset:
        return _in_order(builder, split, (image_key, label_key), files).map(plainly(lambda encoded, _: encoded)).unbatch()

    lengths = builder.info.splits[split].shard_lengths if _is_read_by_files(builder) else ()
    return Part(Records(encoded_stream, decode, all_hashes, total_bytes / max(count, 1), lengths), targets)
