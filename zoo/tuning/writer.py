"""What the process that runs a search writes to its directory."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.artefacts.files import lock, new_directory, read_json, write_json
from zoo.errors import ArtefactError, UsageError
from zoo.tuning.search import FORMAT, SEARCH_FILE, Search
from zoo.tuning.spec import SearchSpec

logger = logging.getLogger(__name__)
HEAVY_PARTS = ("model.keras", "checkpoints", "logs", "assets")  # of a trial's run; only the best trials keep them


def begin_search(directory: Path, spec: SearchSpec, limits: Mapping[str, Any]) -> Search:
    """Start a search in a new directory."""
    with new_directory(directory):
        write_json(directory / SEARCH_FILE, {"format": FORMAT, "status": "running", "seconds": 0.0, **spec.to_dict(), **limits})
    return Search.open(directory)


def update_search(search: Search, **content: Any) -> Search:
    """Write new content to `search.json`, and return the search as it is now."""
    write_json(search.directory / SEARCH_FILE, {**search.content, **content})
    return Search.open(search.directory)


@contextmanager
def held(search: Search) -> Iterator[None]:
    """Hold a search directory for this process, and set damaged files of trials aside, so that these trials run again.

    Raises:
        UsageError: another process searches there.
        ArtefactError: it cannot be written to.
    """
    directory = search.directory
    if not os.access(directory, os.W_OK):
        raise ArtefactError(f"A search must be able to write. Received: {directory}, which is read-only. Change that.")
    with lock(directory / ".lock", patience=0.0) as is_held:
        if not is_held:
            raise UsageError(f"Another process searches here. Received: {directory}. Wait until it ends.")
        for path in sorted(directory.glob("trials/*/[!.]*.json")):
            try:
                read_json(path)
            except ArtefactError as error:
                if isinstance(error.__cause__, OSError):
                    raise
                path.rename(path.with_name(f"{path.name}.damaged"))
                logger.warning("This file was damaged and is set aside; its trial resumes without it: %s", path)
        yield


def elapsed(search: Search) -> float:
    """Return for how many seconds the search has run, in all sessions."""
    begun = search.content.get("session_begun")
    return float(search.content["seconds"]) + (time.time() - begun if begun is not None else 0.0)


def seconds_before(search: Search) -> float:
    """Return for how many seconds earlier sessions ran; a killed session counts up to the end of its last trial."""
    return max([float(search.content["seconds"]), *(trial.ended_s for trial in search.trials if trial.ended_s is not None)])


def keep_best_only(search: Search, count: int) -> None:
    """Remove models, checkpoints and logs of all but the best finished trials; scores and histories stay."""
    unsuccessful = [trial for trial in search.trials if trial.status in ("failed", "infeasible")]
    for trial in [*search.best_trials[count:], *unsuccessful]:
        for run in trial.directory.glob("run-*"):
            for path in (run / part for part in HEAVY_PARTS):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
