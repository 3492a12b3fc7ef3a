"""Old names of `zoo.artefacts.loading`, which the search still uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.api.loading import load_data
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.pipeline.splits import Splits

__all__ = ["check_unchanged", "load_data"]


def check_unchanged(splits: Splits, run: Run) -> None:
    """Refuse data that differ from those of a run."""
    if splits.info.fingerprint != run.info.fingerprint:
        raise DataError("The data have changed since this run.")
