"""The baseline for texts: logistic regression on TF-IDF of words and word pairs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.inputs import find_input
from zoo.pipeline.splits import Splits
from zoo.tasks import TASKS
from zoo.tasks.answers import Evaluation
from zoo.text import Tokenizer
from zoo.text.characters import valid_text
from zoo.text.words import split_words

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

NAME = "tfidf_logistic"
# Validation scores with 1 / 10 / 30: IMDB 90.0 / 91.3 / 91.6 %, SST-2 78.5 / 81.7 / 80.8 %, ChnSentiCorp 89.6 / 92.1 / 91.9 %.
INVERSE_PENALTY = 10.0
MAX_ROWS = 50_000  # maximum number of training rows, which bounds memory
MANY_ROWS = 1_000  # from this number of rows on, words and pairs that occur in only one text are ignored


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline and its scores.

    Args:
        name: name of the baseline, "tfidf_logistic".
        evaluation: scores on the selected part.
        num_train: number of training rows that were used.
        seconds: fitting time.
        pipeline: scikit-learn pipeline from raw texts to class numbers.
    """

    name: str
    evaluation: Evaluation
    num_train: int
    seconds: float
    pipeline: Pipeline

    @property
    def metrics(self) -> dict[str, float]:
        """The scores, named as in `zoo.evaluate`."""
        return dict(self.evaluation.metrics)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {"name": self.name, **self.metrics, "num_train": self.num_train, "seconds": self.seconds}


def has_texts(data: Splits) -> bool:
    """Return whether these data are texts."""
    return data.info.kind.is_plain_text


def task_of_texts() -> str:
    """Return the first task on plain text, for reading files and arrays."""
    return next(task.name for task in TASKS.values() if find_input(task.input).is_plain_text)


def fit_baseline(data: Splits, part: str) -> Baseline:
    """Fit TF-IDF and logistic regression on the training texts, and score them on a part.

    Args:
        data: texts with labels.
        part: name of the part, such as "validation" or "test".

    Raises:
        UsageError: the data are not texts.
        DataError: the training texts have no words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if not has_texts(data):
        raise UsageError(f"The baseline is for texts. Received: {data.info.name!r}, {data.info.task_name}. Pass text data.")
    started = time.perf_counter()
    targets = data.targets("train")
    is_used = np.zeros(len(targets), bool)
    is_used[np.linspace(0, len(targets) - 1, min(len(targets), MAX_ROWS)).astype(np.int64)] = True
    targets = targets[is_used]
    tokenizer = data.info.preprocessor.tokenizer or Tokenizer()

    def words_and_pairs(text: str) -> list[str]:
        words = split_words(valid_text(text), tokenizer.filters, tokenizer.lower, tokenizer.split)
        return [*words, *map(" ".join, pairwise(words))]

    for min_df in (2, 1) if len(targets) >= MANY_ROWS else (1,):
        vectorizer = TfidfVectorizer(analyzer=words_and_pairs, sublinear_tf=True, min_df=min_df, dtype=np.float32)
        try:
            features = vectorizer.fit_transform(compress(data.texts("train"), is_used))
            break
        except ValueError as error:  # no words, or none that occurs in two texts
            problem = error
    else:
        raise DataError(f"The training texts have no words. Received: {data.info.name!r}. Pass real texts.") from problem
    classifier = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(features, targets)
    pipeline = make_pipeline(vectorizer, classifier)
    seconds = time.perf_counter() - started
    found = pipeline.predict_proba(data.texts(part))
    probabilities = np.zeros((len(found), len(data.info.labels)), np.float32)
    probabilities[:, pipeline.classes_] = found  # classes without training rows keep 0
    evaluation = data.info.task.score(data.targets(part), probabilities, data.info.labels)
    return Baseline(NAME, evaluation, len(targets), seconds, pipeline)
