"""Labels in a graph: three forms become one, and anything else is a clear error."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import DataError
from zoo.labels import as_one_hot

ROWS = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]

REFUSED = {
    "out of range": [0, 3],
    "negative": [-1, 0],
    "fractional": [0.5, 1.0],
    "nan": [float("nan"), 1.0],
    "infinite": [float("inf"), 1.0],
    "column out of range": [[0], [3]],
    "row of several labels": [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]],
    "row of no label": [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    "row of nan": [[float("nan"), 0.0, 1.0], [0.0, 1.0, 0.0]],
    "row of a negative share": [[-1.0, 1.0, 1.0], [0.0, 1.0, 0.0]],
}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
@pytest.mark.parametrize("labels", [[2, 0, 1], [[2], [0], [1]], ROWS], ids=["integers", "column", "one-hot"])
def test_every_form_becomes_the_same_rows(labels, dtype):
    rows = as_one_hot(tf.constant(np.array(labels, dtype)), 3)
    assert rows.dtype == tf.float32
    assert rows.numpy().tolist() == ROWS


def test_boolean_labels_are_classes_0_and_1():
    assert as_one_hot(tf.constant([True, False]), 2).numpy().tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_rows_of_class_probabilities_are_unchanged():
    smooth = np.array([[0.9, 0.05, 0.05], [1 / 3, 1 / 3, 1 / 3]], "float32")
    assert np.array_equal(as_one_hot(smooth, 3), smooth)


RUNS = {
    "eager": lambda labels: as_one_hot(labels, 3),
    "graph": lambda labels: tf.function(as_one_hot)(labels, 3),
    "graph that forgot the shape": lambda labels: tf.function(
        lambda given: as_one_hot(given, 3), input_signature=[tf.TensorSpec(None, labels.dtype)]
    )(labels),
}
RULE = r"Labels must be integers from 0 to 2 \(num_classes=3\)|One-hot labels must sum to 1 .*multi-label.*not supported"


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("labels", [[2, 0, 1], [[2], [0], [1]], ROWS], ids=["integers", "column", "one-hot"])
def test_rows_are_the_same_eagerly_and_in_every_graph(labels, run):
    assert run(tf.constant(labels)).numpy().tolist() == ROWS


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("labels", REFUSED.values(), ids=REFUSED)
def test_wrong_value_is_rejected_with_the_rule_and_the_value(labels, run):
    with pytest.raises(tf.errors.InvalidArgumentError, match=RULE) as caught:
        run(tf.constant(labels))
    assert "Received:" in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 4), (2, 2), (2, 3, 1), ()])
def test_wrong_shape_is_refused_with_both_forms_and_the_fix(shape):
    with pytest.raises(
        DataError, match=r"`\(batch,\)` integers or `\(batch, 3\)` one-hot rows\. Received: shape .*num_classes="
    ):
        as_one_hot(tf.zeros(shape, tf.int32), 3)


@pytest.mark.parametrize("shape", [(2, 4), (2, 2), (2, 3, 1)])
def test_wrong_shape_is_rejected_at_run_time_if_unknown_before(shape):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\(batch, 3\)` one-hot rows"):
        RUNS["graph that forgot the shape"](tf.zeros(shape, tf.int32))
