"""Readers convert sources of data to `Examples`."""

from zoo.readers.reader import READERS, Reader, register_reader

__all__ = ["READERS", "Reader", "register_reader"]
