"""The mend of Keras knows its faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.slow
def test_keras_still_has_its_faults(job: Callable[..., tuple[Any, str]]) -> None:
    """When this fails because Keras has one fewer, delete its mend; with none, keras_workers.py and what calls it."""
    found, _ = job("faults")
    assert found == ["_maybe_symbolic_build", "reduce_per_replica", "add"]
