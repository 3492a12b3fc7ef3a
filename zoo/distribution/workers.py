"""Identity and communication of several processes that train one model."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from zoo.distribution.cluster import JOBS
from zoo.errors import WorkerLostError, one_line

ABORTED = "Collective ops is aborted by: "  # precedes TensorFlow's reason
LOST_WITHIN = 90  # seconds until all other workers have stopped; 3 to 20 were measured on one machine
SECONDS_BETWEEN_QUESTIONS = 1.0
_barriers = itertools.count()


@dataclass(frozen=True)
class Worker:
    """This process in a group that trains together.

    Args:
        index: index of this process; 0 is the chief, which writes the run.
        count: number of processes.
    """

    index: int = 0
    count: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run."""
        return self.index == 0

    @classmethod
    def of(cls, strategy: tf.distribute.Strategy | None) -> Worker:
        """Return this process' worker under a strategy."""
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return cls()
        resolver = strategy.cluster_resolver
        jobs = resolver.cluster_spec().as_dict()
        tasks = [(job, index) for job in JOBS for index in range(len(jobs.get(job, ())))]
        return cls(tasks.index((resolver.task_type, resolver.task_id)), len(tasks)) if len(tasks) > 1 else cls()


def total(strategy: tf.distribute.Strategy, numbers: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the sum of all workers' numbers; all workers must call this at the same time.

    Args:
        strategy: strategy of all workers.
        numbers: numbers of this worker, exact in float32; all workers pass equally many.

    Returns:
        `(len(numbers),)`, float32.
    """
    own = tf.convert_to_tensor(np.asarray(numbers, np.float32))
    with explain_lost_workers():
        return np.asarray(strategy.experimental_local_results(_sum_of(strategy)(own))[0])


@contextmanager
def explain_lost_workers() -> Iterator[None]:
    """Replace TensorFlow's error about a failed message by a readable one.

    Raises:
        WorkerLostError: another worker does not respond.
    """
    try:
        yield
    except tf.errors.OpError as error:
        text = str(error)
        is_kind = isinstance(error, tf.errors.UnavailableError | tf.errors.AbortedError | tf.errors.DeadlineExceededError)
        if not is_kind and ABORTED not in text:
            raise
        reason = (text.partition(ABORTED)[2] or text).partition("Additional GRPC")[0].partition("The tasks have crashed")[0]
        raise WorkerLostError(
            "Another worker failed, and training needs all workers. "
            f"Received: {one_line(ValueError(reason))}. Start all workers again."
        ) from error


def broadcast(strategy: tf.distribute.Strategy, content: bytes = b"") -> bytes:
    """Return the chief's content on all workers, which must call this at the same time; the others pass nothing."""
    length = int(total(strategy, [len(content) % 2**16, len(content) // 2**16]) @ [1, 2**16])
    words = np.zeros((length + 1) // 2, np.uint16)
    if content:
        words = np.frombuffer(content + b"\0" * (length % 2), np.uint16)
    return total(strategy, words).astype(np.uint16).tobytes()[:length]


def wait_for_all(strategy: tf.distribute.Strategy | None) -> None:
    """Wait until all workers reach this point, before they exit.

    A worker that exits closes its connections, while another worker may still be receiving its part of the last sum.
    """
    if Worker.of(strategy).count > 1:
        with suppress(tf.errors.OpError):  # a worker has exited, so all workers have received their data
            context.context().wait_at_barrier(f"zoo-{next(_barriers)}", 1000 * LOST_WITHIN)


class Agreement:
    """Lets all workers act on any worker's requests at the same step.

    Each exchange costs a round trip, so exchanges happen about once a second: after each one, all workers know how many steps
    have passed since the previous one, and so when the next one is due.

    Args:
        strategy: strategy of all workers; None for a single process; default None.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None) -> None:
        self._strategy = strategy if Worker.of(strategy).count > 1 else None
        self._next, self._asked_at, self._asked = 1, 0, time.monotonic()

    def at_step(self, step: int, *wishes: bool) -> tuple[bool, ...]:
        """Return the requests of all workers; between two exchanges, no requests.

        Args:
            step: number of the step in this training run, equal on all workers.
            *wishes: requests of this worker.
        """
        if self._strategy is None:
            return wishes
        if step < self._next:
            return tuple(False for _ in wishes)
        seconds = time.monotonic() - self._asked
        answer = total(self._strategy, [*wishes, seconds])
        mean_seconds = float(answer[-1]) / Worker.of(self._strategy).count
        steps = max(1, step - self._asked_at)
        self._next = step + max(1, int(steps * min(SECONDS_BETWEEN_QUESTIONS / max(mean_seconds, 1e-6), 10.0)))
        self._asked_at, self._asked = step, time.monotonic()
        return tuple(bool(wish) for wish in answer[:-1])

    def now(self, *wishes: bool) -> tuple[bool, ...]:
        """Return the requests of all workers, which must call this at the same time."""
        if self._strategy is None:
            return wishes
        return tuple(bool(wish) for wish in total(self._strategy, wishes))


@cache  # a strategy lives as long as its process
def _sum_of(strategy: tf.distribute.Strategy) -> Any:
    """Return the traced sum over workers."""

    def of_replica(numbers: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        own = context.replica_id_in_sync_group % len(strategy.extended.worker_devices) == 0  # one device represents its worker
        return context.all_reduce(tf.distribute.ReduceOp.SUM, numbers * tf.cast(own, numbers.dtype))

    return tf.function(lambda numbers: strategy.run(of_replica, args=(numbers,)), reduce_retracing=True)
