"""What the environment says of a cluster, without TensorFlow."""

from __future__ import annotations

import json
import os

from zoo.errors import UsageError

JOBS = ("chief", "worker")
STARTED_BY = "ZOO_STARTED_BY"  # set for workers that zoo starts: the words of the command line that start them again


def workers_in_environment() -> int:
    """Return how many workers `TF_CONFIG` names; 1 without it.

    Raises:
        UsageError: it is damaged, or this process is none of them.
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
            'TF_CONFIG is {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}} with a task of '
            f"its own for each worker. Received: {written[:200]!r}. Mend or unset it."
        ) from error
    if counts and ("ps" in counts or kind not in JOBS or not 0 <= index < counts.get(kind, 0)):
        raise UsageError(
            f"Only chiefs and workers train, without parameter servers. Received: task {index} of type {kind!r} in a cluster "
            f"of {', '.join(f'{count} {job}' for job, count in counts.items())}. Start zoo in those alone, or unset TF_CONFIG."
        )
    return max(1, sum(counts.get(job, 0) for job in JOBS))
