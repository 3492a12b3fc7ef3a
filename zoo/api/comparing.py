"""`zoo.compare`: finished runs side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.evaluation.comparison import Comparison


def compare(*runs: Run | str | os.PathLike[str]) -> Comparison:
    """Compare finished runs: scores, times, differing settings, and a plot of their validation curves.

    Args:
        *runs: two or more runs, their directories, or released models; all for tasks with the same scores.

    Raises:
        UsageError: there are fewer than two runs, a run is not finished, or their scores differ.
        ArtefactError: a run cannot be opened.

    Example:
        >>> import zoo
        >>> run = zoo.train("linear", data="iris", epochs=1, out=directory, verbose=0)
        >>> compare(run, run).differences
        {}
    """
    from zoo.artefacts.run import open_run
    from zoo.evaluation.comparison import Comparison

    if len(runs) < 2:
        raise UsageError(f"A comparison needs at least two runs. Received: {len(runs)}. Add another run.")
    opened = tuple(map(open_run, runs))
    for run in opened:
        if run.status != "finished":
            raise UsageError(
                f"Only finished runs have scores. Received: {run.directory}, {run.status}. "
                f"Resume it with: zoo train --resume {run.directory}"
            )
    scores = {tuple(run.info.task.scores): run.info.task_name for run in opened}
    if len(scores) > 1:
        raise UsageError(
            f"Only runs with the same scores can be compared. Received: {' and '.join(sorted(scores.values()))}. "
            "Pass only runs for one of them."
        )
    return Comparison(opened)
