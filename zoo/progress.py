"""Progress bars for what takes over a second: on a terminal or in a notebook, never in a log file."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def track(items: Iterable[Item], description: str, total: int | None = None) -> Generator[Item, None, None]:
    """Yield the items with a bar on standard error, which goes away at the end."""
    from rich.console import Console
    from rich.progress import track as rich_track

    console = Console(stderr=True)
    hidden = not (console.is_terminal or console.is_jupyter)
    yield from rich_track(items, description, total=total, console=console, transient=True, disable=hidden)


def track_share(items: Iterable[tuple[Item, float]], description: str) -> Generator[Item, None, None]:
    """Yield the items, each of which comes with the share that is done then, with a bar as `track` has it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    hidden = not (console.is_terminal or console.is_jupyter)
    with Progress(console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(description, total=1.0)
        for item, share in items:
            yield item
            progress.update(task, completed=share)
