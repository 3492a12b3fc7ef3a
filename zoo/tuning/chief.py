"""keras-tuner's chief, which hands out trials, and what its workers ask it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.src.distribute import oracle_chief, oracle_client  # keras-tuner 1.4 has no public name for either
from keras_tuner.src.engine.oracle import synchronized

from zoo.errors import ZooError
from zoo.tuning.oracle import machine_of, make_oracle
from zoo.tuning.search import SIGNS, Search

LOST_AFTER = 60.0  # seconds without a sign of a machine, after which its trials are given to others
LOOK = 2.0
PATIENCE = 60.0  # seconds that a worker tries to reach the chief
oracle_client.TIMEOUT = 15.0  # seconds, in place of an hour, that one question waits
PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def serve(directory: str, address: str, *, workers_live: bool, deadline: float | None) -> None:
    """Hand out the trials of a search until this process is ended.

    Args:
        directory: of the search.
        address: "HOST:PORT" to listen on.
        workers_live: whether the workers of a chief that has died still run their trials.
        deadline: of `time.time()`, after which no trial begins.
    """
    _set_address(address, "chief")
    search = Search.open(directory)
    oracle = make_oracle(search)
    oracle.deadline = deadline
    oracle.on_fault = lambda: os._exit(1)  # a new chief reads the files, and mends what is half done
    oracle.go_on(workers_live=workers_live)
    oracle.save()
    threading.Thread(target=_watch, args=(oracle, search.directory / SIGNS), daemon=True).start()
    oracle_chief.start_server(oracle)


class Client:
    """The chief, as a worker sees it; it waits for one that is started again.

    Args:
        search: gives objective and limits.
        address: "HOST:PORT" of the chief.
        worker: name of this worker, under which it is given the same trial again until that has ended.
    """

    def __init__(self, search: Search, address: str, worker: str) -> None:
        _set_address(address, worker)
        self._worker = worker
        self._client = oracle_client.OracleClient(make_oracle(search))

    def next_trial(self) -> Any:
        """Return a trial to run, or None when there is none any more; waits where the chief does."""
        while True:
            trial = self._ask(lambda: self._client.create_trial(self._worker))
            if trial.status == "STOPPED":
                return None
            if trial.status != "IDLE":
                return trial
            time.sleep(1)

    def end_trial(self, trial: Any, status: str, metrics: dict[str, float]) -> None:
        """Tell how a trial ended: "COMPLETED" with metrics, or "FAILED"."""
        if metrics:
            self._ask(lambda: self._client.update_trial(trial.trial_id, metrics))
        trial.status = status
        self._ask(lambda: self._client.end_trial(trial))

    def _ask(self, question: Callable[[], Any]) -> Any:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return question()
            except grpc.RpcError as error:  # the connection broke; a new chief may be on its way
                if error.code() not in PASSING or time.monotonic() > until:
                    raise ZooError(f"The chief of the search does not answer: {error.details()}.") from error
                time.sleep(0.5)


def _set_address(address: str, name: str) -> None:
    host, _, port = address.rpartition(":")
    os.environ["no_grpc_proxy"] = host  # noqa: SIM112 - gRPC's name; else it asks http_proxy, even here
    os.environ |= {"KERASTUNER_ORACLE_IP": host, "KERASTUNER_ORACLE_PORT": port, "KERASTUNER_TUNER_ID": name}


def _watch(oracle: Any, folder: Path) -> None:
    """Give the trials of machines that are gone to others: keras-tuner's chief would wait for them for ever."""
    seen: dict[str, tuple[str | None, float]] = {}  # what a machine wrote last, and when that was new
    while True:
        time.sleep(LOOK)
        for worker in list(oracle.ongoing_trials):
            machine = machine_of(worker)
            if not machine:
                continue
            sign = _sign_of(folder / machine)
            last, when = seen.setdefault(machine, (sign, time.monotonic()))
            if sign is not None and sign != last:
                seen[machine] = (sign, time.monotonic())
            elif time.monotonic() - when > LOST_AFTER or (sign is None and last is not None):  # lost, or signed off
                synchronized(_take_back)(oracle, worker)


def _take_back(oracle: Any, worker: str) -> None:
    with suppress(OSError, ZooError):  # it is tried again
        oracle.take_back(worker)


def _sign_of(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    return None
