"""Character rules of the tokenizer: valid Unicode, lower case, and characters that are single tokens."""

from __future__ import annotations

import re

DEFAULT_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # the legacy Keras Tokenizer's
IDEOGRAPHIC_SPACE = "\u3000"

# First and last character of each Unicode block (Blocks.txt, Unicode 16) that is split by character.
SINGLE_CHARACTERS = (
    ("\u1100", "\u11ff"),  # hangul jamo
    ("\u2e80", "\u2fff"),  # han radicals, ideographic description
    ("\u3001", "\u303f"),  # CJK symbols and punctuation, without the ideographic space
    ("\u3040", "\u4dbf"),  # kana, bopomofo, compatibility jamo, enclosed and squared forms, han extension A
    ("\u4e00", "\u9fff"),  # han
    ("\ua960", "\ua97f"),  # hangul jamo extended A
    ("\uac00", "\ud7ff"),  # hangul syllables, jamo extended B
    ("\uf900", "\ufaff"),  # han compatibility ideographs
    ("\ufe30", "\ufe6f"),  # vertical and small forms of punctuation
    ("\uff01", "\uff0f"),  # full-width punctuation; full-width digits and letters stay inside words
    ("\uff1a", "\uff20"),
    ("\uff3b", "\uff40"),
    ("\uff5b", "\uffef"),  # full-width punctuation and signs, half-width katakana and jamo
    ("\U00016fe0", "\U00016fff"),  # ideographic symbols and punctuation
    ("\U0001aff0", "\U0001b16f"),  # kana extensions
    ("\U0001f200", "\U0001f2ff"),  # enclosed ideographs
    ("\U00020000", "\U0003ffff"),  # han extensions B to J, compatibility supplement: planes 2 and 3 contain only han
)

_SURROGATES = re.compile("[\ud800-\udfff]")


def valid_text(text: str | bytes) -> str:
    r"""Return text as Unicode that UTF-8 can encode; invalid parts become U+FFFD, the replacement character.

    Example:
        >>> valid_text(b"caf\xc3\xa9"), valid_text(b"caf\xc3") == valid_text("caf\ud800") == "caf\ufffd"
        ('café', True)
    """
    if isinstance(text, bytes):
        return text.decode("utf-8", errors="replace")
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def lower_case(text: str) -> str:
    """Return text in lower case, using Unicode's simple mapping from one character to one character.

    `str.lower` differs in two cases: it converts the dotted capital I to two characters, and a capital sigma at the end of a
    word to a final sigma. Here, they always become "i" and the plain small sigma.

    Example:
        >>> lower_case("ΟΔΟΣ İ"), "ΟΔΟΣ".lower()
        ('οδοσ i', 'οδος')
    """
    if text.isascii():
        return text.lower()
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()
