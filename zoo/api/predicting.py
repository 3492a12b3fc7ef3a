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

    No file is executed as code. TensorFlow is imported only if it is needed: for a run, and for an export's formats
    "saved_model" and "keras".

    Args:
        path: a directory, the name of a released model ("cnn@mnist", see `list_pretrained`), or a run.
        engine: "saved_model", "litert", "onnx" or "keras"; by default the fastest format of an export whose package is
            installed.

    Raises:
        ArtefactError: the path contains neither a run nor an export, or its files are damaged or cannot be downloaded.
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
            f"The path contains neither a run nor an export. Received: {path}. Pass a directory written by `zoo.train` or "
            f"`zoo.export`, or a released model: {', '.join(list_pretrained())}."
        )
    if engine not in (None, "keras"):
        raise UsageError(f"A run only supports engine='keras'. Received: engine={engine!r} for {path}. Export the run first.")
    return open_run(path).predictor


def predict(model: Run | str | os.PathLike[str], raw: Any, *, engine: str | None = None) -> Predictions:
    """Predict from raw input. For repeated predictions, use the Predictor that `load` returns: it loads the model once.

    Args:
        model: a run, the directory of a run or an export, or the name of a released model ("cnn@mnist").
        raw: one example or many; `Predictor.predict` lists what each kind of input accepts.
        engine: as in `load`; default None.

    Raises:
        ArtefactError: as in `load`.
        DataError: an example cannot be read, or there are no examples.
        UsageError: as in `load`.

    Example:
        >>> import numpy as np
        >>> predict("cnn@mnist", np.zeros((2, 28, 28), "uint8")).probabilities.shape
        (2, 10)
    """
    return load(model, engine=engine).predict(raw)
