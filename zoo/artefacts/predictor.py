"""The Predictor: raw input in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.artefacts.engines import Engine
from zoo.errors import ArtefactError, DataError, one_line
from zoo.pipeline.info import DataInfo
from zoo.tasks.answers import Predictions

if TYPE_CHECKING:
    import keras

    from zoo.targets import Label


class Predictor:
    """A trained model with everything that is needed to predict from raw input.

    Args:
        model: trained `keras.Model`, or the engine of an exported one.
        info: facts about the training data.
        card: facts about the model, as plain data; default None.
    """

    def __init__(self, model: keras.Model | Engine, info: DataInfo, card: Mapping[str, Any] | None = None) -> None:
        self.info = info
        self._card = dict(card or {})
        if not isinstance(model, Engine):
            from zoo.artefacts.outputs import Outputs

            model = Outputs(model, info)
        self._engine: Engine = model

    @property
    def labels(self) -> tuple[Label, ...]:
        """The class names, in the order of the probabilities; empty for regression."""
        return self.info.labels

    @property
    def engine(self) -> str:
        """The engine of the model: "keras", "saved_model", "onnx" or "litert"."""
        return self._engine.name

    @property
    def card(self) -> dict[str, Any]:
        """Facts about the model as plain data: task, labels and data; name, settings, scores and versions of its run."""
        facts = {"task": self.info.task_name, "labels": list(self.labels), "data": self.info.name, "engine": self.engine}
        return {**self._card, **facts}

    def predict(self, raw: Any) -> Predictions:
        """Return predictions for one example or many.

        Args:
            raw: for texts, a string, or a list, array or Series of strings; for images, a path, an array `(height, width[,
                channels])` of any size, a Pillow image, or a list or batch of these; for tables, a DataFrame, a mapping from
                columns to values or lists, or an array `(rows, columns)`.

        Raises:
            DataError: a text is not a string, an image cannot be read, a column is missing, or there is nothing to predict.
            ArtefactError: the engine fails, for example because it runs out of memory.

        Example:
            >>> import numpy as np, zoo
            >>> run = zoo.train("linear", data="iris", epochs=1, out=directory, verbose=0)
            >>> zoo.load(directory).predict(np.array([[5.1, 3.5, 1.4, 0.2]])).probabilities.shape
            (1, 3)
        """
        engine = self._engine
        order, batches = self.info.preprocessor.batches(raw, takes_strings=engine.takes_strings, dtype=engine.dtype)
        outputs = [self._answers(batch) for batch in batches]
        if not outputs:
            raise DataError("There is nothing to predict. Received: no examples. Pass at least one.")
        answers = outputs[0] if len(outputs) == 1 else np.concatenate(outputs)
        return self.info.task.predictions(answers if order is None else answers[np.argsort(order)], self.labels)

    def no_predictions(self) -> Predictions:
        """Return empty predictions."""
        return self.info.task.predictions(np.zeros((0, self.info.num_outputs), np.float32), self.labels)

    def _answers(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self._engine.of(batch)
        except Exception as error:  # each engine raises its own type
            raise ArtefactError(
                f"The model cannot predict: {one_line(error)}. Received: a batch of shape {batch.shape} for {self.engine!r}. "
                "Pass fewer or smaller examples; if every example fails, train or export again."
            ) from error
