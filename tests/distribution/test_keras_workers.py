"""The patches of Keras detect its bugs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.slow
def test_keras_still_has_its_bugs(job: Callable[..., tuple[Any, str]]) -> None:
    """If this fails because Keras has fixed a bug, delete its patch or, after the last one, keras_workers.py."""
    found, _ = job("faults")
    assert found == ["_maybe_symbolic_build", "reduce_per_replica", "add"]
