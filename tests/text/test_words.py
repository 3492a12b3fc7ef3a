"""Splitting: separators, filters, single characters, and lower case before filters."""

# ruff: noqa: RUF001 - full-width forms and Greek are what is tested

from __future__ import annotations

import pytest

from zoo.text.characters import DEFAULT_FILTERS
from zoo.text.words import split_words

CASES = [
    ("这是一个新的示例文本", [*"这是一个新的示例文本"]),
    ("我爱Python3.11，真的！", [*"我爱", "python3", "11", "，", *"真的！"]),
    ("ｶﾀｶﾅ カタ", [*"ｶﾀｶﾅカタ"]),
    ("한국어 ᄒ", [*"한국어ᄒ"]),
    ("ＡＢＣ　１２３", ["ａｂｃ", "１２３"]),
    ("a\u3000b　　c", ["a", "b", "c"]),
    ("naïve—café", ["naïve—café"]),
    ("a\x00b \x00", ["a\x00b", "\x00"]),
    ("a\r\u00a0\x85b", ["a\r\u00a0\x85b"]),
    ("", []),
    (" ,\t\n.!", []),
    ("İİ ΣΑΣ", ["ii", "σασ"]),
]


@pytest.mark.parametrize(("text", "words"), CASES)
def test_words_with_the_default_settings(text, words):
    assert split_words(text, DEFAULT_FILTERS, lower=True, split=" ") == words


@pytest.mark.parametrize(
    ("text", "filters", "lower", "split", "words"),
    [
        ("A b", "", False, " ", ["A", "b"]),
        ("A,b c", "", True, ",", ["a", "b c"]),
        ("xAbBx", "a", True, " ", ["x", "bbx"]),
        ("xAbBx", "A", True, " ", ["xabbx"]),
        ("xAbBx", "A", False, "B", ["x", "b", "x"]),
        ("a\\b^c]d-e", "\\^]-", True, " ", ["a", "b", "c", "d", "e"]),
        ("a b、c。d", "", True, "、", ["a b", "c", "。", "d"]),
        ("a b“c” d", "“”", True, " ", ["a", "b", "c", "d"]),
        ("很好很", "好", True, " ", ["很", "很"]),
        ("\u212aik\u0130x", "ik", True, " ", ["x"]),
        ("a b", "", True, "é", ["a b"]),
        ("aéb c", "", True, "é", ["a", "b c"]),
    ],
)
def test_words_with_other_settings(text, filters, lower, split, words):
    assert split_words(text, filters, lower, split) == words


@pytest.mark.parametrize("place", [0, 3])
def test_a_non_ascii_character_does_not_affect_its_neighbours(place):
    text = "One, two!\tThree--four  five."
    other = text[:place] + "é" + text[place:]
    expected = [word.replace("é", "") for word in split_words(other, DEFAULT_FILTERS, True, " ")]
    assert list(filter(None, expected)) == split_words(text, DEFAULT_FILTERS, True, " ")


@pytest.mark.parametrize("filters", ["", DEFAULT_FILTERS])
def test_every_ascii_character_separates_only_as_configured(filters):
    for character in map(chr, range(128)):
        is_separator = character in {" ", *filters}
        expected = ["a", "b", "c"] if is_separator else [f"a{character.lower()}b", "c"]
        assert split_words(f"a{character}b  c ", filters, lower=True, split=" ") == expected
