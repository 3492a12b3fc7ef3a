"""Character rules: lower case as a one-to-one mapping, valid Unicode, and blocks that are split by character."""

# ruff: noqa: RUF001 - full-width forms and Greek are what is tested

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest

from zoo.text.characters import SINGLE_CHARACTERS, lower_case, valid_text

EVERY = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "KANGXI")


def is_single(character):
    return any(first <= character <= last for first, last in SINGLE_CHARACTERS)


def test_lower_case_of_every_code_point_is_the_first_character_of_its_lower_case():
    assert lower_case(EVERY) == "".join(character.lower()[0] for character in EVERY)


def test_lower_case_of_a_character_is_independent_of_its_neighbours():
    text = "ΑΣ ΑΣΑ Σ. İI"
    assert lower_case(text) == "".join(map(lower_case, text))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("café", "café"),
        ("a\ud800b", "a\ufffdb"),
        ("\ud83d\ude00", "\ufffd\ufffd"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\x00", "\ufffd\x00"),
    ],
)
def test_invalid_utf_8_becomes_the_replacement_character(text, valid):
    assert valid_text(text) == valid


def test_blocks_are_in_order_and_disjoint():
    ends = [end for block in SINGLE_CHARACTERS for end in block]
    assert ends == sorted(ends)
    assert all(before < after for (_, before), (after, _) in pairwise(SINGLE_CHARACTERS))


def test_every_character_with_an_east_asian_name_is_single():
    names = ((character, unicodedata.name(character, "")) for character in EVERY)
    left = [name for character, name in names if name.startswith(EAST_ASIAN) and not is_single(character)]
    # Tally marks are symbols.
    assert [name for name in left if not name.startswith("IDEOGRAPHIC TALLY")] == ["IDEOGRAPHIC SPACE"]


@pytest.mark.parametrize("character", "aéЖאعनก😀\u0301\u3000\u4dc0Ａｚ９０")
def test_other_scripts_and_full_width_letters_are_not_single_characters(character):
    assert not is_single(character)


@pytest.mark.parametrize("character", "中㐀𠀀𰀀豈々〇、。「ーアｱあㄅ가ᄀㄱ！，～￥")
def test_east_asian_characters_are_single(character):
    assert is_single(character)
