"""Optimizers by name, and the learning rate of chosen steps by hand."""

from __future__ import annotations

import math

import keras
import pytest

from zoo.errors import UnknownNameError, UsageError
from zoo.optimizers import LazyAdam
from zoo.settings import Settings
from zoo.training.optimizers import OPTIMIZERS, learning_rate_schedule, make_optimizer, optimizer_of


@pytest.mark.parametrize(
    ("name", "kind", "momentum", "nesterov"),
    [
        ("adam", keras.optimizers.Adam, None, None),
        ("adamw", keras.optimizers.AdamW, None, None),
        ("lazy_adam", LazyAdam, None, None),
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


def test_every_optimizer_has_keras_default_rate() -> None:
    for name in OPTIMIZERS:
        assert float(make_optimizer(name).learning_rate) == float(type(make_optimizer(name))().learning_rate)


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown optimizer. Received: 'adma'. Did you mean 'adam"):
        make_optimizer("adma")


def course(**settings: object) -> list[float]:
    """The rate at steps 0, 5, 10, 55 and 100 of 100."""
    rate = learning_rate_schedule(Settings(model="m", data="d", task="t", learning_rate=0.8, **settings), total_steps=100)
    return [float(rate(step)) if callable(rate) else float(rate) for step in (0, 5, 10, 55, 100)]


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"schedule": "constant"}, [0.8, 0.8, 0.8, 0.8, 0.8]),
        ({"schedule": "constant", "warmup": 0.1}, [0.0, 0.4, 0.8, 0.8, 0.8]),
        ({"schedule": "cosine", "warmup": 0.1}, [0.0, 0.4, 0.8, 0.4, 0.0]),
        ({"schedule": "exponential", "decay": 0.01}, [0.8 * 0.01 ** (step / 100) for step in (0, 5, 10, 55, 100)]),
        ({"schedule": "exponential", "decay": 0.01, "warmup": 0.1}, [0.0, 0.4, 0.8, 0.08, 0.008]),
        ({"schedule": "step", "step_at": (0.07, 0.5), "decay": 0.5}, [0.8, 0.8, 0.4, 0.2, 0.2]),
        ({"schedule": "step", "step_at": (0.54,), "decay": 0.5, "warmup": 0.1}, [0.0, 0.4, 0.8, 0.4, 0.4]),
        ({"schedule": "one_cycle", "warmup": 0.1}, [0.032, 0.416, 0.8, 0.40004, 0.00008]),
        ({"schedule": "plateau"}, [0.8, 0.8, 0.8, 0.8, 0.8]),
        ({"schedule": "cosine"}, [0.8 * (1 + math.cos(math.pi * step / 100)) / 2 for step in (0, 5, 10, 55, 100)]),
    ],
)
def test_each_schedule_has_its_rates(settings: dict[str, object], rates: list[float]) -> None:
    assert course(**settings) == pytest.approx(rates, abs=1e-6)


def test_a_warmup_longer_than_the_run_still_has_a_schedule() -> None:
    rate = learning_rate_schedule(Settings(model="m", data="d", task="t", schedule="cosine", warmup=0.9), total_steps=1)
    assert math.isfinite(float(rate(0)))


def test_a_plateau_has_no_warmup() -> None:
    with pytest.raises(UsageError, match=r"warmup with schedule=plateau\. Set warmup=0"):
        course(schedule="plateau", warmup=0.1)


def test_settings_reach_keras_optimizer() -> None:
    asked = {"optimizer": "adamw", "weight_decay": 0.3, "clip_norm": 2.0, "accumulation_steps": 4, "ema": 0.9}
    optimizer = optimizer_of(Settings(model="m", data="d", task="t", schedule="cosine", **asked), total_batches=40)
    assert optimizer.weight_decay == 0.3
    assert optimizer.global_clipnorm == 2.0
    assert optimizer.gradient_accumulation_steps == 4
    assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.9)
    assert optimizer._learning_rate.decay_steps == 40  # Keras counts batches here


def test_weight_decay_defaults_to_keras_default() -> None:
    settings = Settings(model="m", data="d", task="t", optimizer="adamw")
    assert optimizer_of(settings, 1).weight_decay == keras.optimizers.AdamW().weight_decay
