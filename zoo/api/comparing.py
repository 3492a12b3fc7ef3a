"""`zoo.compare`: finished runs side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.evaluation.comparison import Comparison


def compare(*runs: Run | str | os.PathLike[str]) -> Comparison:
    """Compare finished runs: scores, times, differing settings, and a plot of their validation curves.

    Args:
        *runs: two or more runs, their directories, or released models; all for one kind of task.

    Raises:
        UsageError: there are fewer than two, one did not finish, or their tasks differ.
        ArtefactError: a run cannot be opened.

    Example:
        >>> import zoo
        >>> run = zoo.train("linear", data="iris", epochs=1, out=directory, verbose=0)
        >>> compare(run, run).differences
        {}
    """
    from zoo.artefacts.run import open_run
    from zoo.evaluation.comparison import compare_runs

    return compare_runs([open_run(run) for run in runs])
