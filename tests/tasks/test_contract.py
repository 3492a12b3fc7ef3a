"""The contract of tasks, tested for all registered ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zoo.errors import UsageError
from zoo.tasks import TASKS, guess_task, tasks_for
from zoo.tasks.task import Task

ROWS, WIDTH = 12, 3
RAW = {True: np.array(["a", "b", "c"] * 4, object), False: np.linspace(-1, 1, ROWS * WIDTH).reshape(ROWS, WIDTH)}
OUTPUTS = arrays(np.float32, (8, WIDTH), elements=st.integers(-30, 30))  # differences that a softmax preserves


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return TASKS[request.param]


def encoded(task: Task) -> tuple[np.ndarray, tuple]:
    """Return encoded targets of three outputs, and their labels."""
    labels = task.find_labels(RAW[task.has_labels], None, are_numbers_names=False)
    return task.encode(RAW[task.has_labels], labels), labels


def perfect(task: Task, targets: np.ndarray) -> np.ndarray:
    """Return answers without mistakes."""
    return np.eye(WIDTH, dtype=np.float32)[targets] if task.has_labels else targets


def test_targets_become_numbers_that_fit_the_labels(task: Task) -> None:
    targets, labels = encoded(task)
    assert len(targets) == ROWS
    assert targets.dtype.kind in "if"
    task.check_labels(labels, WIDTH)
    with pytest.raises(ValueError, match=task.name):
        task.check_labels((*labels, "one more"), WIDTH)
    strata = task.strata({"all": targets})
    assert strata is None or strata["all"].shape == (ROWS,)
    assert sum(task.counts(targets, labels).values()) in (0, ROWS)
    assert all(len(values) == WIDTH for values in task.learn(targets, labels).values())


def test_targets_that_fit_are_guessed_unless_another_task_of_the_input_comes_first(task: Task) -> None:
    guessed = guess_task(task.input, RAW[task.has_labels])
    assert guessed.input == task.input
    assert guessed == task or tasks_for(task.input).index(guessed) < tasks_for(task.input).index(task)
    assert task.fits(RAW[task.has_labels])


def test_loss_and_metrics_take_encoded_targets(task: Task) -> None:
    targets, _ = encoded(task)
    outputs = np.zeros((ROWS, WIDTH), np.float32)
    assert np.isfinite(float(task.loss()(targets, outputs)))
    metrics = task.metrics(WIDTH)
    for metric in metrics:
        metric.update_state(targets, outputs)
        assert np.isfinite(np.asarray(metric.result())).all()
        assert metric.name in task.scores
    assert {task.monitor, task.headline} <= set(task.scores)
    assert task.monitor in ("loss", *(metric.name for metric in metrics))
    assert not {id(metric) for metric in metrics} & {id(metric) for metric in task.metrics(WIDTH)}


def test_scores_are_those_declared_and_best_for_perfect_answers(task: Task) -> None:
    targets, labels = encoded(task)
    answers = perfect(task, targets)
    best, other = task.score(targets, answers, labels), task.score(targets, answers[::-1], labels)
    assert set(best.metrics) == set(task.scores)
    assert best.num_examples == ROWS
    for name, direction in task.scores.items():
        better, worse = (best, other) if direction == "max" else (other, best)
        assert better.metrics[name] > worse.metrics[name]
        assert 0 <= task.tolerance(name, best.metrics[name], ROWS) < 1
    assert task.findings(best) == []
    assert task.findings(other) != []
    json.dumps(best.to_dict())
    for section in task.sections(other):
        assert {len(row) for row in section.rows} == {len(section.columns)}


def test_mistakes_are_wrong_answers_or_do_not_exist(task: Task) -> None:
    targets, labels = encoded(task)
    assert not task.mistakes(targets, perfect(task, targets), labels, 5)
    mistakes = task.mistakes(targets, np.roll(perfect(task, targets), 1, axis=0), labels, 5)
    assert mistakes is None or (len(mistakes) == 5 and all(each.label != each.predicted for each in mistakes))


@given(outputs=OUTPUTS)
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", TASKS)
def test_the_graph_answers_as_python_does(name: str, outputs: np.ndarray) -> None:
    task = TASKS[name]
    _, labels = encoded(task)
    kind = task.output_kind(outputs)
    said = task.predictions(task.answers(outputs, kind), labels)
    found = {key: value.numpy() for key, value in task.graph_answers(tf.constant(outputs), kind, labels).items()}
    (numbers,) = (found[key] for key in ("probabilities", "values") if key in found)
    np.testing.assert_allclose(numbers, said.numbers, atol=1e-6)
    assert [label.decode() for label in found.get("labels", np.zeros(0)).tolist()] == said.labels
    assert len(said) == 8


def test_answers_have_a_csv_and_a_json_form(task: Task) -> None:
    targets, labels = encoded(task)
    said = task.predictions(perfect(task, targets), labels)
    header, rows = task.header(labels, WIDTH), task.cells(said)
    assert {len(row) for row in rows} == {len(header)}
    plain = json.loads(json.dumps(task.described(said, labels)))
    assert len(rows) == len(plain) == ROWS
    assert task.cells(task.predictions(perfect(task, targets)[:0], labels)) == []


def test_arguments_ask_for_one_output(task: Task) -> None:
    assert task.lacks({"num_classes": None, "num_outputs": 1, task.output_argument: 3}) is None
    others = {"num_classes", "num_outputs"} - {task.output_argument}
    assert task.lacks({**dict.fromkeys(others, 3), task.output_argument: None})


def test_unsupported_options_of_a_task_are_rejected(task: Task) -> None:
    targets, labels = encoded(task)
    if not task.has_labels:
        with pytest.raises(UsageError, match=f"`class_weight` is for classification only.*{task.name}"):
            task.class_weights("balanced", targets, labels)
        with pytest.raises(UsageError, match="Only classification has label smoothing"):
            task.loss(0.1)
    else:
        assert task.class_weights("balanced", targets, labels) == {0: 1.0, 1: 1.0, 2: 1.0}
