"""Reads cluster information from the environment, without TensorFlow."""

from __future__ import annotations

import json
import os

from zoo.errors import UsageError

JOBS = ("chief", "worker")
STARTED_BY = "ZOO_STARTED_BY"  # set for workers that zoo starts: the options that start them again


def workers_in_environment() -> int:
    """Return the number of workers in `TF_CONFIG`; 1 without it.

    Raises:
        UsageError: the value is damaged, has parameter servers, or does not include this process.
    """
    written = os.environ.get("TF_CONFIG", "")
    if not written:
        return 1
    try:
        content = json.loads(written)
        counts = {job: len(addresses) for job, addresses in content.get("cluster", {}).items()}
        kind, index = content.get("task", {}).get("type"), int(content.get("task", {}).get("index", 0))
        is_included = kind in JOBS and "ps" not in counts and 0 <= index < counts.get(kind, 0)
    except (AttributeError, TypeError, ValueError):
        counts, is_included = {"worker": 0}, False
    if counts and not is_included:
        raise UsageError(
            'TF_CONFIG must be {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}, with '
            "a different task for each worker, optionally a chief, and no parameter servers. "
            f"Received: {written[:200]!r}. Fix or unset it, and start zoo only in chiefs and workers."
        )
    return max(1, sum(counts.get(job, 0) for job in JOBS))
