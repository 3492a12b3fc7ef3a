"""Computes hashes of examples, equal for equal content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np


def hash_rows(features: np.ndarray) -> np.ndarray:
    """Return a 64-bit content hash of each row, `(rows,)`, uint64."""
    rows = np.ascontiguousarray(features).reshape(len(features), -1).view(np.uint8)
    return hash_all(row.data for row in rows)


def hash_all(contents: Iterable[bytes | memoryview]) -> np.ndarray:
    """Return a 64-bit hash of each bytes-like content, `(n,)`, uint64."""
    digests = b"".join(hashlib.blake2b(content, digest_size=8).digest() for content in contents)
    return np.frombuffer(digests, np.uint64)
