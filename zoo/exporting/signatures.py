"""A model as TensorFlow functions from raw input to labels, probabilities and logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from zoo.artefacts.outputs import output_kind
from zoo.inputs.image.graph import decode_images
from zoo.inputs.table.graph import column_inputs, encode_columns
from zoo.inputs.table.preprocessor import TablePreprocessor
from zoo.inputs.text.graph import encode_texts
from zoo.inputs.text.preprocessor import TextPreprocessor
from zoo.pipeline.info import DataInfo
from zoo.tasks.answers import OutputKind
from zoo.text.graph import GraphTokenizer

Answers = dict[str, tf.Tensor]
Signature = Callable[..., Answers]


class Servable(tf.Module):
    """A model with its serving functions.

    Its `endpoints` take raw input: `text`, strings `(batch,)`; `image`, `(batch, height, width, channels)`, and under the
    signature "image_bytes" encoded PNG or JPEG files, strings `(batch,)`; a table's columns, each `(batch,)`, and under the
    signature "features" the float32 matrix `(batch, features)`. `encoded` takes the model's own input: token ids,
    images or features.

    They return `labels`, `(batch,)`; `probabilities` and `logits`, `(batch, num_classes)`, float32; for regression `values`,
    `(batch, num_outputs)`. A model that ends in a softmax has no `logits`.

    Args:
        model: trained model on one device.
        info: description of the training data.
        image_dtype: dtype of the training images; default `tf.uint8`.
    """

    def __init__(self, model: keras.Model, info: DataInfo, image_dtype: tf.DType = tf.uint8) -> None:
        super().__init__()
        self.model_name = model.name
        self.variables_of_model = [variable.value for variable in model.variables]  # Keras' own are not tf.Variable
        self._answer = _answering(model, info, output_kind(model, info))
        self.endpoints: dict[str, Signature] = {}
        if info.task.input_name == "text":
            self._add_text(model, info.text)
        elif info.table is not None:
            self._add_table(info.table)
        else:
            self._add_image(info.image_shape, image_dtype)

    def _add_text(self, model: keras.Model, text: TextPreprocessor | None) -> None:
        strings = tf.TensorSpec((None,), tf.string, "text")
        if text is None:  # the model takes strings itself and has its own tables
            self.model = model
            self.encoded = tf.function(self._answer, input_signature=[strings])
            self.endpoints["serving_default"] = self.encoded
            return
        self.tokenizer = GraphTokenizer(text.tokenizer)
        ids = tf.TensorSpec((None, None), tf.int32, "token_ids")
        self.encoded = tf.function(self._answer, input_signature=[ids])
        self.endpoints["serving_default"] = tf.function(
            lambda texts: self._answer(encode_texts(texts, self.tokenizer, text)), input_signature=[strings]
        )

    def _add_image(self, shape: tuple[int, int, int], dtype: tf.DType) -> None:
        images = tf.TensorSpec((None, *shape), dtype, "image")
        self.encoded = tf.function(self._answer, input_signature=[images])
        self.endpoints["serving_default"] = self.encoded
        if dtype == tf.uint8:  # files hold 0..255, which does not suit a model trained on other numbers
            files = tf.TensorSpec((None,), tf.string, "image_bytes")
            self.endpoints["image_bytes"] = tf.function(
                lambda encoded: self._answer(decode_images(encoded, shape)), input_signature=[files]
            )

    def _add_table(self, table: TablePreprocessor) -> None:
        features = tf.TensorSpec((None, len(table.feature_names)), tf.float32, "features")
        self.encoded = tf.function(self._answer, input_signature=[features])
        names = column_inputs(table)
        columns = {
            names[column.name]: tf.TensorSpec((None,), tf.float32 if column.kind == "number" else tf.string, names[column.name])
            for column in table.columns
        }
        self.endpoints["serving_default"] = tf.function(
            lambda columns: self._answer(encode_columns(columns, table)), input_signature=[columns]
        )
        self.endpoints["features"] = self.encoded


def _answering(model: keras.Model, info: DataInfo, kind: OutputKind) -> Callable[[tf.Tensor], Answers]:
    def answer(batch: tf.Tensor) -> Answers:
        return info.task.graph_answers(tf.cast(model(batch, training=False), tf.float32), kind, info.labels)

    return answer


def example_request(info: DataInfo, image_dtype: tf.DType = tf.uint8) -> dict[str, dict[str, Any]]:
    """Return an artificial request with one example for each signature: tensors by name."""
    if info.task.input_name == "text":
        words = [] if info.text is None else [word for word in info.text.tokenizer.word_index if word != "<unk>"][:20]
        return {"serving_default": {"text": tf.constant([" ".join(words) or "text"])}}
    if info.table is not None:
        names = column_inputs(info.table)
        columns = {
            names[column.name]: tf.constant([column.fill if column.kind == "number" else next(iter(column.categories), "")])
            for column in info.table.columns
        }
        return {"serving_default": columns, "features": {"features": tf.constant(info.example_batch(1))}}
    image = tf.cast(info.example_batch(1), image_dtype)
    request = {"serving_default": {"image": image}}
    if image_dtype == tf.uint8:
        request["image_bytes"] = {"image_bytes": tf.io.encode_png(image[0])[tf.newaxis]}
    return request
