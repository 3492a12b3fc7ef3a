"""Reads and validates a tokenizer's JSON: the layout of the legacy Keras Tokenizer, plus zoo's own keys."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

from zoo.errors import DataError

ARGUMENTS = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
OUR_ARGUMENTS = ("min_frequency",)  # not in a legacy file
TABLES = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")


class SavedTokenizer(NamedTuple):
    """Content of a file: the arguments of `Tokenizer`, and what it has learned."""

    arguments: dict[str, Any]
    document_count: int
    word_index: dict[str, int]
    word_counts: Counter[str]
    word_docs: Counter[str]
    index_docs: Counter[int]


def read_tokenizer(json_string: str | bytes) -> SavedTokenizer:
    """Return the content that `Tokenizer.to_json` or the legacy `to_json` wrote.

    Raises:
        DataError: the JSON is different, or contradicts itself.
    """
    try:
        saved = json.loads(json_string)
    except (ValueError, RecursionError, TypeError) as error:
        raise _refused(f"something that is not JSON ({str(error)[:100]})") from error
    config = saved.get("config") if isinstance(saved, dict) else None
    if not isinstance(config, dict) or saved.get("class_name") != "Tokenizer":
        raise _refused("JSON without class_name 'Tokenizer' and its config")
    missing = {*ARGUMENTS, *TABLES, "document_count"} - set(config)
    unknown = set(config) - {*ARGUMENTS, *OUR_ARGUMENTS, *TABLES, "document_count"}
    if missing or unknown:
        raise _refused(f"a config with missing keys {sorted(missing)} and unknown keys {sorted(unknown)}")

    tables = {name: _table(name, config[name]) for name in TABLES}
    word_index, index_word = tables["word_index"], tables["index_word"]
    if {str(number): word for word, number in word_index.items()} != index_word or len(word_index) != len(index_word):
        raise _refused("a word_index that contradicts index_word")
    for name in ("word_counts", "word_docs", "index_docs", "word_index"):
        least = 1 if name == "word_index" else 0
        if not all(_is_count(number, least) for number in tables[name].values()):
            raise _refused(f"{name} with values that are not integers of at least {least}")
    if not all(number.isdecimal() for number in tables["index_docs"]):
        raise _refused("index_docs with keys that are not ids")
    if word_index and config["oov_token"] is not None and config["oov_token"] not in word_index:
        raise _refused(f"a word_index without the oov_token {config['oov_token']!r}")
    if not _is_count(config["document_count"], 0):
        raise _refused(f"document_count={config['document_count']!r}")
    return SavedTokenizer(
        arguments={name: config[name] for name in (*ARGUMENTS, *OUR_ARGUMENTS) if name in config},
        document_count=config["document_count"],
        word_index=word_index,
        word_counts=Counter(tables["word_counts"]),
        word_docs=Counter(tables["word_docs"]),
        index_docs=Counter({int(number): count for number, count in tables["index_docs"].items()}),
    )


def _table(name: str, value: Any) -> dict[str, Any]:
    """Return one of the tables, which are nested JSON text."""
    try:
        table = json.loads(value)
    except (ValueError, RecursionError, TypeError) as error:
        raise _refused(f"a config whose {name} is not JSON text") from error
    if not isinstance(table, dict):
        raise _refused(f"a config whose {name} is not a table")
    return table


def _is_count(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _refused(received: str) -> DataError:
    return DataError(
        f"This is not a tokenizer. Received: {received}. Accepted: the JSON text that `Tokenizer.to_json` or the legacy Keras "
        "Tokenizer writes. Save the tokenizer again with to_json, and pass the text of the file, not its path."
    )
