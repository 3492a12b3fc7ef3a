"""The findings of a finished run list its problems, and nothing else."""

from __future__ import annotations

import pytest

from zoo.evaluation.findings import find_problems
from zoo.tasks import find_task
from zoo.tasks.answers import Evaluation

LABELS = find_task("tabular_classification")
FINE = {"loss": [1.0, 0.5, 0.2], "val_loss": [1.0, 0.6, 0.5]}


def evaluation(confusion: tuple[tuple[int, ...], ...], names: str = "abc") -> Evaluation:
    per_class = {name: {"support": sum(counts)} for name, counts in zip(names, confusion, strict=False)}
    right = sum(counts[number] for number, counts in enumerate(confusion))
    return Evaluation({"accuracy": right / sum(map(sum, confusion))}, 10, per_class, confusion)


GOOD = evaluation(((3, 1, 0), (0, 4, 0), (0, 1, 2)))


def test_a_good_run_has_no_findings() -> None:
    assert find_problems(LABELS, FINE, GOOD) == []
    assert find_problems(find_task("regression"), FINE, Evaluation({"r2": 0.3}, 10)) == []


@pytest.mark.parametrize(
    ("train", "validation", "epoch"),
    [
        ([1.0, 0.5, 0.2], [0.8, 0.6, 0.67], 2),
        ([1.0, 0.5, 0.2], [0.5, 0.6, 0.7], 1),
    ],
)
def test_overfitting_is_reported_with_its_epoch(train: list[float], validation: list[float], epoch: int) -> None:
    (said,) = find_problems(LABELS, {"loss": train, "val_loss": validation}, GOOD)
    assert said.startswith(f"Overfitting: the validation loss was lowest ({min(validation):.4f}) after epoch {epoch} ")
    assert "Set keep=best" in said
    assert find_problems(LABELS, {"loss": train, "val_loss": validation}, GOOD, keeps_best=True) == []


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ([1.0, 0.5, 0.2], [0.8, 0.6, 0.65]),  # within a tenth
        ([1.0, 0.5, 0.6], [0.8, 0.6, 0.9]),  # the training loss rose too
        ([1.0], []),
    ],
)
def test_other_curves_are_not_called_overfitting(train: list[float], validation: list[float]) -> None:
    assert find_problems(LABELS, {"loss": train, "val_loss": validation}, GOOD) == []


def test_a_rising_loss_without_falling_accuracy_is_not_overfitting() -> None:
    history = {"loss": [1.0, 0.5, 0.2], "val_loss": [0.8, 0.6, 0.7], "val_accuracy": [0.8, 0.9, 0.9]}
    (said,) = find_problems(LABELS, history, GOOD)
    assert said.startswith("Overconfident: the validation loss was lowest (0.6000) after epoch 2 and ended at 0.7000")
    (worse,) = find_problems(LABELS, {**history, "val_accuracy": [0.8, 0.9, 0.89]}, GOOD)
    assert worse.startswith("Overfitting")
    assert find_problems(LABELS, history, GOOD, keeps_best=True) == []


def test_a_constant_prediction_is_reported_once() -> None:
    (said,) = find_problems(LABELS, FINE, evaluation(((0, 5, 0), (0, 4, 0), (0, 1, 0))))
    assert said.startswith("Every test example is predicted as 'b': the model has learned nothing.")


def test_classes_that_occur_but_are_never_predicted_are_named() -> None:
    (said,) = find_problems(LABELS, FINE, evaluation(((5, 0, 0), (1, 4, 0), (1, 1, 0))))
    assert said.startswith("Never predicted, although they occur in the test part: 'c'.")
    assert "class_weight=balanced" in said
    assert find_problems(LABELS, FINE, evaluation(((5, 0, 0), (1, 4, 0), (0, 0, 0)))) == []


def test_a_regression_that_learned_nothing_is_reported() -> None:
    (said,) = find_problems(find_task("regression"), FINE, Evaluation({"r2": -0.01}, 10))
    assert "no better than the mean of the targets (r2 -0.0100)" in said


def test_an_accuracy_no_better_than_a_constant_prediction_is_reported() -> None:
    (said,) = find_problems(LABELS, FINE, evaluation(((2, 2, 0), (2, 1, 1), (1, 1, 0))))
    assert said.startswith("The accuracy (0.3000) is no better than always predicting the most frequent class")
