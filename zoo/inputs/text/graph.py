"""Converts texts to token ids inside a TensorFlow graph, as `TextPreprocessor` does in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from zoo.inputs.kind import Twin
from zoo.text.graph import GraphTokenizer

if TYPE_CHECKING:
    from zoo.inputs.text.preprocessor import TextPreprocessor

STRINGS = tf.TensorSpec((None,), tf.string, "text")


def twin(preprocessor: TextPreprocessor) -> Twin:
    """Return a preprocessor's steps as TensorFlow functions."""
    tokenizer = GraphTokenizer(preprocessor.tokenizer)
    words = [word for word in preprocessor.tokenizer.word_index if word != "<unk>"][:20]
    return Twin(
        tf.TensorSpec((None, None), tf.int32, "token_ids"),
        {preprocessor.signature: (STRINGS, lambda texts: encode_texts(texts, tokenizer, preprocessor))},
        {preprocessor.signature: {"text": tf.constant([" ".join(words) or "text"])}},
        tokenizer,
    )


def twin_of_strings(signature: str) -> Twin:
    """Return the twin for a model that takes strings, which needs no conversion."""
    return Twin(STRINGS, {}, {signature: {"text": tf.constant(["text"])}})


def encode_texts(texts: tf.Tensor, tokenizer: GraphTokenizer, preprocessor: TextPreprocessor) -> tf.Tensor:
    """Return the same token ids as `TextPreprocessor`.

    Args:
        texts: `(batch,)`, strings.
        tokenizer: in-graph tokenizer with the preprocessor's vocabulary.
        preprocessor: rules for truncation and padding.

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
    ids = tf.concat([ids, unknown], axis=1)  # a text without words is one unknown word
    shape = [None, length if preprocessor.fixed_length else None]
    if preprocessor.padding == "pre":
        return ids[:, ::-1].to_tensor(shape=shape)[:, ::-1]
    return ids.to_tensor(shape=shape)
