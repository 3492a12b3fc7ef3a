"""Shifting token ids to the left."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import UsageError
from zoo.layers.align_tokens import AlignTokens


def aligned(rows, **arguments):
    return AlignTokens(**arguments)(np.array(rows)).numpy().tolist()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([5, 6, 7], [5, 6, 7]),
        ([5, 6, 0], [5, 6, 0]),
        ([0, 5, 6], [5, 6, 0]),
        ([0, 0, 6], [6, 0, 0]),
        ([0, 5, 0, 0], [5, 0, 0, 0]),
        ([5, 0, 6, 0], [5, 1, 6, 0]),  # a 0 between tokens is unknown, not padding
        ([0, 5, 0, 0, 6], [5, 1, 1, 6, 0]),
        ([0, 0, 0], [1, 0, 0]),  # an empty text is one unknown token
        ([0], [1]),
        ([1, 1], [1, 1]),
    ],
)
def test_tokens_begin_the_row_and_padding_ends_it(row, expected):
    assert aligned([row]) == [expected]


def test_each_row_is_shifted_by_its_own_padding():
    assert aligned([[0, 0, 3], [0, 4, 5], [6, 7, 0], [0, 0, 0]]) == [[3, 0, 0], [4, 5, 0], [6, 7, 0], [1, 0, 0]]


def test_a_batch_without_columns_gets_one():
    assert aligned(np.zeros((2, 0), "int32")) == [[1], [1]]


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint16", "float32"])
def test_ids_of_every_dtype_become_int32(dtype):
    output = AlignTokens()(np.array([[0, 7]], dtype))
    assert output.dtype == tf.int32
    assert output.numpy().tolist() == [[7, 0]]
    assert AlignTokens(dtype="mixed_bfloat16")(keras.Input((None,), dtype=dtype)).dtype == "int32"


def test_ids_beyond_the_precision_of_float32_are_kept():
    assert aligned([[0, 2**24 + 1]]) == [[2**24 + 1, 0]]


def test_too_many_columns_are_rejected_if_their_number_is_known():
    message = (
        r"Received: 4 token ids per row, max_sequence_length=3\. Truncate the rows to 3, or build .* with max_sequence_length=4"
    )
    for rows in (np.ones((1, 4), "int32"), keras.Input((4,), dtype="int32")):
        with pytest.raises(UsageError, match=message):
            AlignTokens(max_length=3)(rows)


def test_with_unknown_columns_the_first_tokens_are_kept():
    call = tf.function(AlignTokens(max_length=3), input_signature=[tf.TensorSpec((None, None), tf.int32)])
    assert call([[0, 0, 0, 4, 5], [4, 5, 6, 7, 8]]).numpy().tolist() == [[4, 5, 0], [4, 5, 6]]
    assert call([[0, 4]]).numpy().tolist() == [[4, 0]]
    assert call(tf.zeros((0, 5), tf.int32)).shape == (0, 3)


def test_config_survives():
    layer = AlignTokens(max_length=3, name="align")
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()
