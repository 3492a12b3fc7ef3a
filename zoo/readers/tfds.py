"""Reads TensorFlow Datasets by name, or from a prepared folder."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import getproxies

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, UnknownNameError, UsageError
from zoo.inputs.image.pixels import read_image
from zoo.progress import track
from zoo.readers.examples import ALL, PARTS, Examples, Part
from zoo.readers.folder import DEFAULT_SIZE
from zoo.readers.texts import as_part
from zoo.settings import DataArguments
from zoo.sources.hashing import hash_all
from zoo.sources.source import PARALLEL_CALLS, Arrays, Records, plainly

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

SCAN_BATCH = 512
UNLABELLED = -1  # TensorFlow Datasets' value for a missing label


def read_tfds(name: str, arguments: DataArguments, *, offline_twin: str | None, known_names: list[str]) -> Examples:
    """Return the examples of a data set in TensorFlow Datasets; download it if it is not prepared.

    Args:
        name: name for `tfds.load`, for example "mnist" or "cifar10:3.0.2".
        arguments: reading options; `data_dir`, `image_size`, `text_column`, `label_column` and `memory_budget_mb` are used.
        offline_twin: embedded data set to suggest if a download fails.
        known_names: names of zoo's own data sets, to suggest for a wrong name.

    Raises:
        UnknownNameError: the data set does not exist.
        DataError: the data set cannot be downloaded, or has neither images nor texts with a class label.
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
            'not a file or folder either. Pass a path, NAME, NAME/CONFIGURATION or NAME:VERSION, for example "cifar10:3.0.2".'
        ) from error
    try:
        if not builder.is_prepared():
            _check_network(builder)
        builder.download_and_prepare()
    except Exception as error:
        builder = tfds.builder(name, data_dir=arguments.data_dir)
        if not builder.is_prepared():  # otherwise, another worker has prepared it
            embedded = f" {offline_twin!r} is embedded and needs no network." if offline_twin else ""
            raise DataError(
                f"The data set cannot be prepared. Received: {name!r} ({type(error).__name__}: {str(error)[:200]}).{embedded} "
                f"Run `tfds build {base}` on a machine with a network, copy the folder, and set TFDS_DATA_DIR or data.data_dir "
                "to its parent folder."
            ) from error
    return _read(builder, name, arguments)


def _check_network(builder: tfds.core.DatasetBuilder) -> None:
    """Raise OSError if no download host can be resolved, since the downloader would retry for minutes."""
    failure: OSError | None = None
    for host in {urlparse(url).hostname for url in builder.url_infos or ()} - {None}:
        try:
            socket.getaddrinfo(host, 443)
        except OSError as error:
            failure = error
        else:
            return
    if failure is not None and not getproxies():
        raise failure


def is_prepared_folder(path: Path) -> bool:
    """Return whether this folder was prepared by TensorFlow Datasets."""
    return (path / "dataset_info.json").is_file() and (path / "features.json").is_file()


def read_prepared(path: Path, arguments: DataArguments) -> Examples:
    """Return the examples in a folder prepared by TensorFlow Datasets.

    Raises:
        DataError: the data set is broken, or has neither images nor texts with a class label.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder_from_directory(path)
    except Exception as error:
        raise DataError(f"The prepared data set cannot be read: {error}. Received: {path}. Prepare it again.") from error
    return _read(builder, str(path), arguments)


def _read(builder: tfds.core.DatasetBuilder, name: str, arguments: DataArguments) -> Examples:
    import tensorflow_datasets as tfds

    features = builder.info.features
    images = _keys(builder, tfds.features.Image, None)
    texts = _keys(builder, tfds.features.Text, arguments.text_column)
    labels = _keys(builder, tfds.features.ClassLabel, arguments.label_column)
    if len(images or texts) != 1 or len(labels) != 1:
        received = ", ".join(f"{key} ({type(feature).__name__})" for key, feature in features.items())
        raise DataError(
            f"A TensorFlow data set needs one image or one text, and one class label. Received: {name!r} with {received}. "
            "If it has several texts or labels, name one with data.text_column or data.label_column."
        )
    splits, notes = _parts_of(builder, name)
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        received = f"{builder.info.file_format.value} in {builder.data_path}"
        raise DataError(f"The files must be TFRecord. Received: {received}. Prepare the data set with file_format=tfrecord.")
    keys, class_names = ((images or texts)[0], labels[0]), tuple(features[labels[0]].names)
    if images:
        decode, shape = _decoder(features[images[0]], arguments)
        total = sum(split.num_examples for split in splits.values())
        in_memory = total * int(np.prod(shape)) <= arguments.memory_budget_mb * 2**20
        parts = {part: _read_images(split, keys, decode, shape, in_memory) for part, split in splits.items()}
        return Examples(name, parts, "image", shape, labels=class_names, notes=notes)
    parts = {part: _read_texts(split, keys) for part, split in splits.items()}
    for part in [part for part, content in parts.items() if (content.targets == UNLABELLED).all() and part != "train"]:
        del parts[part]
        notes.append(f"split {part!r} has no labels and is not used")
    return Examples(name, parts, "text", labels=class_names, notes=notes)


def _keys(builder: tfds.core.DatasetBuilder, kind: type[Any], wanted: str | None) -> list[str]:
    """Return the features of one type: the requested one, or those of the supervised pair, or all."""
    keys = [key for key, feature in builder.info.features.items() if isinstance(feature, kind)]
    if wanted is not None:
        return [key for key in keys if key == wanted]
    return [key for key in keys if key in (builder.info.supervised_keys or ())] or keys


def _parts_of(builder: tfds.core.DatasetBuilder, name: str) -> tuple[dict[str, Any], list[str]]:
    """Return the TensorFlow Datasets split for each part, and notes on unused splits."""
    splits = builder.info.splits
    if not splits:
        raise DataError(f"A data set needs a split of known size. Received: {name!r} without any. Prepare it again.")
    found = {part: splits[part] for part in PARTS if part in splits}
    if "train" not in found:
        found = {ALL: next(iter(splits.values()))}
    used = {split.name for split in found.values()}
    return found, [f"split {split!r} is not used" for split in sorted(set(splits) - used)]


def _decoder(feature: Any, arguments: DataArguments) -> tuple[Callable[[tf.Tensor], tf.Tensor], tuple[int, int, int]]:
    """Return a function that decodes an image in a graph, and the shape of its result."""
    if feature.np_dtype != np.uint8:
        raise DataError(f"Images must have 8 bits. Received: {feature.np_dtype}. Convert them.")
    *sides, channels = feature.shape
    if arguments.image_size is None and None not in feature.shape:
        return feature.decode_example, feature.shape
    shape = (*(arguments.image_size or (DEFAULT_SIZE if None in sides else sides)), channels or 3)

    def decode(encoded: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(lambda content: read_image(content, shape), [encoded], tf.uint8), shape)

    return decode, shape


def _in_order(files: Sequence[Any], keys: tuple[str, str]) -> tf.data.Dataset:
    """Return batches of the encoded images or texts in TFRecord files with their labels, always in the same order.

    TensorFlow Datasets parses records one by one, which takes ten times as long as parsing batches.

    Args:
        files: paths of the files.
        keys: keys of the image or text, and of the label.
    """
    kinds = {key: tf.io.FixedLenFeature((), kind) for key, kind in zip(keys, (tf.string, tf.int64), strict=True)}
    options = tf.data.Options()
    options.autotune.enabled = False

    def parse(records: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = tf.io.parse_example(records, kinds)
        return tuple(found[key] for key in keys)

    return tf.data.TFRecordDataset([*map(str, files)]).batch(SCAN_BATCH).map(plainly(parse)).with_options(options)


def _read_texts(split: tfds.core.SplitInfo, keys: tuple[str, str]) -> Part:
    def records() -> Iterator[tuple[str, str, int]]:
        batches = _in_order(split.filepaths, keys).as_numpy_iterator()
        pairs = (pair for texts, labels in batches for pair in zip(texts, labels.tolist(), strict=True))
        for row, (text, label) in enumerate(pairs, start=1):
            yield f"Example {row}", text.decode("utf-8", "replace"), label

    return as_part(records, f"split {split.name!r}", has_numbers=True)


def _read_images(
    split: tfds.core.SplitInfo, keys: tuple[str, str], decode: Any, shape: tuple[int, int, int], in_memory: bool
) -> Part:
    """Read a split once for labels and hashes; keep the decoded images if they fit in memory."""

    def decoded(encoded: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return encoded, label, tf.map_fn(decode, encoded, fn_output_signature=tf.TensorSpec(shape, tf.uint8))

    def encoded(files: Sequence[Any]) -> tf.data.Dataset:
        return _in_order(files, keys).map(plainly(lambda encoded, _: encoded)).unbatch()

    batches = _in_order(split.filepaths, keys)
    if in_memory:
        batches = batches.map(plainly(decoded), num_parallel_calls=PARALLEL_CALLS)
    count = split.num_examples
    images = np.empty((count, *shape), np.uint8) if in_memory else None
    labels, hashes, done, total_bytes = [], [], 0, 0
    steps = -(-count // SCAN_BATCH)
    for contents, label, *pixels in track(batches.prefetch(2).as_numpy_iterator(), f"Reading {split.name}", steps):
        hashes.append(hash_all(contents))
        labels.append(label)
        total_bytes += sum(map(len, contents))
        if images is not None:
            images[done : done + len(label)] = pixels[0]
        done += len(label)
    if done != count:
        raise DataError(f"Split {split.name!r} should have {count} examples. Received: {done}. Prepare the data set again.")
    all_hashes, targets = np.concatenate(hashes), np.concatenate(labels)
    if images is not None:
        return Part(Arrays(images, all_hashes), targets)
    mean_bytes = total_bytes / max(count, 1)
    return Part(Records(encoded, split.filepaths, split.shard_lengths, decode, all_hashes, mean_bytes), targets)
