"""Kinds of input: one package for everything specific to images, one for texts, one for tables."""

from zoo.inputs.kind import INPUTS, InputKind, Preprocessor, find_input, register_input

__all__ = ["INPUTS", "InputKind", "Preprocessor", "find_input", "register_input"]
