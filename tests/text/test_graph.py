"""The graph gives exactly the ids of the Python tokenizer, for every character, setting and broken byte."""
# ruff: noqa: RUF001 - full-width forms and Greek are what is tested

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import UsageError
from zoo.text import Tokenizer
from zoo.text.characters import valid_text
from zoo.text.graph import GraphTokenizer

SETTINGS = {
    "default": {},
    "no oov token": {"oov_token": None},
    "few words": {"num_words": 7},
    "few words, no oov token": {"num_words": 7, "oov_token": None},
    "rare words dropped": {"min_frequency": 2},
    "capitals": {"lower": False},
    "characters": {"char_level": True},
    "characters, capitals, few": {"char_level": True, "lower": False, "num_words": 9, "oov_token": None},
    "no filters": {"filters": ""},
    "odd filters": {"filters": "ai很。\x00é\u3000\U0001f600A", "split": "\n"},
    "split beyond ASCII": {"filters": "", "split": "、"},
}
TEXTS = [
    "The film, the BEST film of all!",
    "这是一个新的示例文本。我爱Python3.11，真的！",
    "ｶﾀｶﾅ カタカナ ひらがな 한국어 ᄒㄱ ㄅㄆ",
    "ＡＢＣ　１２３ＡＢＣ",
    "👍🏽 👨‍👩‍👧‍👦 :) ☺️ 葛\U000e0100城",
    "cafe\u0301 café CAFÉ \u0301",
    "ΟΔΟΣ İstanbul ıI ẞß ǅ K Å",
    "שלום עולם مرحبا بالعالم \u202eabc\u202c",
    "a\x00b \x00 \x01\x1b\x7f\x85\u00a0\u2028\ufeff",
    "\U0010ffff \uffff \ufffd \ue000",
    "a 很\n好、a",
    "",
    " ",
    " ,.!\t\n　",
    b"ok \xff\xfe caf\xc3 \xed\xa0\x80 \xc0\x80 \xf4\x90\x80\x80 \xf0\x9f\x98",
]
LETTERS = "aAiI ,,  \n\t\x00é ÉİıΣσς很。、，　！ＡａＺ９カｶ가ᄀ〇ー\u0301\u200d\ufe0f😀א\u202eع\ufffd\U00020000\x85\u00a0"
MIXED = st.lists(
    st.one_of(
        st.text(LETTERS, max_size=12),
        st.text(max_size=8),
        st.text(st.characters(categories=["Cs", "Lu"])),
        st.binary(max_size=8),
    ),
    min_size=5,
    max_size=40,
)


def fitted(texts, **arguments):
    tokenizer = Tokenizer(**arguments)
    tokenizer.fit_on_texts(texts)
    return tokenizer


def as_bytes(text):
    return text if isinstance(text, bytes) else valid_text(text).encode()


def strings(texts):
    return tf.constant([as_bytes(text) for text in texts], tf.string, shape=(len(texts),))


def assert_same(tokenizer, texts):
    ids = GraphTokenizer(tokenizer)(strings(texts))
    assert ids.dtype == tf.int32
    assert ids.shape[0] == len(texts)
    assert ids.to_list() == tokenizer.texts_to_sequences(texts)


@pytest.mark.parametrize("arguments", SETTINGS.values(), ids=SETTINGS)
def test_ids_equal_pythons(arguments):
    tokenizer = fitted(TEXTS, **arguments)
    assert len(tokenizer.word_index) > 5
    assert_same(tokenizer, TEXTS)
    assert_same(fitted(TEXTS[::2], **arguments), TEXTS)


@pytest.mark.parametrize("arguments", SETTINGS.values(), ids=SETTINGS)
@settings(deadline=None, derandomize=True, max_examples=12)
@given(known=MIXED, new=MIXED)
def test_ids_of_any_text_equal_pythons(arguments, known, new):
    tokenizer = fitted(["anchor anchor", *known], **arguments)
    assert_same(tokenizer, [*known, *new])


@pytest.mark.parametrize(
    "plane", [pytest.param(plane, marks=[pytest.mark.slow] if 4 <= plane <= 13 else []) for plane in range(17)]
)  # Unicode assigns nothing in planes 4 to 13
def test_every_code_point_gives_the_ids_of_python(plane):
    codes = range(plane << 16, (plane + 1) << 16)
    characters = [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
    texts = ["".join(f"x{character}y " for character in characters[start::256]) for start in range(256)]
    assert_same(fitted(texts), texts)
    assert_same(fitted(["".join(characters)], char_level=True), texts)


def test_all_pairs_of_bytes_give_the_ids_of_python():
    texts = [b"x" + bytes([first, second]) + b"y" for first in range(256) for second in range(256)]
    assert_same(fitted(["xy\ufffd", bytes(range(128))], char_level=True), texts)


def test_broken_utf_8_gives_the_ids_of_python():
    chance = random.Random(0)
    edges = b"\x00\x7fAz \x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xf7\xf8\xfe\xff"
    texts = [bytes(chance.choices(edges, k=chance.randrange(1, 9))) for _ in range(20_000)]
    assert_same(fitted(texts), texts)
    assert_same(fitted(texts, char_level=True), texts)


@pytest.mark.parametrize("arguments", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("texts", [[], [""], ["", ""], [" ", "\n"]], ids=str)
def test_empty_input_gives_empty_output(arguments, texts):
    assert_same(fitted(TEXTS, **arguments), texts)


@pytest.mark.parametrize("letter", ["x", "很", "É", ",", "😀"])
@pytest.mark.parametrize("arguments", [{}, {"char_level": True}], ids=str)
def test_a_megabyte_without_a_space_is_read_in_seconds(letter, arguments):
    text = letter * (1_000_000 // len(letter.encode()))
    tokenizer = fitted([letter + letter, text], **arguments)
    graph = GraphTokenizer(tokenizer)
    begun = time.process_time()
    ids = graph(strings(["a", text, ""]))
    assert time.process_time() - begun < 10  # it takes 0.2 s; a quadratic one would take minutes
    assert ids.to_list() == tokenizer.texts_to_sequences(["a", text, ""])


def test_it_works_inside_a_map_of_tf_data_on_batches_of_any_size():
    tokenizer = fitted(TEXTS)
    data = tf.data.Dataset.from_tensor_slices(strings(TEXTS)).batch(4).map(GraphTokenizer(tokenizer), num_parallel_calls=2)
    assert [ids for batch in data for ids in batch.to_list()] == tokenizer.texts_to_sequences(TEXTS)


def test_it_works_without_a_static_shape():
    tokenizer = fitted(TEXTS)
    graph = tf.function(GraphTokenizer(tokenizer), input_signature=[tf.TensorSpec(None, tf.string)])
    assert graph(strings(TEXTS)).to_list() == tokenizer.texts_to_sequences(TEXTS)


def test_later_changes_to_the_tokenizer_do_not_affect_the_graph():
    tokenizer = fitted(["a b"])
    graph = GraphTokenizer(tokenizer)
    tokenizer.fit_on_texts(["b b c"])
    assert graph(strings(["a b c"])).to_list() == [[2, 3, 1]]


def test_a_legacy_vocabulary_with_a_surrogate_can_be_put_into_a_graph():
    tokenizer = fitted(["a"])
    tokenizer.word_index["\ud800"] = 3
    assert GraphTokenizer(tokenizer)(strings(["a \ufffd"])).to_list() == [[2, 1]]


def save(tokenizer, path):
    """Export a signature that takes strings and gives padded ids."""
    module = tf.Module()
    module.tokenizer = GraphTokenizer(tokenizer)
    module.serve = tf.function(
        lambda texts: {"ids": module.tokenizer(texts).to_tensor()}, input_signature=[tf.TensorSpec([None], tf.string, "texts")]
    )
    tf.saved_model.save(module, str(path), signatures=module.serve)
    return module.serve(strings(TEXTS))["ids"].numpy().tolist()


@pytest.mark.parametrize("arguments", [{}, {"oov_token": None, "char_level": True}], ids=str)
def test_a_saved_model_gives_the_same_ids(tmp_path, arguments):
    expected = save(fitted(TEXTS, **arguments), tmp_path)
    loaded = tf.saved_model.load(str(tmp_path))
    assert loaded.signatures["serving_default"](texts=strings(TEXTS))["ids"].numpy().tolist() == expected
    assert not [file for file in (tmp_path / "assets").rglob("*") if file.is_file()]


FRESH = """
import json, sys
import tensorflow as tf
texts = tf.constant([bytes.fromhex(text) for text in json.loads(sys.argv[2])])
ids = tf.saved_model.load(sys.argv[1]).signatures["serving_default"](texts=texts)["ids"]
print(json.dumps([ids.numpy().tolist(), [name for name in sys.modules if name.startswith("zoo")]]))
"""


@pytest.mark.slow
def test_a_saved_model_gives_the_same_ids_in_a_process_without_zoo(tmp_path):
    expected = save(fitted(TEXTS), tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "moved")
    texts = json.dumps([as_bytes(text).hex() for text in TEXTS])
    command = [sys.executable, "-c", FRESH, str(tmp_path / "moved"), texts]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [expected, []]


def test_a_tokenizer_without_words_is_refused():
    with pytest.raises(
        UsageError, match=r"The tokenizer must be fitted\. Received: .* empty word_index\. Call fit_on_texts with texts"
    ):
        GraphTokenizer(Tokenizer())


@pytest.mark.parametrize("texts", [tf.constant("a"), tf.constant([["a"]]), tf.constant([1])], ids=["scalar", "column", "ids"])
def test_input_that_is_not_a_row_of_strings_is_rejected(texts):
    graph = GraphTokenizer(fitted(["a"]))
    with pytest.raises((TypeError, tf.errors.InvalidArgumentError), match=r"string|not compatible"):
        graph(texts)
