"""Texts as a kind of input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.inputs.kind import InputKind, register_input
from zoo.progress import track

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.text.preprocessor import RawTexts
    from zoo.inputs.text.texts import Texts
    from zoo.settings import DataArguments


class TextKind(InputKind):
    """Texts; readers deliver them as `Texts`."""

    name = "text"
    prediction_hint = '"your text"'
    argument = "vocabulary_size"
    is_plain_text = True

    def fit(self, features: Texts, rows: np.ndarray, shape: tuple[int, ...] | None, arguments: DataArguments) -> RawTexts:
        """Learn the vocabulary of the training texts, unless the model takes strings."""
        from zoo.inputs.text.preprocessor import RawTexts, TextPreprocessor

        if arguments.raw:
            return RawTexts()
        return TextPreprocessor.fit(track(features.rows(rows), "Learning the vocabulary"), arguments)

    def load(self, plain: Mapping[str, Any] | None, shape: tuple[int | None, ...]) -> RawTexts:
        """Restore a preprocessor from stored data."""
        from zoo.inputs.text.preprocessor import RawTexts, TextPreprocessor

        if plain:
            return TextPreprocessor.from_dict(plain)
        if shape:
            raise ValueError("the vocabulary is missing")
        return RawTexts()


TEXT = register_input(TextKind())
