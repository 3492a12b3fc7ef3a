"""`zoo.load` and `zoo.predict`: raw input in, labels and probabilities out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zoo.errors import ArtefactError, UsageError

if TYPE_CHECKING:
    from zoo.artefacts.predictor import Predictor
    from zoo.artefacts.run import Run
    from zoo.tasks.answers import Predictions


def load(path: Run | str | os.PathLike[str], *, engine: str | None = None) -> Predictor:
    """Return a Predictor for a run, an export or a released model: raw input in, labels and probabilities out.

    Nothing in the files is run as code. TensorFlow is imported only if it is needed: for a run, and for an export's formats
    "saved_model" and "keras".

    Args:
        path: a directory, the name of a released model ("cnn@mnist", see `list_pretrained`), or a run.
        engine: "saved_model", "litert", "onnx" or "keras"; by default the fastest format of an export whose package is
            installed.

    Raises:
        ArtefactError: there is neither a run nor an export, it is damaged, or it cannot be fetched.
        UsageError: there is no such released model or format, or its package is not installed.

    Example:
        >>> import numpy as np
        >>> load("cnn@mnist").predict(np.zeros((28, 28), "uint8")).probabilities.shape
        (1, 10)
    """
    from zoo.artefacts.export import Export, is_export
    from zoo.artefacts.released import directory_of, list_pretrained

    place: Any = getattr(path, "directory", path)
    directory = directory_of(place)
    if is_export(directory):
        return Export.open(directory).predictor(engine)
    from zoo.artefacts.run import RUN_FILE, open_run

    if not (directory / RUN_FILE).is_file():
        raise ArtefactError(
            f"Neither a run nor an export is here. Received: {path}. Pass a directory of `zoo.train` or `zoo.export`, or "
            f"a released model: {', '.join(list_pretrained())}."
        )
    if engine not in (None, "keras"):
        raise UsageError(f"A run has only its Keras model. Received: engine={engine!r} for {path}. Export it first.")
    return open_run(path).predictor


def predict(model: Run | str | os.PathLike[str], raw: Any, *, engine: str | None = None) -> Predictions:
    """Return predictions for raw input in one line; to predict again and again, keep the Predictor that `load` returns.

    Args:
        model: a run, the directory of a run or an export, or the name of a released model ("cnn@mnist").
        raw: one example or many; `Predictor.predict` lists what each kind of input accepts.
        engine: as in `load`; default None.

    Raises:
        ArtefactError: as in `load`.
        DataError: an example cannot be read, or there are none.
        UsageError: as in `load`.

    Example:
        >>> import numpy as np
        >>> predict("cnn@mnist", np.zeros((2, 28, 28), "uint8")).probabilities.shape
        (2, 10)
    """
    return load(model, engine=engine).predict(raw)
