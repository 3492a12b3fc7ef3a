"""The report shows the worst mistakes, with their original examples."""

from __future__ import annotations

import numpy as np

import zoo
from zoo.evaluation.mistakes import worst_mistakes


def probabilities_for(truth: np.ndarray, num_classes: int, wrong: dict[int, float]) -> np.ndarray:
    """Return confident, correct probabilities, except in some rows, where the next class gets this probability."""
    found = np.eye(num_classes)[truth]
    for row, share in wrong.items():
        found[row] = 0
        found[row, truth[row]], found[row, (truth[row] + 1) % num_classes] = 1 - share, share
    return found


def test_images_come_worst_first_with_their_labels() -> None:
    data = zoo.load_data("digits", batch_size=50)
    images, labels = (np.concatenate(parts) for parts in zip(*data.test.as_numpy_iterator(), strict=True))
    wrong = {7: 0.9, 120: 0.99, 201: 0.6, 33: 0.8}
    found = worst_mistakes(data, "test", labels, probabilities_for(labels, 10, wrong), most=3)
    assert [mistake.row for mistake in found] == [120, 7, 33]
    assert [mistake.probability for mistake in found] == [0.99, 0.9, 0.8]
    for mistake in found:
        assert mistake.label == str(data.info.labels[labels[mistake.row]])
        assert mistake.predicted == str(data.info.labels[(labels[mistake.row] + 1) % 10])
        np.testing.assert_array_equal(mistake.example, images[mistake.row])


def test_texts_are_raw_and_rows_have_their_columns() -> None:
    texts = [f"text number {number}, {'good' if number % 2 else 'bad'}" for number in range(60)]
    data = zoo.load_data((texts, np.arange(60) % 2), task="text_classification")
    truth = data.targets("test")
    (mistake,) = worst_mistakes(data, "test", truth, probabilities_for(truth, 2, {4: 0.7}))
    assert mistake.example == list(data.texts("test"))[4]
    table = zoo.load_data("iris")
    truth = table.targets("test")
    (mistake,) = worst_mistakes(table, "test", truth, probabilities_for(truth, 3, {2: 0.7}))
    assert list(mistake.example) == table.info.preprocessor.feature_names


def test_perfect_predictions_have_no_mistakes() -> None:
    data = zoo.load_data("iris")
    truth = data.targets("test")
    assert worst_mistakes(data, "test", truth, np.eye(3)[truth]) == []
