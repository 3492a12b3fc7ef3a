"""The arguments that model factories share."""

from __future__ import annotations

import math

import pytest

from zoo.arguments import check_shape, penalty
from zoo.errors import UsageError


@pytest.mark.parametrize(("shape", "ranks"), [((1,), (1,)), ((28, 28, 1), (3,)), ((7,), (1, 3)), ([1, 1, 1], (1, 3))])
def test_shape_of_an_accepted_rank_passes(shape, ranks):
    check_shape(shape, *ranks)


@pytest.mark.parametrize(
    ("shape", "ranks", "message"),
    [
        ((28, 28), (3,), r"must be \(height, width, channels\) with .* Received: \(28, 28\)\. Try input_shape=\(28, 28, 1\)\."),
        ((28, 28), (1, 3), r"must be \(features,\) or \(height, width, channels\) .* Try input_shape=\(28, 28, 1\)\."),
        ((28, 28), (1,), r"must be \(features,\) with .* Received: \(28, 28\)\.$"),
        ((), (1,), r"Received: \(\)\.$"),
        ((0,), (1,), r"sizes of at least 1.* Received: \(0,\)\."),
        ((28, -1, 1), (3,), r"Received: \(28, -1, 1\)\."),
        ((None, None, 3), (3,), r"Received: \(None, None, 3\)\."),
        ((32, 28, 28, 1), (3,), r"without the batch. Received: \(32, 28, 28, 1\)\."),
    ],
)
def test_shape_of_another_rank_or_size_is_refused_with_the_fix(shape, ranks, message):
    with pytest.raises(UsageError, match=message):
        check_shape(shape, *ranks)


def test_no_penalty_is_none():
    assert penalty(0.0, 0.0) is None


@pytest.mark.parametrize(
    ("l1", "l2", "expected"), [(0.5, 0.0, 0.5 * 6), (0.0, 0.5, 0.5 * 14), (0.1, 0.01, 0.1 * 6 + 0.01 * 14)]
)
def test_penalty_is_l1_times_the_absolute_sum_plus_l2_times_the_squared_sum(l1, l2, expected):
    import keras

    kernel = keras.ops.convert_to_tensor([1.0, -2.0, 3.0])  # absolute sum 6, squared sum 14
    assert math.isclose(float(penalty(l1, l2)(kernel)), expected, rel_tol=1e-6)
