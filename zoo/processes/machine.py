"""The resources of this machine: cores and GPUs, found without TensorFlow, which takes 4 s to import."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from zoo.errors import UsageError

Resource = TypeVar("Resource")


@dataclass(frozen=True)
class Share:
    """The part of this machine that one worker uses.

    Args:
        cores: core numbers; empty lets the system choose; default `()`.
        gpus: names of GPUs, as in CUDA_VISIBLE_DEVICES; empty leaves all visible; default `()`.
    """

    cores: Sequence[int] = ()
    gpus: Sequence[str] = ()


def shares(count: int) -> list[Share]:
    """Divide the machine among `count` workers.

    Raises:
        UsageError: there are fewer cores than workers, or there are GPUs but fewer than workers.
    """
    all_gpus, all_cores = gpus(), cores()
    for name, found in (("GPU", all_gpus), ("core", all_cores)):
        if 0 < len(found) < count:
            raise UsageError(
                f"Each worker needs its own {name}. Received: {count} workers for {len(found)}. Use fewer workers."
            )
    return [Share(share_of(all_cores, index, count), share_of(all_gpus, index, count)) for index in range(count)]


def share_of(resources: Sequence[Resource], index: int, count: int) -> list[Resource]:
    """Return the resources of worker `index` out of `count`.

    Example:
        >>> [share_of([0, 1, 2, 3, 4], index, 2) for index in range(2)]
        [[0, 1], [2, 3, 4]]
    """
    return list(resources[index * len(resources) // count : (index + 1) * len(resources) // count])


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use; empty if the system does not report them."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def gpus() -> list[str]:
    """Return the names of this machine's GPUs, as in CUDA_VISIBLE_DEVICES."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    listed = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number, _ in enumerate(listed.iterdir())] if listed.is_dir() else []
