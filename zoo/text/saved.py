"""Reads and validates a tokenizer's JSON: the layout of the legacy Keras Tokenizer, plus zoo's own key `min_frequency`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, NonNegativeInt, PositiveInt, ValidationError, model_validator

from zoo.errors import DataError

ARGUMENTS = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "min_frequency")
TABLES = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")


def _unpack(table: Any) -> Any:
    if not isinstance(table, str):
        raise ValueError("Input should be JSON text")
    return json.loads(table)


Unpacked = BeforeValidator(_unpack)  # a table is JSON text inside the JSON
Counts = Annotated[dict[Any, NonNegativeInt], Unpacked]


class SavedTokenizer(BaseModel):
    """A saved tokenizer: the arguments of `Tokenizer`, which checks them, and the learned tables."""

    model_config = ConfigDict(extra="forbid", strict=True)

    num_words: Any
    filters: Any
    lower: Any
    split: Any
    char_level: Any
    oov_token: Any
    min_frequency: Any = 1  # not in a legacy file
    document_count: NonNegativeInt
    word_counts: Counts
    word_docs: Counts
    index_docs: Counts
    index_word: Annotated[dict[Any, Any], Unpacked]
    word_index: Annotated[dict[Any, PositiveInt], Unpacked]

    @model_validator(mode="after")
    def _check_consistency(self) -> SavedTokenizer:
        if {str(number): word for word, number in self.word_index.items()} != self.index_word:
            raise ValueError("word_index contradicts index_word")
        if len(self.word_index) != len(self.index_word):
            raise ValueError("word_index contains an id twice")
        if not all(number.isdecimal() for number in self.index_docs):
            raise ValueError("index_docs has keys that are not ids")
        if self.word_index and self.oov_token is not None and self.oov_token not in self.word_index:
            raise ValueError(f"word_index does not contain the oov_token {self.oov_token!r}")
        return self


class SavedFile(BaseModel):
    """The content of a file: a saved tokenizer with its class name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    class_name: Literal["Tokenizer"]
    config: SavedTokenizer


def read_tokenizer(json_string: str | bytes) -> SavedTokenizer:
    """Read and check the JSON of `Tokenizer.to_json` or the legacy `to_json`.

    Raises:
        DataError: the JSON has another layout, or contradicts itself.
    """
    try:
        return SavedFile.model_validate(json.loads(json_string)).config
    except (ValueError, RecursionError, TypeError) as error:
        problem = f"something that is not JSON ({error!s:.100})"
        if isinstance(error, ValidationError):
            wrong = (f"{'.'.join(map(str, each['loc'])) or 'top level'}: {each['msg']}" for each in error.errors())
            problem = f"JSON with {'; '.join(wrong)}"
        raise DataError(
            f"This is not a tokenizer. Received: {problem}. Accepted: the JSON text that `Tokenizer.to_json` or the "
            "legacy Keras Tokenizer writes. Save the tokenizer again with to_json, and pass the text of the file, not its path."
        ) from error
