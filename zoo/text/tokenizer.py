"""The tokenizer: words to ids by frequency, with the methods of the legacy Keras Tokenizer."""

from __future__ import annotations

import json
import math
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError, UsageError
from zoo.text.characters import DEFAULT_FILTERS, lower_case, valid_text
from zoo.text.saved import ARGUMENTS, TABLES, read_tokenizer
from zoo.text.words import split_words

if TYPE_CHECKING:
    import numpy as np

Text = str | bytes | list[str] | tuple[str, ...]


class Tokenizer:
    """Converts texts to lists of ids and back; the most frequent word has the lowest id, and 0 is padding.

    It has the methods, attributes and results of the legacy `keras.preprocessing.text.Tokenizer`. With `oov_token=None`,
    English text gets exactly the same ids. It differs from the legacy class as follows:

    - Chinese, Japanese and Korean are split by character, their punctuation included (`zoo.text.characters` lists the blocks);
      the ideographic space separates words. Full-width letters and digits stay inside words.
    - Unknown words get the id 1, unless `oov_token=None` drops them. A word in a text that equals `oov_token` is unknown.
    - Lower case is Unicode's simple mapping: a capital sigma never becomes a final one, and the dotted capital I becomes i.
    - `sequences_to_texts` omits padding.
    - Texts can be UTF-8 bytes. Invalid Unicode becomes U+FFFD.
    - A single string instead of a list of texts, and a tokenizer without words, are errors.

    `zoo.text.graph.GraphTokenizer` gives the same ids inside a TensorFlow graph.

    Args:
        num_words: number of ids including padding (0), at least 2; higher ids count as unknown. None keeps all. Can be
            changed after fitting; default None.
        filters: characters that separate words; default `DEFAULT_FILTERS`.
        lower: whether to convert words to lower case; default True.
        split: a single character that separates words; default `" "`.
        char_level: whether each character is a word; `filters` is then ignored; default False.
        oov_token: word for unknown words, with id 1; None drops them; default `"<unk>"`.
        min_frequency: minimum count of a word, at least 1; rarer words get no id; default 1.

    Attributes:
        word_index: id of each word.
        index_word: word of each id.
        word_counts: count of each word, in order of first appearance.
        word_docs: number of texts that contain each word.
        index_docs: number of texts that contain each id.
        document_count: number of texts seen.

    Raises:
        UsageError: an argument is not accepted.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["The film, the best film of all!", "这是一个新的示例文本"])
        >>> tokenizer.texts_to_sequences(["the worst film", "一个示例"])
        [[2, 1, 3], [9, 10, 13, 14]]
        >>> tokenizer.sequences_to_texts([[2, 1, 3, 0, 0]])
        ['the <unk> film']
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = DEFAULT_FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = "<unk>",  # noqa: S107 - a word, not a secret
        min_frequency: int = 1,
    ) -> None:
        if not isinstance(filters, str):
            raise UsageError(f"`filters` must be a string of characters. Received: {filters!r}. Pass '' to filter nothing.")
        if not isinstance(split, str) or len(split) != 1:
            raise UsageError(f"`split` must be one character. Received: {split!r}. Put further separators into `filters`.")
        if not (oov_token is None or (isinstance(oov_token, str) and oov_token)):
            raise UsageError(
                f"`oov_token` must be a word or None. Received: {oov_token!r}. Pass '<unk>', or None to drop unknown words."
            )
        self.num_words = None if num_words is None else _number("num_words", num_words, 2)
        self.filters = filters
        self.lower = bool(lower)
        self.split = split
        self.char_level = bool(char_level)
        self.oov_token = oov_token
        self.min_frequency = _number("min_frequency", min_frequency, 1)
        self.document_count = 0
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.index_docs: Counter[int] = Counter()

    def fit_on_texts(self, texts: Iterable[Text]) -> None:
        """Count and number the words of the texts; later calls add to the counts and renumber all words.

        Args:
            texts: strings, UTF-8 bytes, or lists of words, which change only by `lower`.

        Raises:
            UsageError: `texts` is one string.
            DataError: a text has another type; the tokenizer is unchanged.
        """
        from zoo.text.counting import count_words

        counts, docs, num_texts = count_words(map(self._words, _several(texts)))
        self.word_counts.update(counts)
        self.word_docs.update(docs)
        self.document_count += num_texts
        self._number_words()

    def _number_words(self) -> None:
        ranked = [word for word, count in self.word_counts.most_common() if count >= self.min_frequency]
        if self.oov_token is not None:
            ranked = [self.oov_token, *(word for word in ranked if word != self.oov_token)]
        self.word_index = {word: number for number, word in enumerate(ranked, start=1)}
        self.index_word = dict(enumerate(ranked, start=1))
        for word, number in self.word_index.items():
            if word in self.word_docs:
                self.index_docs[number] = self.word_docs[word]

    def fit_on_sequences(self, sequences: Iterable[Sequence[int]]) -> None:
        """Count how many sequences contain each id, for matrices in mode "tfidf" without texts.

        Raises:
            UsageError: `sequences` is one string.
            DataError: a sequence is not a list of ids.
        """
        for sequence in _several(sequences):
            self.index_docs.update({*_ids(sequence)})
            self.document_count += 1

    def encode(self, text: Text) -> list[int]:
        """Return the ids of one text.

        Raises:
            UsageError: the tokenizer has no words.
            DataError: `text` is neither a string, nor bytes, nor a list of words.
        """
        unknown = self.unknown_id()
        ids: Iterable[int] = map(self.word_index.get, self._words(text), repeat(unknown))
        if self.num_words is not None:
            limit = self.num_words
            ids = [number if number < limit else unknown for number in ids]
        return list(ids) if unknown else list(filter(None, ids))

    def unknown_id(self) -> int:
        """Return the id of unknown words, or 0 if they are dropped."""
        if not self.word_index:
            raise UsageError(
                f"The tokenizer must be fitted. Received: a tokenizer with document_count={self.document_count} and an empty "
                "word_index. Call fit_on_texts with texts that contain words, or load a tokenizer with from_json."
            )
        return 0 if self.oov_token is None else self.word_index.get(self.oov_token, 0)

    def texts_to_sequences(self, texts: Iterable[Text]) -> list[list[int]]:
        """Return the ids of each text.

        Raises:
            UsageError: `texts` is one string, or the tokenizer has no words.
            DataError: a text is neither a string, nor bytes, nor a list of words.
        """
        return [*self.texts_to_sequences_generator(texts)]

    def texts_to_sequences_generator(self, texts: Iterable[Text]) -> Iterator[list[int]]:
        """Return an iterator over the ids of each text; raises as `texts_to_sequences`."""
        return map(self.encode, _several(texts))

    def sequences_to_texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """Return the words of each sequence, joined by spaces; padding is omitted, and an unknown id becomes `oov_token`.

        Raises:
            UsageError: the tokenizer has no words.
            DataError: a sequence is not a list of ids.
        """
        return [*self.sequences_to_texts_generator(sequences)]

    def sequences_to_texts_generator(self, sequences: Iterable[Sequence[int]]) -> Iterator[str]:
        """Return an iterator over the text of each sequence; raises as `sequences_to_texts`."""
        return map(self._text, _several(sequences))

    def _text(self, sequence: Sequence[int]) -> str:
        self.unknown_id()  # raises an error if there are no words
        limit = self.num_words or math.inf
        known = (self.index_word.get(number) if number < limit else None for number in _ids(sequence) if number)
        return " ".join(filter(None, (word or self.oov_token for word in known)))

    def texts_to_matrix(self, texts: Iterable[Text], mode: str = "binary") -> np.ndarray:
        """Return one row per text; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Iterable[Sequence[int]], mode: str = "binary") -> np.ndarray:
        """Return one row per sequence, `(sequences, num_words or words + 1)`, float64.

        Args:
            sequences: sequences of ids of 0 or more.
            mode: "binary", "count", "freq" or "tfidf"; see `zoo.text.matrices`; default `"binary"`.

        Raises:
            UsageError: the mode is unknown, or the tokenizer has neither `num_words` nor words, or no documents for "tfidf".
            DataError: a sequence is not a list of ids.
        """
        from zoo.text.matrices import ids_to_matrix

        if self.num_words is None:
            self.unknown_id()  # raises an error if there are no words
        return ids_to_matrix(
            [_ids(sequence) for sequence in _several(sequences)],
            mode,
            num_columns=self.num_words or len(self.word_index) + 1,
            document_count=self.document_count,
            index_docs=self.index_docs,
        )

    def get_config(self) -> dict[str, Any]:
        """Return arguments and counts as plain data; the tables are JSON text, as in the legacy class."""
        arguments = {name: getattr(self, name) for name in ARGUMENTS}
        tables = {name: json.dumps(getattr(self, name)) for name in TABLES}
        return {**arguments, "document_count": self.document_count, **tables}

    def to_json(self, **kwargs: Any) -> str:
        """Return the tokenizer as JSON text; `kwargs` are passed to `json.dumps`."""
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)

    @classmethod
    def from_json(cls, json_string: str | bytes) -> Tokenizer:
        """Restore a tokenizer from the JSON of zoo's or the legacy `to_json`.

        A legacy tokenizer keeps its ids, but text in Chinese, Japanese or Korean is still split by character.

        Raises:
            DataError: the text is not the JSON of a tokenizer.
            UsageError: an argument in it is not accepted.

        Example:
            >>> tokenizer = Tokenizer()
            >>> tokenizer.fit_on_texts(["one two"])
            >>> Tokenizer.from_json(tokenizer.to_json()).encode("two one")
            [3, 2]
        """
        saved = read_tokenizer(json_string)
        tokenizer = cls(**saved.model_dump(include={*ARGUMENTS}))
        tokenizer.document_count = saved.document_count
        tokenizer.word_counts, tokenizer.word_docs = Counter(saved.word_counts), Counter(saved.word_docs)
        tokenizer.index_docs = Counter({int(number): count for number, count in saved.index_docs.items()})
        tokenizer.word_index = saved.word_index
        tokenizer.index_word = {number: word for word, number in saved.word_index.items()}
        return tokenizer

    def _words(self, text: Text) -> list[str]:
        """Return the words of one text, in order."""
        if isinstance(text, list | tuple):
            if not all(isinstance(word, str | bytes) for word in text):
                raise DataError(f"A list of words must contain strings. Received: {text!r:.100}. Convert its items to strings.")
            words = [valid_text(word) for word in text]
            return [lower_case(word) for word in words] if self.lower else words
        if not isinstance(text, str | bytes):
            raise DataError(
                f"A text must be a string, UTF-8 bytes or a list of words. Received: {text!r:.100} ({type(text).__name__}). "
                "Drop missing texts or replace them by ''; convert tensors with .numpy()."
            )
        text = valid_text(text)
        if self.char_level:
            return list(lower_case(text) if self.lower else text)
        return split_words(text, self.filters, self.lower, self.split)


def _number(name: str, value: Any, least: int) -> int:
    """Return an argument after checking that it is an integer of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise UsageError(f"`{name}` must be an integer of at least {least}. Received: {value!r}. Omit it for the default.")
    return number


def _several(items: Iterable[Any]) -> Iterable[Any]:
    """Return a list of texts or sequences; reject a single string, which would be split into characters."""
    if isinstance(items, str | bytes) or not hasattr(items, "__iter__"):
        raise UsageError(f"A list is expected. Received: {items!r:.100} ({type(items).__name__}). Pass a list: [text].")
    return items


def _ids(sequence: Sequence[int]) -> list[int]:
    """Return one sequence of ids as Python integers."""
    try:
        return list(map(operator.index, sequence))
    except TypeError as error:
        raise DataError(
            f"A sequence must be a list of ids. Received: {sequence!r:.100}. Pass a list of lists, as from texts_to_sequences."
        ) from error
