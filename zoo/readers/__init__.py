"""Readers: each converts one kind of source to `Examples`."""
