"""What a finished run should be told about: overfitting, one answer for all, classes that are never the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.evaluation.scores import Evaluation

OVERFIT = 1.1  # times the lowest validation loss
MOST_NAMES = 10


def find_problems(history: Mapping[str, Sequence[float]], evaluation: Evaluation, *, keeps_best: bool = False) -> list[str]:
    """Return a sentence for each problem, with what to do about it.

    Args:
        history: losses of each epoch.
        evaluation: on the test part.
        keeps_best: whether the best epoch's model was kept, which mends overfitting.

    Example:
        >>> from zoo.evaluation.scores import Evaluation
        >>> find_problems({"loss": [1.0, 0.5, 0.1], "val_loss": [1.0, 0.8, 1.2]}, Evaluation({}, 0))[0][:60]
        'Overfitting: the validation loss was lowest (0.8000) after e'
    """
    return [
        *_overfitting(history, keeps_best=keeps_best),
        *(_unpredicted(evaluation) or _no_better_than_one_answer(evaluation)),
        *_no_better_than_the_mean(evaluation),
    ]


def _overfitting(history: Mapping[str, Sequence[float]], *, keeps_best: bool) -> list[str]:
    train, validation = history.get("loss", ()), history.get("val_loss", ())
    if not validation or keeps_best:
        return []
    best = min(range(len(validation)), key=validation.__getitem__)
    if validation[-1] <= OVERFIT * validation[best] or train[-1] >= train[best]:
        return []
    course = f"the validation loss was lowest ({validation[best]:.4f}) after epoch {best + 1} and ended at {validation[-1]:.4f}"
    accuracies = history.get("val_accuracy", ())
    if accuracies and accuracies[-1] >= accuracies[best]:
        return [
            f"Surer than right: {course}, while the validation accuracy did not fall ({accuracies[best]:.4f}, then "
            f"{accuracies[-1]:.4f}). Labels are as good, probabilities too near to 0 and 1: set keep=best and monitor=loss."
        ]
    return [
        f"Overfitting: {course}, while the training loss still fell. Set keep=best or early_stopping=2, train for fewer "
        "epochs, or add dropout, augmentation or data."
    ]


def _unpredicted(evaluation: Evaluation) -> list[str]:
    names = list(evaluation.per_class)
    predicted = [sum(counts) for counts in zip(*evaluation.confusion, strict=True)]
    never = [name for name, count in zip(names, predicted, strict=True) if not count and evaluation.per_class[name]["support"]]
    if not never:
        return []
    advice = "Train longer or with another learning rate (zoo find-lr); with few rows of a class, set class_weight=balanced."
    if sum(map(bool, predicted)) == 1:
        (only,) = [name for name, count in zip(names, predicted, strict=True) if count]
        return [f"Every test example is predicted as {only!r}: nothing was learned. {advice}"]
    more = f" and {len(never) - MOST_NAMES} more" if len(never) > MOST_NAMES else ""
    return [f"Never predicted, though they stand in the test part: {', '.join(map(repr, never[:MOST_NAMES]))}{more}. {advice}"]


def _no_better_than_one_answer(evaluation: Evaluation) -> list[str]:
    supports = [scores["support"] for scores in evaluation.per_class.values()]
    if not supports or evaluation.metrics["accuracy"] > max(supports) / sum(supports):
        return []
    return [
        f"The accuracy ({evaluation.metrics['accuracy']:.4f}) is no better than always answering the most frequent class. "
        "Train longer or with another learning rate (zoo find-lr)."
    ]


def _no_better_than_the_mean(evaluation: Evaluation) -> list[str]:
    r2 = evaluation.metrics.get("r2", 1.0)
    if r2 > 0:
        return []
    return [
        f"The predictions are no better than the mean of the targets (r2 {r2:.4f}). Train longer or change the learning rate."
    ]
