"""Converts sequences of ids to bag-of-words rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.errors import DataError, UnknownNameError, UsageError

MODES = ("binary", "count", "freq", "tfidf")


def ids_to_matrix(
    sequences: Sequence[Sequence[int]], mode: str, *, num_columns: int, document_count: int, index_docs: Mapping[int, int]
) -> np.ndarray:
    """Return one row of numbers per sequence; ids of `num_columns` or more are ignored.

    Args:
        sequences: sequences of ids, each 0 or more.
        mode: "binary" for 1 if an id occurs, "count" for its count, "freq" for its fraction of the sequence, or "tfidf" for
            `(1 + ln count) * ln(1 + document_count / (1 + documents with the id))`.
        num_columns: number of columns of the matrix.
        document_count: number of documents, for "tfidf".
        index_docs: number of documents that contain each id, for "tfidf".

    Returns:
        `(sequences, num_columns)`, float64.

    Raises:
        UnknownNameError: the mode does not exist.
        UsageError: the mode is "tfidf" but there are no documents.
        DataError: an id is negative.

    Example:
        >>> ids_to_matrix([[1, 1, 3]], "count", num_columns=3, document_count=1, index_docs={})
        array([[0., 2., 0.]])
    """
    if mode not in MODES:
        raise UnknownNameError("mode of a matrix", mode, MODES)
    if mode == "tfidf" and not document_count:
        raise UsageError(
            'mode="tfidf" needs the number of documents. Received: a tokenizer with document_count=0. '
            "Call fit_on_texts or fit_on_sequences first."
        )
    counts = np.zeros((len(sequences), num_columns))
    for row, sequence in zip(counts, sequences, strict=True):
        ids = np.asarray(sequence, np.int64)
        if (ids < 0).any():
            raise DataError(f"Ids must be 0 or more. Received: {ids.min()}. Pass the sequences from texts_to_sequences.")
        row += np.bincount(ids[ids < num_columns], minlength=num_columns)
        if mode == "freq":
            row /= max(len(ids), 1)
    if mode == "binary":
        return np.sign(counts)
    if mode == "tfidf":
        documents = np.array([index_docs.get(word_id, 0) for word_id in range(num_columns)])
        weights = np.log(1 + document_count / (1 + documents))
        return np.where(counts > 0, (1 + np.log(np.maximum(counts, 1))) * weights, 0)
    return counts
