"""Readers: each converts one kind of source to `Examples`."""

from zoo.readers.reader import READERS, Reader, register_reader

__all__ = ["READERS", "Reader", "register_reader"]
