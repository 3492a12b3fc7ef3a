"""A watch over the chief and the workers of a search: whoever is killed is started again, and goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from zoo.artefacts.files import write_text
from zoo.distribution.machine import cores, gpus, share_of
from zoo.errors import ZooError
from zoo.tuning.nursery import INTERRUPTED, NO_MORE, Child, Nursery
from zoo.tuning.search import SIGNS, Search

DEATHS = 5  # of the chief, or of one worker without a trial ended between them, before the search gives up
ASK_AGAIN = 2.0  # seconds after which a worker without a trial asks again, while others still run some
LOOK_SECONDS = 0.5  # between two looks at the trials
KILLED_BY = 3  # signals, of which the last kills
REPEATED_AFTER = 15.0  # seconds after which running trials are asked again to stop
GRACE = 120.0  # seconds that they have for it
SIGN_SECONDS = 5.0  # between two signs of life of a machine


@dataclass
class Slot:
    """A place for one worker at a time, with its share of the machine."""

    name: str
    cores: Sequence[int]
    gpus: Sequence[str]
    child: Child | None = None
    deaths: int = 0
    rests_until: float = 0.0
    is_done: bool = False
    died_of: str | None = None


@dataclass
class Supervisor:
    """Keeps a chief, if it is to have one, and workers alive until the search ends.

    Args:
        search: opened.
        nursery: where processes come from.
        address: "HOST:PORT" of the chief.
        workers: how many here.
        machine: name of this machine among several; empty for the one with the chief.
        deadline: of `time.time()`, when running trials are stopped.
        look: called again and again, to show how it goes.
    """

    search: Search
    nursery: Nursery
    address: str
    workers: int
    look: Callable[[], None]
    machine: str = ""
    deadline: float | None = None
    _slots: list[Slot] = field(default_factory=list)
    _chief: Child | None = None
    _chief_deaths: int = 0
    _signals: list[int] = field(default_factory=list)
    _signed: float = 0.0
    _shown: float = 0.0
    _asked: float = 0.0

    def run(self) -> bool:
        """Run trials until there are no more; return whether it was not stopped before by a signal.

        Raises:
            ZooError: the chief, or a worker, dies again and again.
        """
        prefix = f"{self.machine}-worker-" if self.machine else "worker-"
        shares = [
            (share_of(cores(), index, self.workers), share_of(gpus(), index, self.workers)) for index in range(self.workers)
        ]
        self._slots = [Slot(f"{prefix}{index}", *share) for index, share in enumerate(shares)]
        is_first = True
        with _noted(self._signals):
            while not all(slot.is_done for slot in self._slots):
                if not self.machine:
                    self._see_to_chief(workers_live=not is_first)
                is_first = False
                self._sign()
                for slot in self._slots:
                    self._see_to(slot)
                self.nursery.look()
                self._show()
                if self._is_to_stop():
                    self._stop()
        return not self._signals

    def _see_to_chief(self, *, workers_live: bool) -> None:
        if self._chief is not None and not self._chief.has_ended:
            return
        if self._chief is not None and self._chief.code != 0:  # it ends well when it was asked for more than there is
            if self._chief.answer.is_file():
                self._chief.result()  # an error of zoo's, which another chief would meet too
            self._chief_deaths += 1
            if self._chief_deaths >= DEATHS:
                raise ZooError(f"The chief of the search ended {DEATHS} times.{self._chief.last_words()}")
        self._chief = self.nursery.begin(
            "zoo.tuning.chief:serve", environment={"CUDA_VISIBLE_DEVICES": "-1"}, directory=str(self.search.directory),
            address=self.address, workers_live=workers_live, deadline=self.deadline,
        )  # fmt: skip

    def _see_to(self, slot: Slot) -> None:
        child = slot.child
        if slot.is_done or time.monotonic() < slot.rests_until or (child is not None and not child.has_ended):
            return
        if child is not None:
            slot.died_of = None
            if child.code == 0:
                slot.deaths = 0
            elif child.code == NO_MORE:
                slot.rests_until = time.monotonic() + ASK_AGAIN
                slot.is_done = not self._others_run(slot)
                slot.child = None
                return
            elif child.code == INTERRUPTED and self._signals:
                slot.is_done = True
                return
            else:
                self._note_death(slot, child)
        environment = {"CUDA_VISIBLE_DEVICES": ",".join(slot.gpus)} if slot.gpus else {}
        slot.child = self.nursery.begin(
            "zoo.api.trials:work", environment=environment, cores=slot.cores, directory=str(self.search.directory),
            address=self.address, worker=slot.name, died_of=slot.died_of,
        )  # fmt: skip

    def _note_death(self, slot: Slot, child: Child) -> None:
        slot.died_of = signal.Signals(-child.code).name if child.code and child.code < 0 else f"exit code {child.code}"
        slot.rests_until = time.monotonic() + min(slot.deaths, 3) * ASK_AGAIN
        slot.deaths += 1
        if slot.deaths > DEATHS:
            if child.answer.is_file():
                child.result()  # an error of zoo's
            raise ZooError(f"A worker ended {slot.deaths} times, at last by {slot.died_of}.{child.last_words()}")

    def _others_run(self, slot: Slot) -> bool:
        """Whether a trial still runs that this slot may have to take over: another machine's, which may go."""
        own = {other.name for other in self._slots if other is not slot and not other.is_done}
        running = [trial for trial in self.search.trials if trial.status == "running"]
        return bool(running) and not self.machine and any(trial.worker not in own for trial in running)

    def _is_to_stop(self) -> bool:
        is_late = self.deadline is not None and time.time() >= self.deadline and bool(self.search.best_trials)
        return bool(self._signals) or is_late or self._has_ended_elsewhere()

    def _has_ended_elsewhere(self) -> bool:
        """Whether the search that this machine joined has ended."""
        if not self.machine or time.monotonic() - self._asked < SIGN_SECONDS:
            return False
        self._asked = time.monotonic()
        return Search.open(self.search.directory).status != "running"

    def _stop(self) -> None:
        """Let the running trials save and end; a third signal kills them."""
        begun = asked = time.monotonic()
        children = [slot.child for slot in self._slots if slot.child is not None]
        number = signal.SIGINT
        while living := [child for child in children if not child.has_ended]:
            now = time.monotonic()
            if len(self._signals) >= KILLED_BY or now - begun > GRACE:
                number = signal.SIGKILL
            if now >= asked:  # again and again: the wish is lost on a run that was about to end, with another to follow
                asked = now + (REPEATED_AFTER if number == signal.SIGINT else LOOK_SECONDS)
                for child in living:
                    child.signal(number)
            if not self.machine and number == signal.SIGINT:
                self._see_to_chief(workers_live=True)
            self.nursery.look()
            self._show()
        for slot in self._slots:
            slot.is_done = True

    def _show(self) -> None:
        if time.monotonic() - self._shown > LOOK_SECONDS:  # the cores are for the trials
            self._shown = time.monotonic()
            self.look()

    def _sign(self) -> None:
        """Show the chief's machine that this one is there."""
        if self.machine and time.monotonic() - self._signed > SIGN_SECONDS:
            self._signed = time.monotonic()
            folder = self.search.directory / SIGNS
            folder.mkdir(exist_ok=True)
            write_text(folder / self.machine, str(time.time()))


@contextmanager
def _noted(signals: list[int]) -> Iterator[None]:
    """Note SIGINT and SIGTERM in place of being interrupted."""

    def note(number: int, _frame: FrameType | None) -> None:
        signals.append(number)

    try:
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # in a thread, where Python takes no signals
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sign_off(directory: Path, machine: str) -> None:
    """Remove the sign of a machine that leaves a search."""
    (directory / SIGNS / machine).unlink(missing_ok=True)
