"""Kinds of input: one package for everything specific to images, one for texts, one for tables."""
