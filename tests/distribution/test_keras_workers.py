"""The patches of Keras detect its faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.slow
def test_keras_still_has_its_faults(job: Callable[..., tuple[Any, str]]) -> None:
    """When this fails because Keras has fixed a fault, delete its patch, or, after the last one, keras_workers.py."""
    found, _ = job("faults")
    assert found == ["_maybe_symbolic_build", "reduce_per_replica", "add"]
