"""Kinds of input: each package here has everything that is specific to images, texts or tables."""
