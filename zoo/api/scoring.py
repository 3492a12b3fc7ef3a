"""`zoo.evaluate` and `zoo.baseline`: scores of a trained model and of a baseline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, get_args

from zoo import registry
from zoo.api.old_keywords import explains_data_arguments
from zoo.artefacts.loading import data_like, is_splits, load_splits, own_data
from zoo.errors import UsageError
from zoo.keywords import PartName
from zoo.settings import data_arguments as checked

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.run import Run
    from zoo.evaluation.baseline import Baseline
    from zoo.keywords import DataKeywords
    from zoo.tasks.answers import Evaluation


@explains_data_arguments
def evaluate(
    model: Run | str | os.PathLike[str] | keras.Model,
    data: Any = None,
    *,
    split: PartName = "test",
    data_arguments: DataKeywords | None = None,
) -> Evaluation:
    """Score a trained model.

    Args:
        model: a run, its directory, a released model's name, or a `keras.Model`.
        data: anything that `load_data` accepts; required for a `keras.Model`. By default, a run is scored on the data
            that it was trained on. Other data are read in the same way: the `test` part, or everything if there are no parts.
        split: the part to score on: "train", "validation" or "test"; default "test".
        data_arguments: arguments of `load_data` for `data`; default None.

    Raises:
        UsageError: there is no such part, or a `keras.Model` is passed without data.
        ArtefactError: the run cannot be opened.
        DataError: the data cannot be read, or do not fit the model.
    """
    from zoo.artefacts.run import find_run
    from zoo.evaluation.scores import score
    from zoo.training.compile import check_fits

    _check_split(split)
    run = find_run(model)
    if run is not None:
        if data is None:
            return score(run.model, own_data(run), split)
        return score(run.model, *data_like(run, data, data_arguments, split))
    if data is None:
        raise UsageError("Scoring a keras.Model needs data. Received: none. Pass data=.")
    splits = load_splits(data, checked(data_arguments or {}))
    check_fits(model, splits.info)
    return score(model, splits, split)


@explains_data_arguments
def baseline(data: Any, *, split: PartName = "test", data_arguments: DataKeywords | None = None) -> Baseline:
    """Fit TF-IDF and logistic regression on texts, and score them: the baseline that a network has to beat.

    Args:
        data: texts, as anything that `load_data` accepts.
        split: the part to score on: "train", "validation" or "test"; default "test".
        data_arguments: arguments of `load_data`; default None.

    Raises:
        UsageError: the data are not texts.
        DataError: the data cannot be read.

    Example:
        >>> baseline("reviews_sample", split="validation").name
        'tfidf_logistic'
    """
    from zoo.evaluation.baseline import fit_baseline, task_of_texts

    _check_split(split)
    is_ready = is_splits(data) or (isinstance(data, str) and registry.find_dataset(data) is not None)
    splits = load_splits(data, checked(data_arguments or {}), task=None if is_ready else task_of_texts())
    return fit_baseline(splits, split)


def _check_split(split: str) -> None:
    if split not in get_args(PartName):
        raise UsageError(f"`split` must be 'train', 'validation' or 'test'. Received: {split!r}.")
