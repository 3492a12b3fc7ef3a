"""The timing of an export's formats."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from zoo.exporting import fresh_process


class Taking:
    """Takes the given seconds of the clock for each prediction."""

    def __init__(self, clock: list[float], seconds: list[float]) -> None:
        self.clock, self.calls = clock, itertools.cycle(seconds)

    def predict(self, raw: object) -> None:
        self.clock[0] += next(self.calls)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Set the time that the module sees."""
    now = [0.0]
    monkeypatch.setattr(fresh_process.time, "perf_counter", lambda: now[0])
    return now


def test_disturbed_calls_do_not_count(clock: list[float]) -> None:
    predictors = {"quick": Taking(clock, [0.9, 0.9, 0.1]), "slow": Taking(clock, [0.3])}
    assert fresh_process.seconds(predictors, None, 5, 20) == pytest.approx({"quick": 0.1, "slow": 0.3})


def test_the_first_round_does_not_count(clock: list[float]) -> None:
    predictors = {"one": Taking(clock, [0.1] * 20 + [0.5] * 100)}
    assert fresh_process.seconds(predictors, None, 5, 20) == pytest.approx({"one": 0.5})
