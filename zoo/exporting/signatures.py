"""A model as TensorFlow functions from raw input to labels, probabilities and logits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from zoo.artefacts.outputs import output_kind
from zoo.exporting.images import decode_images
from zoo.pipeline.info import DataInfo
from zoo.pipeline.tables import Column, TablePreprocessor
from zoo.pipeline.texts import TextPreprocessor
from zoo.tasks.answers import OutputKind
from zoo.text.graph import GraphTokenizer

Answers = dict[str, tf.Tensor]
Signature = Callable[..., Answers]


class Servable(tf.Module):
    """A model with the functions that serve it.

    Its `endpoints` take raw input: `text`, strings `(batch,)`; `image`, `(batch, height, width, channels)`, and under the
    signature "image_bytes" encoded PNG or JPEG files, strings `(batch,)`; a table's columns, each `(batch,)`, and under the
    signature "features" the float32 matrix `(batch, features)`. `encoded` takes what the model itself does: token ids,
    images or features.

    They give `labels`, `(batch,)`; `probabilities` and `logits`, `(batch, num_classes)`, float32; for regression `values`,
    `(batch, num_outputs)`. A model that ends in a softmax has no `logits`.

    Args:
        model: the trained model, of one device.
        info: of the data that it learned from.
        image_dtype: of the images in these data.
    """

    def __init__(self, model: keras.Model, info: DataInfo, image_dtype: tf.DType = tf.uint8) -> None:
        super().__init__()
        self.model_name = model.name
        self.variables_of_model = [variable.value for variable in model.variables]  # Keras' own are no tf.Variable
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
        if text is None:  # the model takes strings itself, and has tables of its own
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
        if dtype == tf.uint8:  # files hold 0..255, which a model that learned from other numbers would not know
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


def encode_texts(texts: tf.Tensor, tokenizer: GraphTokenizer, preprocessor: TextPreprocessor) -> tf.Tensor:
    """Return token ids as `TextPreprocessor` gives them.

    Args:
        texts: `(batch,)`, strings.
        tokenizer: in graph, of the preprocessor's vocabulary.
        preprocessor: how texts are cut and filled up.

    Returns:
        `(batch, time)`, int32, time at least 1.
    """
    ids = tokenizer(texts)
    length = preprocessor.max_length
    if preprocessor.truncation == "pre":
        ids = ids[:, -length:]
    else:
        head = length if preprocessor.truncation == "post" else (length + 1) // 2
        tail = length - head
        ids = tf.concat([ids[:, :head], ids[:, head:][:, -tail:]], axis=1) if tail else ids[:, :head]
    unknown = tf.RaggedTensor.from_row_lengths(
        tf.ones_like(ids.row_lengths(), tf.int32)[: tf.math.count_nonzero(ids.row_lengths() == 0)],
        tf.cast(ids.row_lengths() == 0, tf.int64),
    )
    ids = tf.concat([ids, unknown], axis=1)  # a text without a word is one unknown word
    shape = [None, length if preprocessor.fixed_length else None]
    if preprocessor.padding == "pre":
        return ids[:, ::-1].to_tensor(shape=shape)[:, ::-1]
    return ids.to_tensor(shape=shape)


def column_inputs(table: TablePreprocessor) -> dict[str, str]:
    """Return for each column the name of its tensor: the column's own, with `_` for what no tensor name may have."""
    names: dict[str, str] = {}
    for number, column in enumerate(table.columns):
        name = re.sub(r"[^A-Za-z0-9]+", "_", column.name).strip("_")
        if not name[:1].isalpha() or name == "self" or name in names.values():
            name = f"column_{number}_{name}".rstrip("_")
        names[column.name] = name
    return names


def encode_columns(columns: Mapping[str, tf.Tensor], table: TablePreprocessor) -> tf.Tensor:
    """Return features as `TablePreprocessor.transform` gives them.

    Args:
        columns: by the names of `column_inputs`, each `(batch,)`: float32 with NaN for a missing number, or strings with ""
            for a missing category.
        table: the columns that were fitted.

    Returns:
        `(batch, features)`, float32.
    """
    names = column_inputs(table)
    return tf.concat([_features(columns[names[column.name]], column) for column in table.columns if column.features], axis=1)


def _features(values: tf.Tensor, column: Column) -> tf.Tensor:
    values = values[:, tf.newaxis]
    if column.kind == "category":
        return tf.cast(values == tf.constant([column.categories]), tf.float32)
    is_missing = tf.math.is_nan(values)
    numbers = tf.where(is_missing, tf.constant(column.fill, tf.float32), values)
    return tf.concat([numbers, tf.cast(is_missing, tf.float32)], axis=1) if column.has_missing else numbers


def example_request(info: DataInfo, image_dtype: tf.DType = tf.uint8) -> dict[str, dict[str, Any]]:
    """Return a request of one example, made up, for each signature: tensors by name."""
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
