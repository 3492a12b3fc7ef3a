"""Two devices give what one gives: losses, metrics and weights after 20 steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CLOSE = 1e-5  # relative to the largest number of its kind: float32, summed in another order, for 20 steps


@pytest.mark.slow
def test_every_model_fits_on_two_devices_as_on_one_with_either_form_of_labels(job: Callable[..., tuple[Any, str]]) -> None:
    """With L2, class weights, moving averages and batches that are never even; batch normalisation synchronised."""
    found, said = job("mirrored", TF_CPP_MIN_LOG_LEVEL="0")
    rounding = found.pop("resnet, moved by a rounding")
    for name in ("resnet, integers", "resnet, one-hot"):  # where a rounding decides which ReLU is open, on one device too
        for kind in ("weight", "predicted"):
            assert found[name].pop(kind) < 3 * rounding[kind]
    assert len(found) == 18
    assert {name: max(each.values()) for name, each in found.items() if max(each.values()) > CLOSE} == {}
    assert "shard" not in said.lower()


@pytest.mark.slow
def test_training_on_two_devices_gives_the_run_of_one(job: Callable[..., tuple[Any, str]]) -> None:
    found, _ = job("trained")
    assert {name: max(each.values()) for name, each in found.items() if max(each.values()) > CLOSE} == {}
    assert len(found) == 4


@pytest.mark.slow
def test_a_run_on_two_devices_that_was_stopped_ends_bit_for_bit_as_if_it_had_not(job: Callable[..., tuple[Any, str]]) -> None:
    found, _ = job("resumed")
    assert found == {"weights": True, "history": True, "metrics": True}
