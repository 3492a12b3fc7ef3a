"""Texts to ids: vocabulary of the training part only, truncation and padding as in Keras, and 0 only for padding."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.errors import DataError, UsageError
from zoo.inputs.text.preprocessor import TextPreprocessor
from zoo.inputs.text.texts import Texts, hash_texts
from zoo.settings import DataArguments

WORDS = [f"w{number}" for number in range(40)]
sequences = st.lists(st.lists(st.integers(0, 39), min_size=1, max_size=12), min_size=1, max_size=6)


def fitted(*texts: str, **arguments: Any) -> TextPreprocessor:
    return TextPreprocessor.fit(texts, DataArguments(**arguments))


def ids_of(preprocessor: TextPreprocessor, text: str) -> list[int]:
    return preprocessor.encode(text).tolist()


@settings(max_examples=60, deadline=None)
@given(sequences, st.integers(1, 12), st.sampled_from(["pre", "post"]), st.sampled_from(["pre", "post"]), st.booleans())
def test_truncation_and_padding_equal_pad_sequences(
    numbers: list[list[int]], max_length: int, truncation: str, padding: str, buckets: bool
) -> None:
    arguments = {"max_length": max_length, "truncation": truncation, "padding": padding, "buckets": buckets}
    preprocessor = fitted(" ".join(WORDS), **arguments)
    texts = [" ".join(WORDS[number] for number in row) for row in numbers]
    found = preprocessor.pad([preprocessor.encode(text) for text in texts])
    width = min(max_length, max(map(len, numbers))) if buckets else max_length
    expected = keras.utils.pad_sequences(
        [[number + 2 for number in row] for row in numbers],  # 0 is padding, 1 unknown; equal counts keep their order
        maxlen=width,
        truncating=truncation,
        padding=padding,
    )
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("max_length", "expected"),
    [(6, [2, 3, 4, 5, 6, 7]), (5, [2, 3, 4, 6, 7]), (4, [2, 3, 6, 7]), (3, [2, 3, 7]), (2, [2, 7]), (1, [2])],
)
def test_the_middle_is_removed_and_an_odd_length_favours_the_start(max_length: int, expected: list[int]) -> None:
    assert ids_of(fitted("a b c d e f", max_length=max_length), "a b c d e f") == expected


def test_padding_before_and_after_by_hand() -> None:
    rows = [np.int32([5, 6, 7]), np.int32([8])]
    assert fitted("a b").pad(rows).tolist() == [[5, 6, 7], [8, 0, 0]]
    assert fitted("a b", padding="pre").pad(rows).tolist() == [[5, 6, 7], [0, 0, 8]]
    assert fitted("a b", padding="pre", buckets=False, max_length=4).pad(rows).tolist() == [[0, 5, 6, 7], [0, 0, 0, 8]]
    assert fitted("a b").pad([]).shape == (0, 0)


@pytest.mark.parametrize("text", ["", "   ", "!!!", "\n", "never seen"])
def test_a_text_without_a_known_word_is_unknown_and_never_empty(text: str) -> None:
    assert set(ids_of(fitted("a film"), text)) == {1}


def test_ids_follow_frequency_and_words_beyond_the_vocabulary_are_unknown() -> None:
    texts = ("the the the film film was", "the film good")
    assert ids_of(fitted(*texts), "the film was good bad") == [2, 3, 4, 5, 1]
    assert fitted(*texts).vocabulary_size == 6
    small = fitted(*texts, vocabulary_size=4)
    assert ids_of(small, "the film was good bad") == [2, 3, 1, 1, 1]
    assert small.vocabulary_size == 4
    frequent = fitted(*texts, min_frequency=3)
    assert ids_of(frequent, "the film was good bad") == [2, 3, 1, 1, 1]
    assert frequent.vocabulary_size == 4


def test_lower_and_char_level_have_their_effects() -> None:
    assert ids_of(fitted("Film film"), "FILM") == [2]
    assert ids_of(fitted("Film film film", lower=False), "film Film FILM") == [2, 3, 1]
    assert ids_of(fitted("aab", char_level=True), "ba?") == [3, 2, 1]
    assert ids_of(fitted("这部电影很好"), "很好这") == [6, 7, 2]


def test_no_text_and_no_setting_puts_0_inside() -> None:
    random = np.random.default_rng(0)
    letters = np.array([*"abc ABC!.,\n\t0é影\u3000\u200b"])
    texts = ["".join(random.choice(letters, random.integers(0, 30))) for _ in range(300)]
    for arguments in (
        {},
        {"char_level": True},
        {"vocabulary_size": 4},
        {"min_frequency": 9},
        {"max_length": 2, "lower": False},
    ):
        preprocessor = fitted("a b c", *texts[:100], **arguments)
        encoded = np.concatenate([preprocessor.encode(text) for text in texts])
        assert encoded.min() >= 1
        assert encoded.max() < preprocessor.vocabulary_size


@pytest.mark.parametrize("truncation", ["pre", "post", "middle"])
def test_a_preprocessor_from_json_encodes_and_pads_the_same(truncation: str) -> None:
    arguments = {"truncation": truncation, "padding": "pre", "buckets": False, "max_length": 3, "lower": False}
    preprocessor = fitted("Ein Film 很好 a b", vocabulary_size=6, **arguments)
    again = TextPreprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict())))
    assert again.to_dict() == preprocessor.to_dict()
    texts = ["Ein Film 很好 a b", "ein", "", "很"]
    np.testing.assert_array_equal(
        again.pad([again.encode(text) for text in texts]), preprocessor.pad([preprocessor.encode(text) for text in texts])
    )


@pytest.mark.parametrize(
    ("texts", "arguments"), [(["", "?!", " "], {}), (["a b c"], {"min_frequency": 2})], ids=["punctuation", "rare"]
)
def test_texts_without_words_to_learn_from_are_refused(texts: list[str], arguments: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"no words to learn from.*min_frequency.*Received: {len(texts)} texts. Pass texts"):
        fitted(*texts, **arguments)


def test_rows_are_read_in_order_each_time() -> None:
    texts = Texts.of(["a", "b", "c", "b"])
    for _ in range(2):
        assert list(texts.rows(np.array([1, 3]))) == ["b", "b"]
        assert list(texts.rows(np.array([], int))) == []
    assert len(set(texts.hashes.tolist())) == 3
    assert texts.hashes[1] == texts.hashes[3]


def test_hashes_distinguish_all_strings() -> None:
    different = ["a", "A", "a ", "é", "e\u0301", "", "\ud800", "影"]
    assert len(set(hash_texts(different).tolist())) == len(different)


def parts(**arguments: Any) -> zoo.Splits:
    content = {
        "train": (["good film", "bad film", "a good one", "a bad one"], ["pos", "neg"] * 2),
        "validation": (["good valid", "bad valid"], ["pos", "neg"]),
        "test": (["good tested", "bad tested"], ["pos", "neg"]),
    }
    return zoo.load_data(content, **arguments)


def test_the_vocabulary_is_that_of_the_training_part_alone() -> None:
    data = parts()
    assert set(data.info.tokenizer.word_index) == {"<unk>", "good", "bad", "film", "a", "one"}
    for part in ("validation", "test"):
        ((ids, _),) = getattr(data, part)
        assert ids.numpy()[:, 1].tolist() == [1, 1]
        assert 1 not in ids.numpy()[:, 0]
        assert data.info.report["texts"][part]["unknown"] == 0.5
    assert data.info.report["texts"]["train"] == {"median_tokens": 2.5, "at_max_length": 0.0, "unknown": 0.0}


def test_words_of_rows_that_overlap_drops_from_train_are_not_learned() -> None:
    train, own = (["good film", "bad film", "secret word", "a film"], list("pnpn")), (["a good film"], ["p"])
    data = zoo.load_data({"train": train, "validation": own, "test": (["secret word"], ["p"])})
    assert data.info.num_examples["train"] == 3
    assert "secret" not in data.info.tokenizer.word_index


def test_arguments_reach_the_batches() -> None:
    data = parts(max_length=2, vocabulary_size=4, padding="pre", buckets=False, batch_size=8)
    for part in (data.train, data.validation, data.test):
        ((ids, labels),) = part
        assert ids.dtype == "int32"
        assert labels.dtype == "int64"
        assert ids.shape[1] == 2
        assert int(np.max(ids)) <= 3
    assert data.info.preprocessor.vocabulary_size == 4
    assert data.info.input_shape == (None,)
    assert data.info.model_arguments() == {"vocabulary_size": 4, "max_sequence_length": 2, "num_classes": 2}


def test_raw_gives_the_strings_in_utf_8() -> None:
    texts = ["这部电影 good", "bad\ttabs\nlines", " x "]
    train, own = (["g h", "i j"], ["a", "b"]), (["k"], ["a"])
    data = zoo.load_data({"train": train, "validation": own, "test": (texts, ["a", "b", "b"])}, raw=True)
    ((strings, numbers),) = data.test
    assert [text.decode() for text in strings.numpy()] == texts
    assert numbers.numpy().tolist() == [0, 1, 1]
    assert data.info.input_shape == ()
    assert data.info.preprocessor.takes_strings
    with pytest.raises(UsageError, match="Only texts that are converted to ids have a tokenizer"):
        _ = data.info.tokenizer


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_length": 0}, "`max_length` is not accepted.*Received: 0"),
        ({"vocabulary_size": 2}, "`vocabulary_size` is not accepted.*Received: 2"),
        ({"min_frequency": 0}, "`min_frequency` is not accepted"),
        ({"truncation": "mid"}, "`truncation` is not accepted.*'middle'"),
        ({"padding": "both"}, "`padding` is not accepted"),
        ({"encoding": "utf-9"}, "`encoding` is not accepted.*no encoding has this name"),
        ({"max_len": 3}, r"'max_len'. Did you mean 'max_length'\?"),
    ],
)
def test_values_that_are_not_accepted(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parts(**arguments)


def test_raw_texts_are_in_the_order_of_the_labels() -> None:
    data = parts()
    assert list(data.texts("test")) == ["good tested", "bad tested"]
    assert [data.info.labels[number] for number in data.targets("test")] == ["pos", "neg"]
    with pytest.raises(UsageError, match="Only text data have texts"):
        zoo.load_data("iris").texts("test")
