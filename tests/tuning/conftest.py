"""Searches without child processes: scheduler and workers in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.artefacts.files import write_json
from zoo.tuning.search import RESULT_FILE, TRIAL_FILE, Search, begin_search, update_search
from zoo.tuning.spec import Limits, SearchSpec

IRIS = zoo.load_data("iris").info.fingerprint
CONTENT: dict[str, Any] = {
    "model": "linear", "module": "zoo.models.linear", "data": "iris", "settings": {"epochs": 2},
    "space": {"batch_size": [16, 32, 64, 128]},
    "defaults": {"batch_size": 32}, "algorithm": "random", "objective": {"name": "accuracy", "direction": "max"}, "seed": 0,
    "repeats": 1, "folds": None, "constraints": {"max_parameters": None, "max_latency_ms": None}, "trials": 4, "minutes": None,
    "keep": 3, "fingerprint": IRIS, "factory": "1", "versions": {"keras": "3"}, "max_epochs": 2, "retrain": False,
    "task": "tabular_classification",
}  # fmt: skip


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Search]:
    """Return a function that starts a search with changed content."""

    def begun(**changes: Any) -> Search:
        content = {**CONTENT, **changes}
        search = begin_search(tmp_path / "search", SearchSpec.model_validate(content), Limits.model_validate(content))
        begun = {"session_begun": time.time()} if content["minutes"] else {}
        return update_search(search, **begun, **{name: content[name] for name in ("seconds", "status") if name in changes})

    return begun


def end_trial(search: Search, name: str, objective: float | None = None, status: str = "finished", **more: Any) -> None:
    """Write a trial's result as a worker does."""
    directory = search.trial_directory(name)
    directory.mkdir(parents=True, exist_ok=True)
    trial = {"name": name, "settings": {"batch_size": 16}, "worker": "worker-0", "attempts": 1, "spent": 0.0}
    write_json(directory / TRIAL_FILE, trial)
    scores = {} if objective is None else {"accuracy": objective, "loss": 1.0}
    content = {
        **trial,
        "status": status,
        "objective": objective,
        "scores": scores,
        "each": [scores],
        "seconds": 1.0,
        "ended_s": 1.0,
    }
    write_json(directory / RESULT_FILE, {**content, **more})


@pytest.fixture
def end() -> Callable[..., None]:
    """Return `end_trial`."""
    return end_trial
