"""The tokenizer inside a TensorFlow graph: the same ids without Python or files."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from zoo.text.characters import IDEOGRAPHIC_SPACE, SINGLE_CHARACTERS, lower_case
from zoo.text.tokenizer import Tokenizer

LETTER, SEPARATOR, SINGLE = 0, 1, 2  # kinds of code points: part of a word, separator, or a word by itself
BLOCK = 256  # number of code points per block of the table; equal blocks are stored once
NUM_CODE_POINTS = 0x110000


class GraphTokenizer(tf.Module):
    """`Tokenizer.texts_to_sequences` for strings, with TensorFlow operations only.

    Use it in `tf.data.Dataset.map`, or in a SavedModel that takes strings: vocabulary and character tables are constants in
    the graph. Later changes to the tokenizer have no effect.

    `tf.strings.lower` is not suitable: it stops at NUL and has a different table than Python.

    Args:
        tokenizer: a fitted tokenizer.

    Input shape:
        `(batch,)`, strings in UTF-8; invalid bytes become U+FFFD, as in Python.

    Output shape:
        `(batch, None)`, a ragged int32 tensor.

    Raises:
        UsageError: the tokenizer has no words.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["The film, the best film of all!", "这是一个新的示例文本"])
        >>> GraphTokenizer(tokenizer)(tf.constant(["the worst film", "一个示例"])).to_list()
        [[2, 1, 3], [9, 10, 13, 14]]
    """

    def __init__(self, tokenizer: Tokenizer, name: str | None = None) -> None:
        super().__init__(name=name)
        unknown = tokenizer.unknown_id()
        limit = tokenizer.num_words or np.iinfo(np.int32).max
        known = {word: number for word, number in tokenizer.word_index.items() if number < limit}
        self._drops_unknown = not unknown
        self._words = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant([word.encode("utf-8", "surrogatepass") for word in known], tf.string),  # shape (words,)
                tf.constant(list(known.values()), tf.int32),
            ),
            default_value=unknown,
        )
        table = _character_table(tokenizer.lower, tokenizer.char_level, tokenizer.split + tokenizer.filters)
        self._block_of, self._lower, self._kind = map(tf.constant, table)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Return the ids of each text.

        Args:
            texts: `(batch,)`, strings.

        Returns:
            `(batch, None)`, ragged, int32.
        """
        texts = tf.ensure_shape(texts, [None])  # known from here on, or checked at run time
        code_points = tf.strings.unicode_decode(texts, "UTF-8", errors="replace", replacement_char=0xFFFD)
        values, rows = code_points.values, code_points.value_rowids()  # (characters,) each
        entry = tf.gather(self._block_of, values // BLOCK) * BLOCK + values % BLOCK
        values, kind = values + tf.gather(self._lower, entry), tf.gather(self._kind, entry)

        # A word starts at a single character, and at a letter that follows a non-letter or starts a text.
        continues = (kind[:-1] == LETTER) & (rows[:-1] == rows[1:])
        after_letter = tf.concat([[False], continues], axis=0)[: tf.size(kind)]  # empty if the batch has no characters
        begins = (kind == SINGLE) | ((kind == LETTER) & ~after_letter)
        is_kept = kind != SEPARATOR
        letters = tf.boolean_mask(values, is_kept)
        starts = tf.where(tf.boolean_mask(begins, is_kept))[:, 0]  # (words,), positions in `letters`
        words = tf.strings.unicode_encode(tf.RaggedTensor.from_row_starts(letters, starts, validate=False), "UTF-8")

        ids, rows = self._words.lookup(words), tf.boolean_mask(rows, begins)  # (words,) each
        if self._drops_unknown:
            is_known = ids != 0
            ids, rows = tf.boolean_mask(ids, is_known), tf.boolean_mask(rows, is_known)
        return tf.RaggedTensor.from_value_rowids(ids, rows, nrows=tf.size(texts, tf.int64), validate=False)


@functools.lru_cache(maxsize=16)  # takes 80 ms
def _character_table(is_lower: bool, char_level: bool, separators: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the block number of each range of code points, and two table entries per code point of a block.

    Returns:
        `(code points / BLOCK,)`, block numbers; `(blocks * BLOCK,)`, offsets to lower case, 0 without `lower`;
        `(blocks * BLOCK,)`, kind of the code point after conversion. All int32.
    """
    plain = np.arange(NUM_CODE_POINTS, dtype=np.int32)
    every = plain.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    lower = plain
    if is_lower:
        lower = np.frombuffer(lower_case(every).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int32)
    kind = np.full(NUM_CODE_POINTS, SINGLE if char_level else LETTER, np.int32)
    if not char_level:
        for first, last in SINGLE_CHARACTERS:
            kind[ord(first) : ord(last) + 1] = SINGLE
        kind[[ord(character) for character in {IDEOGRAPHIC_SPACE, *separators}]] = SEPARATOR
    entries = np.stack([lower - plain, kind[lower]], axis=1).astype(np.int32)  # (code points, 2)
    blocks: dict[bytes, int] = {}
    block_of = [blocks.setdefault(block.tobytes(), len(blocks)) for block in entries.reshape(-1, BLOCK, 2)]
    changes, kinds = np.frombuffer(b"".join(blocks), np.int32).reshape(-1, 2).T  # (blocks * BLOCK,) each
    return np.array(block_of, np.int32), changes, kinds
