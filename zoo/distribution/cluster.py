"""Cluster information from the environment, without TensorFlow."""

from __future__ import annotations

import json
import os

from zoo.errors import UsageError

JOBS = ("chief", "worker")
STARTED_BY = "ZOO_STARTED_BY"  # set for workers that zoo starts: the command line that starts them again


def workers_in_environment() -> int:
    """Return the number of workers in `TF_CONFIG`; 1 without it.

    Raises:
        UsageError: it is damaged, or does not include this process.
    """
    written = os.environ.get("TF_CONFIG", "")
    if not written:
        return 1
    try:
        content = json.loads(written)
        cluster, task = content.get("cluster", {}), content.get("task", {})
        counts = {job: len(addresses) for job, addresses in cluster.items()}
        kind, index = task.get("type"), int(task.get("index", 0))
    except (AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            'TF_CONFIG must be {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}, with '
            f"a different task for each worker. Received: {written[:200]!r}. Fix or unset it."
        ) from error
    if counts and ("ps" in counts or kind not in JOBS or not 0 <= index < counts.get(kind, 0)):
        raise UsageError(
            f"Only chiefs and workers can train, without parameter servers. Received: task {index} of type {kind!r} in a "
            f"cluster of {', '.join(f'{count} {job}' for job, count in counts.items())}. Start zoo in those only, or "
            "unset TF_CONFIG."
        )
    return max(1, sum(counts.get(job, 0) for job in JOBS))
