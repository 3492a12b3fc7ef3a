"""Optimizers by name, and the learning rate of chosen steps by hand."""

from __future__ import annotations

import math

import keras
import pytest

from zoo.config import Settings
from zoo.errors import UnknownNameError
from zoo.training.optimizers import OPTIMIZERS, learning_rate_course, make_optimizer


@pytest.mark.parametrize(
    ("name", "kind", "momentum", "nesterov"),
    [
        ("adam", keras.optimizers.Adam, None, None),
        ("adamw", keras.optimizers.AdamW, None, None),
        ("lion", keras.optimizers.Lion, None, None),
        ("rmsprop", keras.optimizers.RMSprop, 0.0, None),
        ("sgd", keras.optimizers.SGD, 0.0, False),
        ("momentum", keras.optimizers.SGD, 0.9, False),
        ("nesterov", keras.optimizers.SGD, 0.9, True),
    ],
)
def test_names_are_keras_optimizers(name: str, kind: type, momentum: float | None, nesterov: bool | None) -> None:
    optimizer = make_optimizer(name, 0.25)
    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == 0.25
    assert getattr(optimizer, "momentum", None) == momentum
    assert getattr(optimizer, "nesterov", None) == nesterov


def test_every_name_has_keras_own_rate_where_none_is_given() -> None:
    for name in OPTIMIZERS:
        assert float(make_optimizer(name).learning_rate) == float(type(make_optimizer(name))().learning_rate)


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown optimizer. Received: 'adma'. Did you mean 'adam"):
        make_optimizer("adma")


def course(**settings: object) -> list[float]:
    """The rate at steps 0, 5, 10, 55 and 100 of 100."""
    rate = learning_rate_course(Settings(model="m", data="d", task="t", learning_rate=0.8, **settings), total_steps=100)
    return [float(rate(step)) if callable(rate) else float(rate) for step in (0, 5, 10, 55, 100)]


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"schedule": "constant"}, [0.8, 0.8, 0.8, 0.8, 0.8]),
        ({"schedule": "constant", "warmup": 0.1}, [0.0, 0.4, 0.8, 0.8, 0.8]),
        ({"schedule": "cosine", "warmup": 0.1}, [0.0, 0.4, 0.8, 0.4, 0.0]),
        ({"schedule": "cosine"}, [0.8 * (1 + math.cos(math.pi * step / 100)) / 2 for step in (0, 5, 10, 55, 100)]),
    ],
)
def test_course_rises_linearly_and_falls_by_a_cosine(settings: dict[str, object], rates: list[float]) -> None:
    assert course(**settings) == pytest.approx(rates, abs=1e-6)


def test_a_warmup_longer_than_the_run_still_has_a_course() -> None:
    rate = learning_rate_course(Settings(model="m", data="d", task="t", schedule="cosine", warmup=0.9), total_steps=1)
    assert math.isfinite(float(rate(0)))
