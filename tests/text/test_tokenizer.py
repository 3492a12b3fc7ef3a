"""The tokenizer compared with the legacy Keras class, and its differences."""

from __future__ import annotations

import itertools
import json
import pickle
import random
import re
import subprocess
import sys

import numpy as np
import pytest
from tensorflow.keras.preprocessing.text import Tokenizer as Legacy
from tensorflow.keras.preprocessing.text import tokenizer_from_json as legacy_from_json

from zoo.errors import DataError, UsageError
from zoo.text import Tokenizer
from zoo.text.characters import SINGLE_CHARACTERS

ENGLISH = [
    "The film, the best film of all -- isn't it?",
    "",
    "A (very) long_line\twith\nbreaks; the END.",
    "Café naïve, façade: the café!\r\x85 \u00a0nbsp",
    " ... ",
    ["Taken", "as it is,", "THE"],
    "x\x00y \x0b\x1c z",
]
NEW = ["the worst film, ever", "unknown words only", "", "IT breaks: café", ["the", "taken"]]
MODES = ["binary", "count", "freq", "tfidf"]
ATTRIBUTES = ["word_index", "index_word", "word_counts", "word_docs", "index_docs", "document_count"]


def fitted(make, texts, **arguments):
    tokenizer = make(**arguments)
    tokenizer.fit_on_texts(texts)
    return tokenizer


def pair(texts, **arguments):
    """Return our tokenizer and the legacy one, fitted alike."""
    return [fitted(make, texts, **arguments) for make in (Tokenizer, Legacy)]


def assert_same(ours, theirs, texts, *, num_matrix=None):
    """Check that all common attributes are equal."""
    for name in ATTRIBUTES:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert list(ours.word_counts) == list(theirs.word_counts)
    assert list(ours.word_index) == list(theirs.word_index)
    sequences = ours.texts_to_sequences(texts)
    assert sequences == theirs.texts_to_sequences(texts)
    assert ours.sequences_to_texts(sequences) == theirs.sequences_to_texts(sequences)
    for mode in MODES:
        ours_matrix = ours.texts_to_matrix(texts[:num_matrix], mode)
        theirs_matrix = theirs.texts_to_matrix(texts[:num_matrix], mode)
        assert ours_matrix.dtype == theirs_matrix.dtype
        np.testing.assert_allclose(ours_matrix, theirs_matrix, rtol=1e-12)  # float64, two logarithms


@pytest.mark.parametrize("oov_token", [None, "<unk>", "oov"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_words": 2},
        {"num_words": 5},
        {"num_words": 1000},
        {"lower": False},
        {"filters": ""},
        {"filters": "aT é"},
        {"split": ","},
        {"split": "t", "filters": "\n"},
        {"char_level": True},
        {"char_level": True, "lower": False, "num_words": 8},
    ],
    ids=str,
)
def test_english_equals_the_legacy_class(arguments, oov_token):
    ours, theirs = pair(ENGLISH, oov_token=oov_token, **arguments)
    assert_same(ours, theirs, ENGLISH + NEW)


@pytest.mark.parametrize("oov_token", [None, "<unk>"])
def test_repeated_fits_equal_the_legacy_class(oov_token):
    ours, theirs = pair(ENGLISH, oov_token=oov_token)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(NEW * 3)
        tokenizer.fit_on_sequences([[1, 1, 2], [70, 2]])
        tokenizer.fit_on_texts(["one more, one more text"])
    assert_same(ours, theirs, ENGLISH + NEW)


def test_random_english_equals_the_legacy_class():
    chance = random.Random(0)
    letters = [chr(code) for code in range(1, 0x24F) if chr(code) not in "\u0130"]  # ASCII, Latin-1, Latin extended
    texts = ["".join(chance.choices(letters, k=200)) + " the end" for _ in range(300)]
    assert_same(*pair(texts, oov_token=None), texts)


def test_num_words_can_be_set_after_fitting_as_in_the_legacy_class():
    ours, theirs = pair(ENGLISH, oov_token="<unk>")
    ours.num_words = theirs.num_words = 4
    assert_same(ours, theirs, NEW)


def test_fit_on_sequences_alone_is_enough_for_tfidf():
    ours, theirs = Tokenizer(num_words=4), Legacy(num_words=4)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_sequences([[1, 2, 2], [3], []])
    assert ours.index_docs == theirs.index_docs
    np.testing.assert_allclose(
        ours.sequences_to_matrix([[1, 1, 3, 5]], "tfidf"), theirs.sequences_to_matrix([[1, 1, 3, 5]], "tfidf")
    )


def test_matrices_by_hand():
    tokenizer = fitted(Tokenizer, ["a a b", "b c"], oov_token=None)
    assert tokenizer.word_index == {"a": 1, "b": 2, "c": 3}
    texts = ["a a c", "", "z"]
    assert tokenizer.texts_to_matrix(texts).tolist() == [[0, 1, 0, 1], [0] * 4, [0] * 4]
    assert tokenizer.texts_to_matrix(texts, "count").tolist() == [[0, 2, 0, 1], [0] * 4, [0] * 4]
    assert tokenizer.texts_to_matrix(texts, "freq")[0].tolist() == pytest.approx([0, 2 / 3, 0, 1 / 3])
    one = np.log(1 + 2 / 2)  # two documents, one of which contains the word
    assert tokenizer.texts_to_matrix(texts, "tfidf")[0].tolist() == pytest.approx([0, (1 + np.log(2)) * one, 0, one])


def is_east_asian(text):
    return re.search("[" + "".join(f"{first}-{last}" for first, last in SINGLE_CHARACTERS) + "\u3000]", text)


def imdb(shared, count):
    import tensorflow_datasets as tfds

    data = tfds.load("imdb_reviews", split=f"train[:{count}]", data_dir=str(shared / "data/tfds"), download=False)
    texts = [example["text"].decode() for example in data.as_numpy_iterator()]
    return [text for text in texts if not is_east_asian(text)]  # a few have full-width punctuation


@pytest.mark.shared
@pytest.mark.parametrize("oov_token", [None, "<unk>"])
@pytest.mark.parametrize("num_words", [None, 2000])
def test_imdb_equals_the_legacy_class(shared, oov_token, num_words):
    texts = imdb(shared, 1200)
    assert len(texts) > 1190
    ours, theirs = pair(texts[:1000], oov_token=oov_token, num_words=num_words)
    assert_same(ours, theirs, texts[950:], num_matrix=30)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("oov_token", ["<unk>", pytest.param(None, marks=pytest.mark.long)])
def test_all_training_reviews_of_imdb_equal_the_legacy_class(shared, oov_token):
    texts = imdb(shared, 25_000)
    ours, theirs = pair(texts, oov_token=oov_token)
    assert_same(ours, theirs, texts, num_matrix=20)


def test_chinese_is_split_by_character():
    text = "这是一个新的示例文本"
    tokenizer = fitted(Tokenizer, [text])
    assert len(tokenizer.encode(text)) == 10
    assert tokenizer.sequences_to_texts([tokenizer.encode(text)]) == [" ".join(text)]


def test_padding_is_0_and_unknown_words_are_1():
    tokenizer = fitted(Tokenizer, ["a b"])
    assert tokenizer.word_index == {"<unk>": 1, "a": 2, "b": 3}
    assert tokenizer.texts_to_sequences(["b z a"]) == [[3, 1, 2]]
    assert tokenizer.sequences_to_texts([[0, 0, 3, 1, 99, 2, 0]]) == ["b <unk> <unk> a"]


def test_words_that_equal_the_oov_token_are_unknown():
    tokenizer = fitted(Tokenizer, ["oov a oov", ["oov", "b"]], oov_token="oov")
    assert tokenizer.word_index == {"oov": 1, "a": 2, "b": 3}
    assert tokenizer.index_word == {1: "oov", 2: "a", 3: "b"}
    assert tokenizer.word_counts["oov"] == 3
    assert tokenizer.encode("b oov c") == [3, 1, 1]


def test_rare_words_get_no_id():
    tokenizer = fitted(Tokenizer, ["a a b", "b c"], min_frequency=2)
    assert tokenizer.word_index == {"<unk>": 1, "a": 2, "b": 3}
    assert tokenizer.word_counts == {"a": 2, "b": 2, "c": 1}
    assert tokenizer.encode("c a") == [1, 2]
    tokenizer.fit_on_texts(["c"])
    assert tokenizer.encode("c a") == [4, 2]


def test_bytes_are_text_in_utf_8():
    tokenizer = fitted(Tokenizer, ["café", b"caf\xc3\xa9 \xff", [b"caf\xc3\xa9"]])
    assert tokenizer.word_counts == {"café": 3, "\ufffd": 1}
    assert tokenizer.texts_to_sequences([b"\xfe caf\xc3\xa9", np.bytes_(b"\xfe"), np.str_("Café")]) == [[3, 2], [3], [2]]


def test_lone_surrogates_are_the_replacement_character():
    tokenizer = fitted(Tokenizer, ["a\udc80 \ud83d\ude00", ["\ud800"]])
    assert list(tokenizer.word_counts) == ["a\ufffd", "\ufffd\ufffd", "\ufffd"]
    assert fitted(Tokenizer, ["\ud800"], char_level=True).encode("\udfff\ufffd") == [2, 2]


def test_characters_are_words_of_one_character_with_char_level():
    tokenizer = fitted(Tokenizer, ["Aa 很İ\x00"], char_level=True)
    assert list(tokenizer.word_index) == ["<unk>", "a", " ", "很", "i", "\x00"]
    assert tokenizer.encode(" A!") == [3, 2, 1]


def test_texts_may_be_any_iterable():
    tokenizer = fitted(Tokenizer, (text for text in ["a b", "a"]))
    assert tokenizer.texts_to_sequences(np.array(["b", "a"], object)) == [[3], [2]]
    assert list(itertools.islice(tokenizer.texts_to_sequences_generator(itertools.repeat("a b")), 2)) == [[2, 3]] * 2
    assert tokenizer.sequences_to_texts(np.array([[2, 3, 0]])) == ["a b"]


def test_a_failed_fit_changes_nothing():
    tokenizer = fitted(Tokenizer, ["a b"])
    before = tokenizer.to_json()
    with pytest.raises(DataError):
        tokenizer.fit_on_texts(["c d", None])
    assert tokenizer.to_json() == before


def test_a_tokenizer_can_be_pickled():
    tokenizer = fitted(Tokenizer, ["a b 很"])
    assert pickle.loads(pickle.dumps(tokenizer)).encode("很 a") == tokenizer.encode("很 a")


@pytest.mark.parametrize(
    "arguments",
    [{}, {"oov_token": None, "num_words": 3}, {"char_level": True, "lower": False}, {"min_frequency": 2, "filters": ""}],
    ids=str,
)
def test_json_restores_everything(arguments):
    tokenizer = fitted(Tokenizer, [*ENGLISH, "这是\x00😀"], **arguments)
    again = Tokenizer.from_json(tokenizer.to_json(indent=1))
    assert vars(again) == vars(tokenizer)
    assert again.get_config() == tokenizer.get_config()
    assert list(again.word_index) == list(tokenizer.word_index)


def test_json_of_a_tokenizer_without_words_can_be_read():
    assert vars(Tokenizer.from_json(Tokenizer().to_json())) == vars(Tokenizer())


@pytest.mark.parametrize("oov_token", [None, "the"])
def test_json_of_the_legacy_class_can_be_read(oov_token):
    theirs = fitted(Legacy, ENGLISH, oov_token=oov_token, num_words=9)  # "the" is a word too: its id is not 1
    ours = Tokenizer.from_json(theirs.to_json())
    assert_same(ours, theirs, ENGLISH + NEW)
    assert ours.min_frequency == 1


def test_json_has_the_layout_of_the_legacy_class():
    ours, theirs = pair(ENGLISH, oov_token="<unk>")
    ours, theirs = json.loads(ours.to_json()), json.loads(theirs.to_json())
    assert ours["class_name"] == theirs["class_name"]
    assert set(ours["config"]) - set(theirs["config"]) == {"min_frequency"}
    for name, value in theirs["config"].items():
        mine = ours["config"][name]
        assert mine == value or json.loads(mine) == json.loads(value), name
    del ours["config"]["min_frequency"]
    assert legacy_from_json(json.dumps(ours)).texts_to_sequences(["the film"]) == [[2, 3]]


CONFIG = fitted(Tokenizer, ["a b a"]).get_config()


def changed(**values):
    return json.dumps({"class_name": "Tokenizer", "config": {**CONFIG, **values}})


NO_TOKENIZERS = {
    "not JSON": ("tokenizer.json", "something that is not JSON"),
    "nothing": ("", "something that is not JSON"),
    "no text": (None, "something that is not JSON"),
    "too deep": ("[" * 100_000, "something that is not JSON"),
    "a list": ("[]", "JSON with top level: Input should be a valid dictionary"),
    "another class": ('{"class_name": "Dense", "config": {}}', "JSON with class_name: Input should be 'Tokenizer'"),
    "no config": ('{"class_name": "Tokenizer"}', "JSON with config: Field required"),
    "empty config": (
        '{"class_name": "Tokenizer", "config": {}}',
        "config.char_level: Field required; config.oov_token: Field required; config.document_count: Field required;",
    ),
    "unknown key": (changed(analyzer=None), "config.analyzer: Extra inputs are not permitted"),
    "table twice packed": (changed(word_counts={"a": 2}), "config.word_counts: Value error, Input should be JSON text"),
    "table is a list": (changed(word_docs="[]"), "config.word_docs: Input should be a valid dictionary"),
    "ids disagree": (changed(word_index='{"a": 1}'), "word_index contradicts index_word"),
    "same id twice": (
        changed(word_index='{"<unk>": 1, "a": 2, "b": 2}', index_word='{"1": "<unk>", "2": "b"}'),
        "word_index contains an id twice",
    ),
    "id 0": (
        changed(word_index='{"<unk>": 0}', index_word='{"0": "<unk>"}'),
        "config.word_index.<unk>: Input should be greater than 0",
    ),
    "id no number": (
        changed(word_index='{"<unk>": "1"}', index_word='{"1": "<unk>"}'),
        "config.word_index.<unk>: Input should be a valid integer",
    ),
    "count is negative": (changed(word_counts='{"a": -1}'), "config.word_counts.a: Input should be greater than or equal to 0"),
    "docs of no id": (changed(index_docs='{"a": 1}'), "index_docs has keys that are not ids"),
    "no oov token": (changed(oov_token="other"), "word_index does not contain the oov_token 'other'"),
    "documents": (changed(document_count=None), "config.document_count: Input should be a valid integer"),
}


@pytest.mark.parametrize(("text", "received"), NO_TOKENIZERS.values(), ids=NO_TOKENIZERS)
def test_invalid_json_is_rejected(text, received):
    with pytest.raises(DataError) as caught:
        Tokenizer.from_json(text)
    message = str(caught.value)
    assert message.startswith("This is not a tokenizer. Received: ")
    assert received in message
    assert "Save the tokenizer again with to_json" in message


def test_an_argument_in_json_that_is_not_accepted_is_refused():
    with pytest.raises(UsageError, match=r"`split` must be one character\. Received: 'ab'"):
        Tokenizer.from_json(changed(split="ab"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_words": 1}, r"`num_words` must be an integer of at least 2\. Received: 1\. Omit it"),
        ({"num_words": 2.0}, r"`num_words` must be an integer of at least 2\. Received: 2\.0\."),
        ({"num_words": True}, r"`num_words` must be an integer of at least 2\. Received: True\."),
        ({"min_frequency": 0}, r"`min_frequency` must be an integer of at least 1\. Received: 0\."),
        ({"split": ""}, r"`split` must be one character\. Received: ''\. Put further separators into `filters`"),
        ({"split": "--"}, r"`split` must be one character\. Received: '--'"),
        ({"split": None}, r"`split` must be one character\. Received: None"),
        ({"filters": None}, r"`filters` must be a string of characters\. Received: None\. Pass '' to filter nothing"),
        ({"oov_token": ""}, r"`oov_token` must be a word or None\. Received: ''\. Pass '<unk>', or None"),
        ({"oov_token": 1}, r"`oov_token` must be a word or None\. Received: 1\."),
    ],
)
def test_a_wrong_argument_is_rejected_with_the_rule_and_the_fix(arguments, message):
    with pytest.raises(UsageError, match=message):
        Tokenizer(**arguments)


def test_numpy_integers_become_plain_ones():
    tokenizer = fitted(Tokenizer, ["a"], num_words=np.int64(5), min_frequency=np.int32(1))
    assert json.loads(tokenizer.to_json())["config"]["num_words"] == 5


CALLS = [
    "fit_on_texts",
    "fit_on_sequences",
    "texts_to_sequences",
    "texts_to_sequences_generator",
    "sequences_to_texts",
    "sequences_to_texts_generator",
    "texts_to_matrix",
    "sequences_to_matrix",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("value", "kind"), [("a text", "str"), (b"a text", "bytes"), (3, "int"), (None, "NoneType")])
def test_a_single_text_instead_of_a_list_is_rejected(call, value, kind):
    tokenizer = fitted(Tokenizer, ["a"])
    with pytest.raises(UsageError, match=rf"A list is expected\. Received: .* \({kind}\)\. Pass a list: \[text\]\."):
        getattr(tokenizer, call)(value)


@pytest.mark.parametrize("text", [None, float("nan"), 3, {"a": 1}, np.array(["a"])])
@pytest.mark.parametrize("call", ["fit_on_texts", "texts_to_sequences", "texts_to_matrix"])
def test_input_that_is_not_text_is_rejected(call, text):
    tokenizer = fitted(Tokenizer, ["a"])
    with pytest.raises(
        DataError, match=r"A text must be a string, UTF-8 bytes or a list of words\. Received: .*Drop missing texts"
    ):
        getattr(tokenizer, call)(["a", text])


def test_a_list_of_words_that_are_not_strings_is_rejected():
    with pytest.raises(
        DataError, match=r"A list of words must contain strings\. Received: \['a', 3\]\. Convert its items to strings"
    ):
        Tokenizer().fit_on_texts([["a", 3]])


@pytest.mark.parametrize("sequence", ["ab", 3, [1.5], [None], [["a"]]])
@pytest.mark.parametrize("call", ["fit_on_sequences", "sequences_to_texts", "sequences_to_matrix"])
def test_an_invalid_sequence_is_rejected(call, sequence):
    tokenizer = fitted(Tokenizer, ["a"])
    with pytest.raises(DataError, match=r"A sequence must be a list of ids\. Received: .*Pass a list of lists"):
        getattr(tokenizer, call)([sequence])


@pytest.mark.parametrize("oov_token", [None, "<unk>"])
@pytest.mark.parametrize(
    ("call", "argument"),
    [
        ("encode", "a"),
        ("texts_to_sequences", ["a"]),
        ("sequences_to_texts", [[1]]),
        ("texts_to_matrix", ["a"]),
        ("sequences_to_matrix", [[1]]),
    ],
)
def test_a_tokenizer_without_words_is_refused(oov_token, call, argument):
    message = r"The tokenizer must be fitted\. Received: .* document_count=0 and an empty word_index\. Call fit_on_texts"
    with pytest.raises(UsageError, match=message):
        getattr(Tokenizer(oov_token=oov_token), call)(argument)


def test_an_unknown_mode_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"Unknown mode of a matrix\. Received: 'tfdif'\. Did you mean 'tfidf'\?"):
        fitted(Tokenizer, ["a"]).texts_to_matrix(["a"], "tfdif")


def test_tfidf_without_documents_is_refused():
    with pytest.raises(UsageError, match=r'mode="tfidf" needs the number of documents\. Received: .*document_count=0'):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf")


def test_negative_ids_are_refused():
    with pytest.raises(DataError, match=r"Ids must be 0 or more\. Received: -2\. Pass the sequences from texts_to_sequences"):
        fitted(Tokenizer, ["a"]).sequences_to_matrix([[1, -2]])


def test_importing_it_imports_nothing_heavy():
    code = (
        "import sys, zoo.text; zoo.text.Tokenizer().to_json(); "
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_two_processes_write_the_same_json():
    code = "import zoo.text; t = zoo.text.Tokenizer(); t.fit_on_texts(['b a c d e f', 'x y a']); print(t.to_json())"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert runs[0]
    assert runs[0] == runs[1]
