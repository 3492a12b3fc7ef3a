"""`zoo.verify`: a trained model checked against its recorded scores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zoo.api.scoring import evaluate
from zoo.errors import ArtefactError

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.evaluation.verification import Verification


def verify(model: Run | str | os.PathLike[str]) -> Verification:
    """Check that a released model or a run reproduces its recorded scores on the test part of its own data.

    For a released model, the files and scores are first compared with its card.

    Args:
        model: the name of a released model ("cnn@mnist"), a run, or its directory.

    Returns:
        The recorded and the new scores. `is_good` is true if they agree: shares of examples to within two examples, losses to
        within 1 %.

    Raises:
        ArtefactError: a file is missing or has changed, the card records different scores, or the run did not finish.
        DataError: the data cannot be read, or have changed since training.
        UsageError: no model has this name, or the run was trained on arrays.
    """
    from zoo.artefacts.released import check_card
    from zoo.artefacts.run import open_run
    from zoo.evaluation.verification import Verification

    run = open_run(model)
    check_card(run.directory, run.metrics)
    if not run.metrics:
        raise ArtefactError(
            f"This run has no scores to compare with: it is {run.status}. Received: {run.directory}. Finish it with: "
            f"zoo train --resume {run.directory}"
        )
    evaluation = evaluate(run)
    name = run.card.get("name", run.directory.name)
    return Verification(name, run.metrics, evaluation.metrics, evaluation.num_examples, run.info.task)
