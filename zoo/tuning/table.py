"""The table of trials shown while a search runs."""

from __future__ import annotations

import statistics
import time
from typing import Any, Literal

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from zoo.artefacts.files import read_json
from zoo.errors import ArtefactError
from zoo.progress import shows_bars
from zoo.tuning.search import Search, Trial

MOST_ROWS = 20  # trials shown: the newest, and the best
FEWEST_ROWS = 5
STATUS = 14  # columns for a trial's status
AROUND = 8  # lines of a terminal that are not rows


class TrialTable:
    """Shows the trials of a search on standard error; a context manager.

    A terminal gets a table with the newest trials, the best one, and the remaining time; otherwise each trial that ends gets a
    line.

    Args:
        search: the search, opened.
        workers: number of workers.
        verbose: 0 shows nothing.
    """

    def __init__(self, search: Search, workers: int, verbose: int | Literal["auto"]) -> None:
        self._search, self._workers, self._is_quiet = search, workers, verbose == 0
        self._console = Console(stderr=True)
        self._is_live = not self._is_quiet and shows_bars(self._console)
        self._live = Live(console=self._console, auto_refresh=False) if self._is_live else None
        self._printed = {trial.name for trial in search.trials if trial.status != "running"}

    def __enter__(self) -> TrialTable:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self) -> None:
        """Show the current state."""
        if self._is_quiet:
            return
        trials = self._search.trials
        if self._live:
            self._live.update(self._picture(trials), refresh=True)
            return
        for trial in trials:
            if trial.status != "running" and trial.name not in self._printed:
                self._printed.add(trial.name)
                self._console.print(self._line(trial), highlight=False, soft_wrap=True, markup=False)

    def _picture(self, trials: list[Trial]) -> Group:
        best = self._search.best_trials[:1]
        room = max(FEWEST_ROWS, min(MOST_ROWS, self._console.height - AROUND))
        shown = sorted({*(trial.name for trial in trials[-room:]), *(trial.name for trial in best)})
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
        score = f"{self._search.objective} ({self._search.direction})"
        for title, width in (("trial", 5), ("status", STATUS), (score, len(score)), ("time", 7)):
            table.add_column(title, justify="left" if title in ("trial", "status") else "right", no_wrap=True, width=width)
        differs = len(trials) > 1
        title = f"settings{', then differences' if differs else ''}"
        table.add_column(title, ratio=1, no_wrap=True, overflow="ellipsis")
        for trial in trials:
            if trial.name in shown:
                is_best = trial.name == best[0].name if best else False
                score = "" if trial.objective is None else f"{trial.objective:.4f}"
                settings = "  ".join(
                    f"{name.rpartition('.')[2]} {short(value)}"
                    for name, value in trial.settings.items()
                    if trial is trials[0] or trials[0].settings.get(name) != value
                )
                last = settings if trial.reason is None else trial.reason
                row = [trial.name, self._status(trial), score, clock(trial.seconds), last]
                table.add_row(*(Text(cell) for cell in row), style="bold green" if is_best else "")
        return Group(table, Text(self._summary(trials, best)))

    def _status(self, trial: Trial) -> str:
        if trial.status != "running":
            return trial.status
        runs = sorted(trial.directory.glob("run-*"), key=lambda run: int(run.name.rpartition("-")[2]))
        if not runs:
            return "starting"
        try:
            content = read_json(runs[-1] / "run.json")
        except ArtefactError:  # not yet written
            return "starting"
        of = f"run {len(runs)}, " if len(runs) > 1 else ""
        return f"{of}epoch {content.get('epochs_finished', 0)}/{content['settings']['epochs']}"

    def _line(self, trial: Trial) -> str:
        settings = "  ".join(f"{name} {short(value)}" for name, value in trial.settings.items())
        result = (
            f"{self._search.objective} {trial.objective:.4f}"
            if trial.objective is not None
            else f"{trial.status}: {trial.reason}"
        )
        best = self._search.best_trials[:1]
        mark = "  (best so far)" if best and best[0].name == trial.name else ""
        return f"Trial {trial.name}  {result}{mark}  {clock(trial.seconds)}{self._left()}  {settings}"

    def _summary(self, trials: list[Trial], best: list[Trial]) -> str:
        kinds = [trial.status for trial in trials]
        parts = [
            f"{kinds.count(kind)} {kind}"
            for kind in ("finished", "running", "stopped", "failed", "infeasible")
            if kind in kinds
        ]
        limit = self._search.content["trials"]
        of = f" of {limit} trials" if limit is not None else ""
        found = f"; best {self._search.objective} {best[0].objective:.4f} in trial {best[0].name}" if best else ""
        return f"{', '.join(parts) or 'Starting'}{of}{found}{self._left()}"

    def _left(self) -> str:
        """Return the remaining time, as a text: that of the limit, or of all trials at the mean time of the finished ones."""
        content, trials = self._search.content, self._search.trials
        begun = content.get("session_begun") or time.time()
        found = []
        if content["minutes"] is not None:
            found.append(60 * content["minutes"] - (time.time() - begun))
        done = [trial.seconds for trial in trials if trial.status in ("finished", "failed") and trial.seconds is not None]
        if content["trials"] is not None and done:
            found.append(statistics.mean(done) * max(content["trials"] - len(done), 0) / self._workers)
        return f"  {clock(max(min(found), 0))} left" if found else ""


def clock(seconds: float | None) -> str:
    """Return a duration as "0:07" or "1:02:03"."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def short(value: Any) -> str:
    """Return a value as a short text."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace(" ", "")
