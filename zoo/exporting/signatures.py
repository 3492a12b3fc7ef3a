"""Converts a model to TensorFlow functions from raw input to labels, probabilities and logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.artefacts.outputs import output_kind
from zoo.pipeline.info import DataInfo

Answers = dict[str, tf.Tensor]
Signature = Callable[..., Answers]


class Servable(tf.Module):
    """A model with its serving functions.

    Its `endpoints` take raw input: `text`, strings `(batch,)`; `image`, `(batch, height, width, channels)`, and under the
    signature "image_bytes" encoded PNG or JPEG files, strings `(batch,)`; a table's columns, each `(batch,)`, and under the
    signature "features" the float32 matrix `(batch, features)`. `encoded` takes the model's own input: token ids,
    images or features.

    The functions return `labels`, `(batch,)`; `probabilities` and `logits`, `(batch, num_classes)`, float32; for regression
    `values`, `(batch, num_outputs)`. A model that ends in a softmax has no `logits`.

    Args:
        model: trained model on one device.
        info: description of the training data.
        dtype: dtype of the raw examples.
    """

    def __init__(self, model: keras.Model, info: DataInfo, dtype: Any = np.uint8) -> None:
        super().__init__()
        self.model_name = model.name
        self.variables_of_model = [variable.value for variable in model.variables]  # Keras' variables are not tf.Variables
        kind, preprocessor = output_kind(model, info), info.preprocessor

        def answer(batch: tf.Tensor) -> Answers:
            return info.task.graph_answers(tf.cast(model(batch, training=False), tf.float32), kind, info.labels)

        def endpoint(spec: Any, encode: Callable[[Any], tf.Tensor]) -> Signature:
            signature: Signature = tf.function(lambda raw: answer(encode(raw)), input_signature=[spec])
            return signature

        self.model = model if preprocessor.takes_strings else None  # such a model has lookup tables to track
        self.twin = twin = preprocessor.twin(dtype)
        self.tables = twin.tables
        self.encoded = tf.function(answer, input_signature=[twin.spec])
        endpoints = {name: endpoint(spec, encode) for name, (spec, encode) in twin.raw.items()}
        endpoints.setdefault(preprocessor.signature, self.encoded)
        self.endpoints = endpoints  # assigned when complete, since tf.Module tracks the assigned object
