"""Converts texts to what a model takes: token ids or strings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import MinLen
from pydantic import ConfigDict, PositiveInt
from pydantic.dataclasses import dataclass

from zoo.errors import DataError, UsageError
from zoo.inputs.kind import Batches, Chunk, Preprocessor, Twin, slices
from zoo.text import Tokenizer
from zoo.text.characters import DEFAULT_FILTERS, valid_text

if TYPE_CHECKING:
    from zoo.inputs.text.texts import Texts
    from zoo.settings import DataArguments
    from zoo.sources.source import Source

# The old Keras tokenizer's filters, plus white space that it leaves inside words: \r in files, \xa0 in web pages.
FILTERS = DEFAULT_FILTERS + "\r\x0b\x0c\x1c\x1d\x1e\x85\xa0\u2028\u2029"
Truncation = Literal["pre", "post", "middle"]
Padding = Literal["pre", "post"]
SLICE = 64  # texts of similar length per batch in prediction
CHECKED = 8  # texts to check alone and with a longer one
UNUSUAL = ("", " \n", "\0", "???", "😀 é 好", "İΣß ﬁ", "x" * 10_000)


class RawTexts(Preprocessor):
    """Passes texts as strings to a model that takes strings."""

    kind_name = "text"
    takes_strings = True
    feature_dtype = "string"

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of one string."""
        return ()

    def source(self, features: Texts, hashes: np.ndarray, arguments: DataArguments) -> Source:
        """Return the strings in memory."""
        from zoo.inputs.text.sequences import Strings

        return Strings(features)

    def example_batch(self, rows: int, *, longest: bool = False) -> np.ndarray:
        """Return a batch of strings."""
        return np.array([f"a text {number}".encode() for number in range(rows)], object)

    def batches(self, raw: Any, *, takes_strings: bool = True, dtype: np.dtype | None = None) -> Batches:
        """Return batches of a string or many, shortest first."""
        texts = _as_texts(raw)
        order = np.argsort([len(each) for each in texts], kind="stable")
        strings = np.array([each.encode() for each in texts], object)
        return order, slices(strings[order], SLICE)

    def read_inputs(self, inputs: Sequence[str]) -> tuple[str, Iterator[Chunk]]:
        """Return the inputs of a command line, each of which is a text.

        Raises:
            UsageError: all inputs are names of files, and predictions for the names would be meaningless.
        """
        if inputs and all(os.path.splitext(text)[1] and os.path.isfile(text) for text in inputs):
            raise UsageError(
                f"This model takes texts. Received: the name of a file, {inputs[0]}. For its content, use --data {inputs[0]} "
                "--out predictions.csv."
            )
        texts = [valid_text(text) for text in inputs]
        return "text", iter([(texts, texts, [])])

    def examples(self, source: Any, rows: np.ndarray) -> Iterator[str]:
        """Return the texts of ascending rows."""
        texts: Iterator[str] = source.texts.rows(rows)
        return texts

    def choose(self, parts: Iterable[Iterable[str]], count: int) -> list[str]:
        """Return texts spread evenly over the texts ranked by length, followed by unusual ones."""
        texts: list[str] = []
        for part in parts:
            if len(texts) < count:
                texts += part
        texts.sort(key=len)
        places = np.linspace(0, len(texts) - 1, min(count, len(texts))).astype(int)
        return [*(texts[place] for place in places), *UNUSUAL]

    def neighbours(self, raw: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield some texts, each alone and with the longest."""
        longest = max(raw[: -len(UNUSUAL)], key=len)
        for text in raw[:: max(1, len(raw) // CHECKED)]:
            yield text, [text], [text, longest]

    def twin(self, dtype: Any) -> Twin:
        """Return the same steps as TensorFlow functions."""
        from zoo.inputs.text.graph import twin_of_strings

        return twin_of_strings(self.signature)


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class TextPreprocessor(RawTexts):
    """Converts texts to token ids: the tokenizer, and the rules for truncation and padding.

    Args:
        vocabulary: words in the order of their ids, from 1; the first is the unknown word.
        filters: characters that separate words.
        lower: whether to convert words to lower case.
        char_level: whether each character is a word.
        max_length: maximum number of tokens per text, at least 1.
        truncation: where a longer text loses tokens: at its start ("pre"), its end ("post") or its "middle".
        padding: side on which the id 0 pads shorter texts of a batch.
        fixed_length: whether every batch is padded to `max_length` instead of to its longest text.
    """

    vocabulary: Annotated[tuple[str, ...], MinLen(2)]
    filters: str
    lower: bool
    char_level: bool
    max_length: PositiveInt
    truncation: Truncation
    padding: Padding
    fixed_length: bool

    @classmethod
    def fit(cls, texts: Iterable[str], arguments: DataArguments) -> TextPreprocessor:
        """Learn the vocabulary from the training texts.

        Raises:
            DataError: no text has a token.
        """
        rules: dict[str, Any] = {"filters": FILTERS, "lower": arguments.lower, "char_level": arguments.char_level}
        tokenizer = Tokenizer(num_words=arguments.vocabulary_size, min_frequency=arguments.min_frequency, **rules)
        tokenizer.fit_on_texts(texts)
        words = tuple(tokenizer.word_index)[: arguments.vocabulary_size - 1]
        if len(words) < 2:  # the first word is <unk>
            raise DataError(
                "The training texts have no words to learn from: all are empty, only punctuation, or rarer than "
                f"data.min_frequency={arguments.min_frequency}. Received: {tokenizer.document_count} texts. Pass texts with "
                "words."
            )
        rules |= {name: getattr(arguments, name) for name in ("max_length", "truncation", "padding")}
        return cls(vocabulary=words, **rules, fixed_length=not arguments.buckets)

    takes_strings = False
    feature_dtype = "int32"

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Number of tokens, which varies."""
        return (None,)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, including 0 for padding and 1 for unknown words."""
        return len(self.vocabulary) + 1

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer."""
        tokenizer = Tokenizer(filters=self.filters, lower=self.lower, char_level=self.char_level)
        tokenizer.word_index = {word: number for number, word in enumerate(self.vocabulary, start=1)}
        tokenizer.index_word = dict(enumerate(self.vocabulary, start=1))
        return tokenizer

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

    def source(self, features: Texts, hashes: np.ndarray, arguments: DataArguments) -> Source:
        """Return the token ids of texts, encoded once."""
        from zoo.inputs.text.sequences import TokenIds

        return TokenIds(features, self)

    def summary(self, source: Any, rows: np.ndarray) -> dict[str, float]:
        """Return the median number of tokens, the share at `max_length` and the share of unknown tokens."""
        found: dict[str, float] = source.statistics(rows)
        return found

    def model_arguments(self) -> dict[str, Any]:
        """Return the sizes of the vocabulary and of the longest text."""
        return {"vocabulary_size": self.vocabulary_size, "max_sequence_length": self.max_length}

    def reading_arguments(self, name: str | None = None) -> dict[str, Any]:
        """Return the argument that gives other texts the same ids."""
        return {"vocabulary": name} if name else {}

    def suits_weights_of(self, other: Preprocessor) -> bool:
        """Return whether another preprocessor gives the same ids."""
        return not isinstance(other, TextPreprocessor) or self.to_dict() == other.to_dict()

    def example_batch(self, rows: int, *, longest: bool = False) -> np.ndarray:
        """Return a batch of random token ids."""
        width = self.max_length if self.fixed_length or longest else min(8, self.max_length)
        return np.random.default_rng(0).integers(1, self.vocabulary_size, (rows, width), dtype=np.int32)

    def batches(self, raw: Any, *, takes_strings: bool = False, dtype: np.dtype | None = None) -> Batches:
        """Return batches of strings or of padded ids, shortest first."""
        if takes_strings:
            return super().batches(raw)
        ids = [self.encode(each) for each in _as_texts(raw)]
        order = np.argsort([len(each) for each in ids], kind="stable")
        return order, (self.pad([ids[row] for row in rows]) for rows in slices(order, SLICE))

    def twin(self, dtype: Any) -> Twin:
        """Return the same steps as TensorFlow functions."""
        from zoo.inputs.text.graph import twin

        return twin(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; the vocabulary is in the order of the ids, from 1."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"vocabulary": [*self.vocabulary]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TextPreprocessor:
        """Return the preprocessor from `to_dict`'s result.

        Raises:
            ValueError: the data is damaged.
        """
        return cls(**{**plain, "vocabulary": tuple(plain["vocabulary"])})


def _as_texts(raw: Any) -> list[str]:
    if hasattr(raw, "columns") or isinstance(raw, Mapping):
        raise DataError(f"Texts must be strings. Received: {type(raw).__name__} with {[*raw]}. Pass only the column of texts.")
    raw = raw.item() if isinstance(raw, np.ndarray) and raw.ndim == 0 else raw
    many = [raw] if isinstance(raw, str | bytes) or not isinstance(raw, Iterable) else list(raw)
    texts = [valid_text(each) if isinstance(each, str | bytes) else each for each in many]
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"A text must be a string. Received: {type(text).__name__} {text!r:.40} at {number}. Pass strings.")
    return texts
