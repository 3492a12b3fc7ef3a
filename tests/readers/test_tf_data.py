"""The user's tf.data, batched or not, with or without parts."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import DataError

IMAGES = np.random.default_rng(0).random((40, 6, 6, 1)).astype(np.float32)
LABELS = np.arange(40) % 2
PAIRS = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))


@pytest.mark.parametrize(
    "dataset",
    [
        PAIRS,
        PAIRS.batch(7),
        PAIRS.batch(8, drop_remainder=True),
        PAIRS.batch(7).prefetch(1).with_options(tf.data.Options()),
        tf.data.Dataset.from_tensor_slices((IMAGES, np.eye(2)[LABELS])),
        tf.data.Dataset.from_tensor_slices((IMAGES, np.eye(2)[LABELS])).batch(5),
    ],
    ids=["single", "batched", "fixed-batches", "options", "one-hot", "one-hot-batched"],
)
def test_every_form_gives_the_same_result_as_arrays(dataset: tf.data.Dataset) -> None:
    data = zoo.load_data(dataset)
    assert data.info.input_shape == (6, 6, 1)
    assert data.info.fingerprint == zoo.load_data((IMAGES, LABELS)).info.fingerprint


def test_an_image_as_high_as_its_one_hot_label_is_wide_is_not_a_batch() -> None:
    images = np.random.default_rng(0).random((40, 2, 5, 1)).astype(np.float32)
    data = zoo.load_data(tf.data.Dataset.from_tensor_slices((images, np.eye(2)[LABELS])))
    assert data.info.input_shape == (2, 5, 1)
    assert sum(data.info.num_examples.values()) == 40


def test_unknown_length_and_text_labels_are_read() -> None:
    def rows():
        for number in range(40):
            yield IMAGES[number].ravel(), ["猫", "dog"][number % 2]

    signature = (tf.TensorSpec((36,), tf.float32), tf.TensorSpec((), tf.string))
    data = zoo.load_data(tf.data.Dataset.from_generator(rows, output_signature=signature))
    assert data.info.labels == ("dog", "猫")
    assert data.info.task_name == "tabular_classification"


def test_a_mapping_names_the_parts() -> None:
    for test in (PAIRS.skip(30), (IMAGES[30:], LABELS[30:])):
        data = zoo.load_data({"train": PAIRS.take(30).batch(4), "test": test})
        assert data.info.num_examples == {"train": 27, "validation": 3, "test": 10}


def ragged() -> tf.data.Dataset:
    rows = ((np.ones((number + 1, 8)), number % 2) for number in range(9))
    return tf.data.Dataset.from_generator(
        lambda: rows, output_signature=(tf.TensorSpec((None, 8)), tf.TensorSpec((), tf.int64))
    )


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (PAIRS.repeat(), "must be finite.*Remove `.repeat"),
        (PAIRS.map(lambda image, label: image), "must yield pairs"),
        (PAIRS.map(lambda image, label: {"image": image, "label": label}), "must yield pairs"),
        (PAIRS.take(0), "no elements"),
        (ragged(), "All elements need the same shape"),
    ],
    ids=["endless", "unlabelled", "dict", "empty", "ragged"],
)
def test_unreadable_datasets_are_rejected(dataset: tf.data.Dataset, words: str) -> None:
    with pytest.raises(DataError, match=words):
        zoo.load_data(dataset)


def test_more_than_the_memory_budget_is_refused() -> None:
    with pytest.raises(DataError, match=r"fit in 0 MB.*data.memory_budget_mb"):
        zoo.load_data(PAIRS, memory_budget_mb=0)
