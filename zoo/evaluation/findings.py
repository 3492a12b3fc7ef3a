"""Finds problems of a finished run, such as overfitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.tasks import Task
from zoo.tasks.answers import Evaluation

OVERFIT = 1.1  # limit for the final validation loss, as a multiple of the lowest


def find_problems(
    task: Task, history: Mapping[str, Sequence[float]], evaluation: Evaluation, *, keeps_best: bool = False
) -> list[str]:
    """Return a sentence for each problem, with advice.

    Args:
        task: the model's task.
        history: losses and metrics of each epoch.
        evaluation: scores on the test part.
        keeps_best: whether the run saved the best epoch's model, which makes overfitting harmless; default False.

    Example:
        >>> from zoo.tasks import find_task
        >>> from zoo.tasks.answers import Evaluation
        >>> history = {"loss": [1.0, 0.5, 0.1], "val_loss": [1.0, 0.8, 1.2]}
        >>> find_problems(find_task("regression"), history, Evaluation({"r2": 0.5}, 9))[0][:60]
        'Overfitting: the validation loss was lowest (0.8000) after e'
    """
    return [*_overfitting(history, keeps_best=keeps_best), *task.findings(evaluation)]


def _overfitting(history: Mapping[str, Sequence[float]], *, keeps_best: bool) -> list[str]:
    train, validation = history.get("loss", ()), history.get("val_loss", ())
    if not validation or keeps_best:
        return []
    best = min(range(len(validation)), key=validation.__getitem__)
    if validation[-1] <= OVERFIT * validation[best] or train[-1] >= train[best]:
        return []
    losses = f"the validation loss was lowest ({validation[best]:.4f}) after epoch {best + 1} and ended at {validation[-1]:.4f}"
    accuracies = history.get("val_accuracy", ())
    if accuracies and accuracies[-1] >= accuracies[best]:
        return [
            f"Overconfident: {losses}, while the validation accuracy did not fall ({accuracies[best]:.4f}, then "
            f"{accuracies[-1]:.4f}). The labels are as good as before, but the probabilities are too close to 0 and 1. Set "
            "keep=best and monitor=loss."
        ]
    return [
        f"Overfitting: {losses}, while the training loss kept falling. Set keep=best or early_stopping=2, train for fewer "
        "epochs, or add dropout, augmentation or data."
    ]
