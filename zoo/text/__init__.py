"""Text to ids: a tokenizer in Python, and the same tokenizer inside a TensorFlow graph (`zoo.text.graph`)."""

from zoo.text.tokenizer import Tokenizer

__all__ = ["Tokenizer"]
