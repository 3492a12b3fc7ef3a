"""What comes after training: scores, comparisons, predictions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from zoo import registry
from zoo.api.reading import load_data, own_data, read
from zoo.errors import ArtefactError, DataError, UsageError

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.predictor import Predictor
    from zoo.artefacts.run import Run
    from zoo.evaluation.baseline import Baseline
    from zoo.evaluation.comparison import Comparison
    from zoo.pipeline.splits import Splits
    from zoo.tasks.answers import Evaluation

PartName = Literal["train", "validation", "test"]


def evaluate(
    model: Run | str | os.PathLike[str] | keras.Model, data: Any = None, *, split: PartName = "test", **arguments: Any
) -> Evaluation:
    """Score a trained model.

    Args:
        model: a run, its directory, or a `keras.Model`.
        data: anything that `load_data` takes. A run is scored by default on the data that it learned from; other data are
            read as its own were: their `test` part, or all of them where there are no parts. A `keras.Model` needs data.
        split: "train", "validation" or "test"; of a run's own data, of Splits, or of data that come in parts.
        **arguments: arguments of `load_data` for other data.

    Raises:
        UsageError: there is no such part, or a `keras.Model` came without data.
        ArtefactError: the run cannot be opened.
        DataError: the data cannot be read, or do not fit the model.
    """
    from zoo.artefacts.run import Run
    from zoo.evaluation.scores import score
    from zoo.training.compile import check_fits

    if split not in ("train", "validation", "test"):
        raise UsageError(f"`split` is 'train', 'validation' or 'test'. Received: {split!r}.")
    if not isinstance(model, Run | str | os.PathLike):
        if data is None:
            raise UsageError("A keras.Model is scored on data. Received: none. Give data=.")
        splits = load_data(data, **arguments)
        check_fits(model, splits.info)
        return score(model, splits, split)
    run = model if isinstance(model, Run) else Run.open(model)
    if data is None:
        return score(run.model, own_data(run), split)
    return score(run.model, *data_like(run, data, split, arguments))


def data_like(run: Run, data: Any, split: PartName, arguments: Mapping[str, Any]) -> tuple[Splits, PartName]:
    """Return other data, read as a run's own were, and the part of them that is meant.

    Args:
        run: that they are for.
        data: anything that `load_data` takes.
        split: the part; "test" is all of them where there are no parts.
        arguments: of `load_data`.

    Raises:
        UsageError: there is no such part.
        DataError: the data cannot be read, or do not fit the run.
    """
    from zoo.pipeline.prepare import prepare_like
    from zoo.pipeline.splits import Splits

    if isinstance(data, Splits):
        if not data.info.is_read_like(run.info):
            raise DataError(
                f"These Splits do not fit the run. Received: labels {data.info.labels}, shape {data.info.input_shape}; the run "
                f"has {run.info.labels}, {run.info.input_shape}. Give the data themselves; they are then read as the run's."
            )
        return data, split
    if run.info.task.input_name == "image":
        arguments = {"image_size": run.info.input_shape[:2], "channels": run.info.input_shape[2], **arguments}
    reading = run.info.reading_arguments(arguments)
    examples, _ = read(data, reading, run.info.task_name)
    part = split if split in examples.parts else None
    if part is None and split != "test":
        raise UsageError(f"These data have no part {split!r}. Received: parts {[*examples.parts]}. Leave split= out.")
    return prepare_like(examples, run.info, reading, part=part, batch_size=256), "test"


def baseline(data: Any, *, split: PartName = "test", **arguments: Any) -> Baseline:
    """Fit TF-IDF and logistic regression on texts, and score them: what a network has to beat.

    Args:
        data: texts, as anything that `load_data` takes.
        split: the part to score on: "train", "validation" or "test".
        **arguments: arguments of `load_data`.

    Raises:
        UsageError: the data are no texts.
        DataError: the data cannot be read.

    Example:
        >>> baseline("reviews_sample", split="validation").name
        'tfidf_logistic'
    """
    from zoo.evaluation.baseline import fit_baseline
    from zoo.pipeline.splits import Splits

    if split not in ("train", "validation", "test"):
        raise UsageError(f"`split` is 'train', 'validation' or 'test'. Received: {split!r}.")
    if not isinstance(data, Splits):
        registered = registry.find_dataset(data) if isinstance(data, str) else None
        data = load_data(data, task=None if registered else "text_classification", **arguments)
    return fit_baseline(data, split)


def compare(*runs: Run | str | os.PathLike[str]) -> Comparison:
    """Set finished runs side by side: scores, times, differing settings, and a plot of their validation curves.

    Args:
        *runs: runs, or their directories; two or more of one kind of task.

    Raises:
        UsageError: there are fewer than two, one did not finish, or they are of different kinds.
        ArtefactError: a run cannot be opened.

    Example:
        >>> import zoo
        >>> run = zoo.train("linear", data="iris", epochs=1, out=directory, verbose=0)
        >>> compare(run, run).differences
        {}
    """
    from zoo.artefacts.run import Run
    from zoo.evaluation.comparison import compare_runs

    return compare_runs([run if isinstance(run, Run) else Run.open(run) for run in runs])


def load(path: str | os.PathLike[str], *, engine: str | None = None) -> Predictor:
    """Return a Predictor for a run, an export or a released model: raw input in, labels and probabilities out.

    Nothing in the files is run as code. TensorFlow is only imported for what needs it: a run, or an export's formats
    "saved_model" and "keras".

    Args:
        path: the directory; or the name of a released model, "cnn@mnist", see `list_pretrained`.
        engine: "saved_model", "litert", "onnx" or "keras"; by default the fastest of an export whose package is installed.

    Raises:
        ArtefactError: there is no run and no export, it is damaged, or it cannot be fetched.
        UsageError: there is no such released model, no such format in it, or its package is not installed.

    Example:
        >>> import numpy as np
        >>> load("cnn@mnist").predict(np.zeros((28, 28), "uint8")).probabilities.shape
        (1, 10)
    """
    from zoo.artefacts.export import Export, is_export
    from zoo.artefacts.released import directory_of, list_pretrained

    directory = directory_of(path)
    if is_export(directory):
        return Export.open(directory).predictor(engine)
    from zoo.artefacts.run import RUN_FILE, Run

    if not (directory / RUN_FILE).is_file():
        raise ArtefactError(
            f"Neither a run nor an export is here. Received: {path}. Give the directory that `zoo.train` or `zoo.export` made, "
            f"or a released model: {', '.join(list_pretrained())}."
        )
    if engine not in (None, "keras"):
        raise UsageError(f"A run has its Keras model only. Received: engine={engine!r} for {path}. Export it first.")
    return Run.open(directory).predictor
