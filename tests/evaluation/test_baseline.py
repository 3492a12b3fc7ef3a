"""The baseline equals plain scikit-learn on the same words, and fits all kinds of texts."""

from __future__ import annotations

import re
import string
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import zoo
from zoo.errors import DataError, UsageError

RANDOM = np.random.default_rng(0)
ENGLISH = ["good", "bad", "film", "plot", "Not", "very", "dull", "fine", "actor", "scene"]
CHINESE = [*"很好差电影不太演员情节"]


def made(words: list[str], joined: str, count: int = 300) -> tuple[list[str], list[str]]:
    """Texts of random words; the first word determines the label of nine tenths of them."""
    chosen = RANDOM.integers(0, len(words), (count, 7))
    texts = [joined.join(words[number] for number in row) + f", {number}!" for number, row in enumerate(chosen)]
    noisy = RANDOM.random(count) < 0.1
    return texts, np.array(["low", "mid", "top"])[np.where(noisy, chosen[:, 1], chosen[:, 0]) % 3].tolist()


def twin(data: zoo.Splits, part: str, split: Any) -> np.ndarray:
    """Return the probabilities of the same baseline in plain scikit-learn."""
    vectorizer = TfidfVectorizer(tokenizer=split, token_pattern=None, lowercase=True, ngram_range=(1, 2), sublinear_tf=True)
    train = vectorizer.fit_transform(data.texts("train"))
    model = LogisticRegression(C=10, max_iter=1000).fit(train, data.targets("train"))
    return model.predict_proba(vectorizer.transform(data.texts(part)))


def split_english(text: str) -> list[str]:
    return text.translate(str.maketrans(dict.fromkeys(string.punctuation.replace("'", ""), " "))).split()


def split_chinese(text: str) -> list[str]:
    return re.findall(r"[\u4e00-\u9fff]|[0-9]+", text)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize(
    ("words", "joined", "split"), [(ENGLISH, " ", split_english), (CHINESE, "", split_chinese)], ids=["english", "chinese"]
)
def test_scores_equal_scikit_learns_on_words_and_pairs(words: list[str], joined: str, split: Any, part: Any) -> None:
    data = zoo.load_data(made(words, joined))
    found = zoo.baseline(data, split=part)
    probabilities, truth = twin(data, part, split), data.targets(part)
    predicted = probabilities.argmax(axis=1)
    assert found.metrics["accuracy"] == metrics.accuracy_score(truth, predicted)
    assert found.metrics["macro_f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert found.metrics["loss"] == pytest.approx(metrics.log_loss(truth, probabilities), rel=1e-3)  # float32 features
    assert (found.name, found.num_train) == ("tfidf_logistic", len(data.targets("train")))
    assert found.evaluation.num_examples == len(truth)
    assert set(found.to_dict()) == {"name", *found.metrics, "num_train", "seconds"}


def test_a_path_arrays_and_their_splits_give_the_same_scores() -> None:
    texts, labels = made(ENGLISH, " ", 60)
    assert zoo.baseline((texts, labels)).metrics == zoo.baseline(zoo.load_data((texts, labels))).metrics
    raw = zoo.load_data((texts, labels), raw=True)
    assert zoo.baseline(raw).metrics == zoo.baseline((texts, labels)).metrics
    assert zoo.baseline((texts, labels), data_arguments={"min_frequency": 3}).metrics == zoo.baseline((texts, labels)).metrics


def test_the_baseline_follows_the_datas_setting_for_case() -> None:
    texts = ["GOOD film", "good film"] * 20
    numbered = [f"{text} {number}" for number, text in enumerate(texts)]
    assert zoo.baseline((numbered, ["a", "b"] * 20), data_arguments={"lower": False}).metrics["accuracy"] == 1
    assert zoo.baseline((numbered, ["a", "b"] * 20)).metrics["accuracy"] < 1


def test_a_class_without_a_training_row_gets_probability_0() -> None:
    parts = {
        "train": (["good one", "good two", "bad one", "bad two"], ["x", "x", "z", "z"]),
        "validation": (["good three"], ["x"]),
        "test": (["good four", "new five", "bad six"], ["x", "y", "z"]),
    }
    found = zoo.baseline(parts)
    assert found.evaluation.confusion[0] == (1, 0, 0)
    assert found.evaluation.confusion[2] == (0, 0, 1)
    assert found.evaluation.per_class["y"]["recall"] == 0
    assert np.isfinite(found.metrics["loss"])


def test_a_thousand_texts_without_common_words_are_fitted() -> None:
    texts = [f"word{number}" for number in range(1500)]
    assert zoo.baseline((texts, [0, 1] * 750)).num_train == 1050


@pytest.mark.parametrize(
    ("data", "arguments", "error", "words"),
    [
        ("digits", {}, UsageError, "The baseline is for texts. Received: 'digits', image_classification. Pass text"),
        ("iris", {}, UsageError, "The baseline is for texts. Received: 'iris'"),
        ((np.zeros((20, 4, 4)), np.arange(20) % 2), {}, UsageError, "is for texts. Received: images"),
        (made(ENGLISH, " ", 30), {"split": "tset"}, UsageError, "'train', 'validation' or 'test'. Received: 'tset'"),
        (
            (["!" * number for number in range(1, 31)], [0, 1] * 15),
            {"data_arguments": {"raw": True}},
            DataError,
            "texts have no words.*real texts",
        ),
        (
            {"train": (["a b", "c d"], ["x", "x"]), "validation": (["c"], ["y"]), "test": (["d"], ["y"])},
            {},
            DataError,
            "training part needs at least two classes. Received: only 'x'",
        ),
    ],
    ids=["digits", "iris", "images", "part", "no-words", "one-class"],
)
def test_data_without_a_baseline_are_rejected(data: Any, arguments: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        zoo.baseline(data, **arguments)
