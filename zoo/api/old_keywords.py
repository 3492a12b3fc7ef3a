"""Errors that give the new spelling of keywords that verbs accepted up to version 0.1."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from zoo.errors import UsageError
from zoo.keywords import DataKeywords

Verb = TypeVar("Verb", bound=Callable[..., Any])


def explains_data_arguments(verb: Verb) -> Verb:
    """Make a verb refuse data arguments passed as keywords, with an error that gives the new spelling.

    Example:
        >>> explains_data_arguments(lambda data: data)("iris", max_length=8)
        Traceback (most recent call last):
        zoo.errors.UsageError: Data arguments are a mapping. Received: max_length=8. Write data_arguments={'max_length': 8}.
    """

    @wraps(verb)
    def call(*args: Any, **kwargs: Any) -> Any:
        for name, value in kwargs.items():
            if name in DataKeywords.__annotations__:
                raise UsageError(
                    f"Data arguments are a mapping. Received: {name}={value!r}. Write data_arguments={{{name!r}: {value!r}}}."
                )
        return verb(*args, **kwargs)

    return call  # type: ignore[return-value] # `wraps` keeps the signature
