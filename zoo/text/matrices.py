"""Sequences of ids as one row each: what stands in them, however it is ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.errors import DataError, UnknownNameError, UsageError

MODES = ("binary", "count", "freq", "tfidf")


def ids_to_matrix(
    sequences: Sequence[Sequence[int]], mode: str, *, num_columns: int, document_count: int, index_docs: Mapping[int, int]
) -> np.ndarray:
    """Return one row of numbers for each sequence; ids of `num_columns` or more are left out.

    Args:
        sequences: ids, each 0 or more.
        mode: "binary" gives 1 where an id occurs, "count" how often, "freq" its share of the sequence, "tfidf"
            `(1 + ln count) * ln(1 + document_count / (1 + documents with the id))`.
        num_columns: width of the matrix.
        document_count: documents that were seen, for "tfidf".
        index_docs: documents that each id occurred in, for "tfidf".

    Returns:
        `(sequences, num_columns)`, float64.

    Raises:
        UnknownNameError: no such mode.
        UsageError: mode "tfidf" before any document was seen.
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
    matrix = np.zeros((len(sequences), num_columns))
    for row, sequence in zip(matrix, sequences, strict=True):
        ids, counts = np.unique(np.asarray(sequence, np.int64), return_counts=True)
        if len(ids) and ids[0] < 0:
            raise DataError(f"Ids are 0 or more. Received: {ids[0]}. Give the sequences of texts_to_sequences.")
        ids, counts = ids[ids < num_columns], counts[ids < num_columns]
        if mode == "binary":
            row[ids] = 1
        elif mode == "count":
            row[ids] = counts
        elif mode == "freq":
            row[ids] = counts / len(sequence)
        else:
            documents = np.array([index_docs.get(word_id, 0) for word_id in ids.tolist()])
            row[ids] = (1 + np.log(counts)) * np.log(1 + document_count / (1 + documents))
    return matrix
