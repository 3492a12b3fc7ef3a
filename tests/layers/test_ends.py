"""First and last layers that models share."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from zoo.errors import UsageError
from zoo.layers import ends


def applied(layers, features):
    return keras.Sequential(layers)(np.asarray(features, "float32")).numpy()


def test_columns_are_normalised_by_their_statistics():
    layers = ends.flat_input((2,), mean=(1.0, 10.0), variance=(4.0, 25.0))
    assert np.allclose(applied(layers, [[3.0, 0.0]]), [[1.0, -2.0]])  # (3 - 1) / 2, (0 - 10) / 5


def test_one_number_serves_all_columns():
    layers = ends.flat_input((3,), mean=2.0, variance=4.0)
    assert np.allclose(applied(layers, [[2.0, 4.0, 0.0]]), [[0.0, 1.0, -1.0]])


@pytest.mark.parametrize(("mean", "variance", "expected"), [(1.0, None, 2.0), (None, 9.0, 1.0), (None, None, 3.0)])
def test_missing_statistic_is_neutral(mean, variance, expected):
    assert np.allclose(applied([*ends.flat_input((1,), mean, variance), keras.layers.Identity()], [[3.0]]), [[expected]])


def test_image_is_standardised_and_flattened():
    assert np.allclose(applied(ends.flat_input((1, 2, 1), None, None), [[[[0.0], [255.0]]]]), [[-1.0, 1.0]])


def test_regression_output_is_on_the_targets_own_scale():
    values, denormalize = ends.outputs(None, 2, (1.0, 10.0), (4.0, 25.0), None)
    assert values.units == 2
    assert np.allclose(applied([keras.Input((2,)), denormalize], [[1.0, -2.0]]), [[3.0, 0.0]])  # 1 * 2 + 1, -2 * 5 + 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ends.image_input((28, 28)), r"Try input_shape=\(28, 28, 1\)"),
        (lambda: ends.flat_input((28, 28, 1), 0.5, None), r"apply to tables only.*input_shape=\(28, 28, 1\)\. Omit them"),
        (
            lambda: ends.flat_input((3,), (1.0, 2.0), None),
            r"`mean` must be one number, or one for each of 3 columns\. Received: \(1\.0, 2\.0\)",
        ),
        (lambda: ends.outputs(3, 1, 0.0, None, None), r"are for regression\. Received: statistics with num_classes=3"),
        (
            lambda: ends.outputs(None, 2, (0.0, 1.0, 2.0), None, None),
            r"one for each of 2 columns\. Received: \(0\.0, 1\.0, 2\.0\)",
        ),
    ],
)
def test_statistics_that_do_not_fit_are_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()
