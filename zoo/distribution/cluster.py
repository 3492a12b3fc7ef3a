"""What the environment says of a cluster, without TensorFlow."""

from __future__ import annotations

import json
import os

from zoo.errors import UsageError

IS_WORKER = "ZOO_IS_WORKER"  # set for the processes that `zoo train --workers` starts


def workers_in_environment() -> int:
    """Return how many workers `TF_CONFIG` names; 1 without it.

    Raises:
        UsageError: it is damaged.
    """
    written = os.environ.get("TF_CONFIG", "")
    if not written:
        return 1
    try:
        cluster = json.loads(written).get("cluster", {})
        return max(1, sum(len(cluster.get(job, ())) for job in ("chief", "worker")))
    except (AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"TF_CONFIG is not what TensorFlow writes there: {error}. Received: {written[:200]!r}. Mend or unset it."
        ) from error
