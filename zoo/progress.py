"""Progress bars for work that takes over a second: on a terminal or in a notebook, never in a log file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

Item = TypeVar("Item")


def shows_bars(console: Console) -> bool:
    """Return whether a console can redraw a bar: a terminal, or a notebook with ipywidgets."""
    return console.is_terminal or (console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None)


def progress_bars(*columns: ProgressColumn | str) -> Progress:
    """Return rich's progress display on standard error, which disappears at the end; by default with rich's columns."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not shows_bars(console))


def track(items: Iterable[Item], description: str, total: int | None = None) -> Generator[Item, None, None]:
    """Yield the items with a bar on standard error, which disappears at the end."""
    with progress_bars() as progress:
        yield from progress.track(items, total, description=description)


def track_share(items: Iterable[tuple[Item, float]], description: str) -> Generator[Item, None, None]:
    """Yield the items of pairs `(item, fraction of the work done)`, with a bar like that of `track`."""
    with progress_bars() as progress:
        task = progress.add_task(description, total=1.0)
        for item, share in items:
            yield item
            progress.update(task, completed=share)


@contextmanager
def track_bytes(description: str, total: int) -> Generator[Callable[[int], None], None, None]:
    """Yield a function to call with the number of bytes received, with a bar like that of `track`."""
    from rich.progress import BarColumn, DownloadColumn, TransferSpeedColumn

    with progress_bars("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(description, total=total)
        yield lambda count: progress.advance(task, count)
