"""The table of trials shown while a search runs."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from zoo.artefacts.files import read_json
from zoo.progress import shows_bars
from zoo.tuning.search import Search, Trial

FEWEST_ROWS = 5
AROUND = 8  # lines of a terminal that are not rows of the table


@contextmanager
def shown_trials(search: Search, workers: int, verbose: int | str) -> Iterator[Callable[[], None]]:
    """Yield a function that shows the current trials of a search on standard error.

    On a terminal, it shows a table with the newest trials, the best one, and the remaining time; otherwise, it prints a line
    for each trial that ends.

    Args:
        search: the search, opened.
        workers: number of workers.
        verbose: 0 shows nothing.
    """
    console = Console(stderr=True)
    printed = {trial.name for trial in search.trials if trial.status != "running"}

    def show_lines() -> None:
        for trial in search.trials:
            if trial.status != "running" and trial.name not in printed:
                printed.add(trial.name)
                console.print(_line(search, trial, workers), highlight=False, soft_wrap=True, markup=False)

    if verbose == 0:
        yield lambda: None
    elif shows_bars(console):
        with Live(console=console, auto_refresh=False) as live:
            yield lambda: live.update(_picture(search, workers, console.height), refresh=True)
    else:
        yield show_lines


def _picture(search: Search, workers: int, height: int) -> Group:
    trials, best = search.trials, search.best_trials[:1]
    newest = trials[-max(FEWEST_ROWS, height - AROUND) :]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for title in ("trial", "status", f"{search.objective} ({search.direction})", "time"):
        table.add_column(title, no_wrap=True)
    table.add_column("settings, then differences", ratio=1, no_wrap=True, overflow="ellipsis")
    for trial in [*(each for each in best if each not in newest), *newest]:
        then = {} if trial == trials[0] else trials[0].settings
        changed = {name: value for name, value in trial.settings.items() if name not in then or then[name] != value}
        details = trial.reason or "  ".join(f"{name.rpartition('.')[2]} {short(value)}" for name, value in changed.items())
        score = "" if trial.objective is None else f"{trial.objective:.4f}"
        cells = (trial.name, _status(trial), score, clock(trial.seconds), details)
        table.add_row(*map(Text, cells), style="bold green" if trial in best else "")
    limit = search.content["trials"]
    summary = f"{counts(trials) or 'Starting'}{f' of {limit} trials' if limit is not None else ''}"
    summary += "".join(f"; best {search.objective} {trial.objective:.4f} in trial {trial.name}" for trial in best)
    return Group(table, Text(f"{summary}{_left(search, workers)}"))


def _status(trial: Trial) -> str:
    runs = [*trial.directory.glob("run-*/run.json")] if trial.status == "running" else []
    if not runs:
        return trial.status
    content = read_json(max(runs, key=lambda path: path.stat().st_mtime))
    return f"run {len(runs)}, epoch {content.get('epochs_finished', 0)}/{content['settings']['epochs']}"


def _line(search: Search, trial: Trial, workers: int) -> str:
    settings = "  ".join(f"{name} {short(value)}" for name, value in trial.settings.items())
    result = f"{trial.status}: {trial.reason}" if trial.objective is None else f"{search.objective} {trial.objective:.4f}"
    mark = "  (best so far)" if trial in search.best_trials[:1] else ""
    return f"Trial {trial.name}  {result}{mark}  {clock(trial.seconds)}{_left(search, workers)}  {settings}"


def _left(search: Search, workers: int) -> str:
    """Return the remaining time as text: up to the time limit, or for the remaining trials at their mean time."""
    content, left = search.content, []
    if content["minutes"] is not None:
        left.append(60 * content["minutes"] - (time.time() - content["session_begun"]))
    done = [each.seconds for each in search.trials if each.status in ("finished", "failed") and each.seconds is not None]
    if content["trials"] is not None and done:
        left.append(statistics.mean(done) * max(content["trials"] - len(done), 0) / workers)
    return f"  {clock(max(min(left), 0))} left" if left else ""


def counts(trials: Sequence[Trial]) -> str:
    """Return how many trials have each status, as text."""
    return ", ".join(f"{count} {status}" for status, count in Counter(trial.status for trial in trials).items())


def trial_rows(search: Search, trials: Sequence[Trial]) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows of a table of trials."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    rows = [
        [trial.name, trial.status, trial.objective, clock(trial.seconds), trial.parameters]
        + [short(trial.settings.get(name, "")) for name in names]
        for trial in trials
    ]
    columns = ["trial", "status", search.objective, "time", "parameters", *names]
    return columns, [["" if cell is None else cell for cell in row] for row in rows]


def clock(seconds: float | None) -> str:
    """Return a duration as "0:07" or "1:02:03"."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def short(value: Any) -> str:
    """Return a value as short text."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace(" ", "")
