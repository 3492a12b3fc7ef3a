"""Old names of `zoo.training.coordination`, which Ray's workers still use."""

from __future__ import annotations

from zoo.training.coordination import from_chief

__all__ = ["from_chief"]
