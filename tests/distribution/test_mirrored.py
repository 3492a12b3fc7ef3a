"""Two devices give the same losses, metrics and weights as one after 20 steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CLOSE = 1e-5  # relative to the largest number of its kind: float32, summed in another order, for 20 steps


@pytest.mark.slow
@pytest.mark.long
def test_every_model_fits_on_two_devices_as_on_one_with_both_forms_of_labels(job: Callable[..., tuple[Any, str]]) -> None:
    """With L2, class weights, moving averages, uneven batches and synchronised batch normalisation."""
    found, said = job("mirrored", TF_CPP_MIN_LOG_LEVEL="0")
    rounding = found.pop("resnet, moved by a rounding")
    for name in ("resnet, integers", "resnet, one-hot"):  # rounding decides which ReLUs are active, even on one device
        for kind in ("weight", "predicted"):
            assert found[name].pop(kind) < 3 * rounding[kind]
    assert len(found) == 18
    assert {name: max(each.values()) for name, each in found.items() if max(each.values()) > CLOSE} == {}
    assert "shard" not in said.lower()


@pytest.mark.slow
def test_training_on_two_devices_gives_the_same_run_as_on_one(job: Callable[..., tuple[Any, str]]) -> None:
    found, _ = job("trained")
    assert {name: max(each.values()) for name, each in found.items() if max(each.values()) > CLOSE} == {}
    assert len(found) == 4


@pytest.mark.slow
def test_a_stopped_run_on_two_devices_gives_bit_identical_results(job: Callable[..., tuple[Any, str]]) -> None:
    found, _ = job("resumed")
    assert found == {"weights": True, "history": True, "metrics": True}


@pytest.mark.slow
def test_choices_and_mistakes_with_two_devices(job: Callable[..., tuple[Any, str]]) -> None:
    found, _ = job("chosen")
    assert found.pop("auto") == 2
    assert found.pop("none")
    assert found.pop("open scope")
    assert "A strategy's scope is open" in found.pop("none in an open scope")
    assert found.pop("own, compiled=False") == found.pop("own, compiled=True") == [2, True]
    assert found.pop("sweep")
    assert "an optimizer that was created outside the strategy's scope" in found.pop("optimizer of another scope")
    assert "global_clipnorm of the optimizer" in found.pop("clipping")
    assert "global_clipnorm of the optimizer" in found.pop("clipping in a resumed run")
    assert "clipnorm of the optimizer" in found.pop("clipping in build")
    assert "gradient accumulation" in found.pop("accumulation")
    assert "steps_per_execution=2" in found.pop("steps per execution")
    assert "the last batch of an epoch has 1. Use for example batch_size=627" in found.pop("one image for two devices")
    assert found.pop("one text for two devices") == [1, 2]
    assert "This machine has no GPU:0, GPU:2" in found.pop("no such device")
    assert found.pop("best") == "finished"
    assert found.pop("auto batch size") == 7
    assert found.pop("plain fit on Splits") < CLOSE
    assert found == {}
