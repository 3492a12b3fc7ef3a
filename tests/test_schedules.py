"""The warm-up before a schedule."""

from __future__ import annotations

import keras
import pytest

from zoo.schedules import WarmUp


def test_rate_rises_linearly_to_the_first_of_the_schedule_and_then_follows_it() -> None:
    after = keras.optimizers.schedules.PiecewiseConstantDecay([6], [1.0, 0.25])
    rate = WarmUp(after, steps=5)
    assert [float(rate(step)) for step in range(13)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, *[1.0] * 7, 0.25])


def test_it_comes_back_from_its_configuration_inside_an_optimizer() -> None:
    rate = WarmUp(keras.optimizers.schedules.ExponentialDecay(0.8, 10, 0.5), steps=4)
    optimizer = keras.optimizers.Adam(rate)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert [float(again._learning_rate(step)) for step in range(20)] == [float(rate(step)) for step in range(20)]
