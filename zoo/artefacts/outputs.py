"""Converts a Keras model's raw outputs to probabilities or values, for any last layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from zoo.artefacts.engines import Engine
from zoo.errors import UsageError
from zoo.pipeline.info import DataInfo
from zoo.tasks.answers import OutputKind

if TYPE_CHECKING:
    import keras


def output_kind(model: keras.Model, info: DataInfo) -> OutputKind:
    """Return the kind of a model's outputs: zoo's models return logits; a user's model may end in a softmax.

    Raises:
        UsageError: the model's output does not fit the data.
    """
    shape = output_shape(model, info)
    if not (isinstance(shape, tuple) and len(shape) == 2 and shape[1] == info.num_outputs):
        raise UsageError(
            f"The model's output does not fit the data. Received: output shape {shape}; accepted: "
            f"(None, {info.num_outputs}), one for each {info.task.output_noun}. Change the last layer."
        )
    return info.task.output_kind(np.asarray(model(info.example_batch(8), training=False), np.float32))


def output_shape(model: keras.Model, info: DataInfo) -> Any:
    """Return the shape of a model's output, with None for the batch; a subclassed model must predict to find it."""
    outputs = getattr(model, "output", None)
    if isinstance(outputs, dict):  # for a single output, Keras reports its shape directly
        return f"a dictionary of {[*outputs]}"
    try:
        return model.output_shape
    except AttributeError:
        answer = model(info.example_batch(1), training=False)
        return (None, *answer.shape[1:]) if hasattr(answer, "shape") else type(answer).__name__


class Outputs(Engine):
    """The engine "keras": runs a `keras.Model` on batches and returns probabilities or values as float32 arrays."""

    name = "keras"

    def __init__(self, model: keras.Model, info: DataInfo) -> None:
        self._kind, self._task = output_kind(model, info), info.task
        # One trace for batches of any size. Under a strategy, Keras' `predict_on_batch` would predict the whole batch on
        # each device.
        self._model = model  # the function only has weak references to its variables
        self._spec = info.preprocessor.spec()
        self.input_shape = tuple(self._spec.shape[1:])
        self.outputs = ["values" if self._kind == "values" else "probabilities"]
        self.num_outputs = info.num_outputs
        self._run = tf.function(lambda batch: model(batch, training=False)).get_concrete_function(self._spec)

    def run(self, batch: np.ndarray, outputs: Sequence[str]) -> Mapping[str, np.ndarray]:
        """Return the only output by its name."""
        found = np.asarray(self._run(tf.cast(batch, self._spec.dtype)), np.float32)
        return {name: self._task.answers(found, self._kind) for name in outputs}
