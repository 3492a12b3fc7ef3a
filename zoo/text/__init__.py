"""Converts text to ids: a tokenizer in Python, and its twin inside a TensorFlow graph (`zoo.text.graph`)."""

from zoo.text.tokenizer import Tokenizer

__all__ = ["Tokenizer"]
