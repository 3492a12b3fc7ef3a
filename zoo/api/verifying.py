"""Trained models held against the scores that they were kept with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zoo.api.scoring import evaluate
from zoo.errors import ArtefactError

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.evaluation.verification import Verification


def verify(model: Run | str | os.PathLike[str]) -> Verification:
    """Score a released model, or a run, once more on the test part of its own data, and compare.

    The files and the scores of a released model are compared with its card first.

    Args:
        model: the name of a released model, "cnn@mnist"; a run, or its directory.

    Returns:
        The scores then and now; `is_good` says whether they agree: as to shares of the examples but for two of them, as to
        losses within 1 %.

    Raises:
        ArtefactError: a file is missing or of another content, the card has other scores, or the run did not finish.
        DataError: the data cannot be read, or are not those that it learned from.
        UsageError: there is no such model, or it learned from arrays.
    """
    from zoo.artefacts.released import check_card
    from zoo.artefacts.run import Run
    from zoo.evaluation.verification import Verification

    run = model if isinstance(model, Run) else Run.open(model)
    check_card(run.directory, run.metrics)
    if not run.metrics:
        raise ArtefactError(
            f"This run has no scores to compare with: it is {run.status}. Received: {run.directory}. Finish it with: "
            f"zoo train --resume {run.directory}"
        )
    evaluation = evaluate(run)
    name = run.card.get("name", run.directory.name)
    return Verification(name, run.metrics, evaluation.metrics, evaluation.num_examples, run.info.task)
