"""Texts, and their conversion to token ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from zoo.errors import DataError
from zoo.settings import DataArguments
from zoo.sources.hashing import hash_all
from zoo.text import Tokenizer
from zoo.text.characters import DEFAULT_FILTERS

# The old Keras tokenizer's filters, plus white space that it leaves inside words: \r in files, \xa0 in web pages.
FILTERS = DEFAULT_FILTERS + "\r\x0b\x0c\x1c\x1d\x1e\x85\xa0\u2028\u2029"
Truncation = Literal["pre", "post", "middle"]
Padding = Literal["pre", "post"]


@dataclass(frozen=True)
class Texts:
    """Texts in a fixed order of rows.

    Args:
        read: function that returns all texts, always in this order; it reads files again each time.
        hashes: `(rows,)`, uint64, equal for equal texts.
    """

    read: Callable[[], Iterable[str]]
    hashes: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Return texts from memory."""
        return cls(lambda: texts, hash_texts(texts))

    def rows(self, wanted: np.ndarray) -> Iterator[str]:
        """Yield the texts of the given rows, which are ascending positions.

        Raises:
            DataError: the number of texts in a file has changed.
        """
        is_wanted = np.zeros(len(self.hashes), bool)
        is_wanted[wanted] = True
        try:
            yield from (text for text, keep in zip(self.read(), is_wanted, strict=True) if keep)
        except ValueError as error:
            raise DataError(
                f"The texts have changed since they were first read. Received: a different number than {len(self.hashes)}. "
                "Do not change the files during a run."
            ) from error


def hash_texts(texts: Iterable[str]) -> np.ndarray:
    """Return a 64-bit hash of each text, `(n,)`, uint64."""
    return hash_all(text.encode("utf-8", "surrogatepass") for text in texts)


@dataclass(frozen=True)
class TextPreprocessor:
    """Converts texts to token ids: the tokenizer, and the rules for truncation and padding.

    Args:
        tokenizer: tokenizer, fitted on the training split.
        max_length: maximum number of tokens per text, at least 1.
        truncation: where a longer text loses tokens: at its start ("pre"), its end ("post") or its "middle".
        padding: side on which the id 0 pads shorter texts of a batch.
        fixed_length: whether every batch is padded to `max_length` instead of to its longest text.
    """

    tokenizer: Tokenizer
    max_length: int
    truncation: Truncation
    padding: Padding
    fixed_length: bool

    @classmethod
    def fit(cls, texts: Iterable[str], arguments: DataArguments) -> TextPreprocessor:
        """Learn the vocabulary from the training texts.

        Raises:
            DataError: no text has a token.
        """
        tokenizer = Tokenizer(
            num_words=arguments.vocabulary_size,
            filters=FILTERS,
            lower=arguments.lower,
            char_level=arguments.char_level,
            min_frequency=arguments.min_frequency,
        )
        tokenizer.fit_on_texts(texts)
        words = list(tokenizer.word_index)[: arguments.vocabulary_size - 1]
        if len(words) < 2:  # the first word is <unk>
            raise DataError(
                "The training texts have no words to learn from: all are empty, only punctuation, or rarer than "
                f"data.min_frequency={arguments.min_frequency}. Received: {tokenizer.document_count} texts. Pass texts with "
                "words."
            )
        return cls(
            _with_vocabulary(tokenizer, words),
            arguments.max_length,
            arguments.truncation,
            arguments.padding,
            fixed_length=not arguments.buckets,
        )

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, including 0 for padding and 1 for unknown words."""
        return len(self.tokenizer.word_index) + 1

    def encode(self, text: str) -> np.ndarray:
        """Return the ids of one text, `(tokens,)`, int32, at most `max_length`; a text without words gives one unknown word."""
        ids = self.tokenizer.encode(text) or [1]
        if len(ids) > self.max_length:
            ids = self._cut(ids)
        return np.array(ids, np.int32)

    def _cut(self, ids: list[int]) -> list[int]:
        if self.truncation == "pre":
            return ids[-self.max_length :]
        head = self.max_length if self.truncation == "post" else (self.max_length + 1) // 2
        return ids[:head] + ids[len(ids) - (self.max_length - head) :]

    def pad(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Return ids as one array `(rows, tokens of the longest)` or `(rows, max_length)`, int32."""
        width = self.max_length if self.fixed_length else max(map(len, sequences), default=0)
        batch = np.zeros((len(sequences), width), np.int32)
        for row, ids in zip(batch, sequences, strict=True):
            row[: len(ids)] = ids
            if self.padding == "pre":
                row[:] = np.roll(row, len(row) - len(ids))
        return batch

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; the vocabulary is in the order of the ids, from 1."""
        return {
            "vocabulary": list(self.tokenizer.word_index),
            "filters": self.tokenizer.filters,
            "lower": self.tokenizer.lower,
            "char_level": self.tokenizer.char_level,
            "max_length": self.max_length,
            "truncation": self.truncation,
            "padding": self.padding,
            "fixed_length": self.fixed_length,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TextPreprocessor:
        """Return the preprocessor from `to_dict`'s result.

        Raises:
            ValueError: the data is damaged.
        """
        saved = _Saved(**plain)
        tokenizer = Tokenizer(filters=saved.filters, lower=saved.lower, char_level=saved.char_level)
        tokenizer = _with_vocabulary(tokenizer, saved.vocabulary)
        return cls(tokenizer, saved.max_length, saved.truncation, saved.padding, saved.fixed_length)


class _Saved(BaseModel):
    """Schema of `TextPreprocessor.to_dict`'s result."""

    model_config = ConfigDict(extra="forbid", strict=True)

    vocabulary: list[str] = Field(min_length=2)
    filters: str
    lower: bool
    char_level: bool
    max_length: PositiveInt
    truncation: Truncation
    padding: Padding
    fixed_length: bool


def _with_vocabulary(tokenizer: Tokenizer, words: Sequence[str]) -> Tokenizer:
    """Return a tokenizer with the same settings and exactly these words, with ids from 1."""
    fresh = Tokenizer(filters=tokenizer.filters, lower=tokenizer.lower, char_level=tokenizer.char_level)
    fresh.word_index = {word: number for number, word in enumerate(words, start=1)}
    fresh.index_word = dict(enumerate(words, start=1))
    return fresh
