"""A shelf: a registry of entries from zoo and plug-ins, by name."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

from zoo.errors import UnknownNameError, UsageError

logger = logging.getLogger(__name__)
Entry = TypeVar("Entry")


@dataclass(eq=False)
class Shelf(Mapping[str, Entry], Generic[Entry]):
    """A mapping from names to registered entries, loaded on first use.

    Args:
        package: package of zoo whose modules register entries on import; also the entry-point group of plug-ins.
        noun: word for one entry in messages.
        own: modules of the package to import; None imports all; default None.
        entries: entries registered so far.
        has_own: whether import of the package's modules has started; default False.
        has_plugins: whether import of plug-ins has started; default False.
    """

    package: str
    noun: str
    own: tuple[str, ...] | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    has_own: bool = False
    has_plugins: bool = False

    def add(self, name: str, entry: Entry) -> None:
        """Register an entry; zoo's own entries load first, so that a plug-in cannot take their names.

        Raises:
            UsageError: the name is taken.
        """
        self._load_own()
        if name in self.entries:
            raise UsageError(
                f"The name {name!r} is taken in {self.package}. Received: a second {self.noun} with this name. "
                "Rename one of them."
            )
        self.entries[name] = entry

    def find(self, name: str) -> Entry:
        """Return the entry with this name.

        Raises:
            UnknownNameError: no entry has this name; the message suggests the nearest one.
        """
        if name not in self:
            raise UnknownNameError(self.noun, name, self)
        return self[name]

    def __getitem__(self, name: str) -> Entry:
        return self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def _loaded(self) -> dict[str, Entry]:
        self._load_own()
        if not self.has_plugins:
            self.has_plugins = True
            for entry_point in _entry_points(tuple(sys.path)).select(group=self.package):
                try:
                    entry_point.load()
                except (Exception, SystemExit) as error:  # a broken plug-in must not break zoo
                    logger.warning("Plug-in %s (%s) was ignored: %s", entry_point.name, entry_point.value, error)
        return self.entries

    def _load_own(self) -> None:
        if not self.has_own:
            self.has_own = True
            found = pkgutil.iter_modules(importlib.import_module(self.package).__path__)
            for name in (module.name for module in found) if self.own is None else self.own:
                importlib.import_module(f"{self.package}.{name}")


@cache
def _entry_points(path: tuple[str, ...]) -> Any:  # noqa: ARG001 - the cache's key
    """Return the entry points of all packages on `sys.path`, with `select`; cached, since it takes some 10 ms."""
    from importlib.metadata import entry_points

    return entry_points()
