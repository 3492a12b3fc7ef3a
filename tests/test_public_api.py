"""The public API equals the snapshot in `public_api.txt`.

After an intended change, run `python tests/test_public_api.py`, and add it to the changelog.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

import zoo

SNAPSHOT = Path(__file__).with_name("public_api.txt")


def describe(name, home=zoo):
    """Return the lines of one public name: its signature, and for a class or module its public members."""
    thing = getattr(home, name)
    if inspect.ismodule(thing):
        return [f"{name}.{line}" for member in thing.__all__ for line in describe(member, thing)]
    if not inspect.isclass(thing):
        return [f"{name}{inspect.signature(thing)}"]
    if issubclass(thing, Exception):
        return [f"{name}({', '.join(kind.__name__ for kind in thing.__bases__)})"]
    lines = [f"{name}{inspect.signature(thing)}"]
    for member, value in sorted(vars(thing).items()):
        inner = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if member.startswith("_") or not (callable(inner) or hasattr(type(inner), "__get__")):
            continue
        lines.append(f"{name}.{member}{inspect.signature(inner) if inspect.isfunction(inner) else ''}")
    return lines


def surface():
    return "".join(f"{line}\n" for name in zoo.__all__ for line in describe(name))


def test_public_surface_is_the_snapshot():
    assert surface() == SNAPSHOT.read_text(encoding="utf-8"), "renew it: python tests/test_public_api.py"


@pytest.mark.parametrize("name", zoo.__all__)
def test_public_name_has_a_docstring_and_its_stated_home(name):
    thing = getattr(zoo, name)
    assert inspect.getdoc(thing)
    home = importlib.import_module(zoo._HOME[name])
    assert thing is (home if inspect.ismodule(thing) else getattr(home, name))


def test_public_names_are_sorted_and_each_has_one_home():
    assert list(zoo.__all__) == sorted(zoo.__all__)
    assert set(zoo.__all__) == set(zoo._HOME)


def test_dir_has_every_public_name():
    assert set(zoo.__all__) <= set(dir(zoo))


def test_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'trian'"):
        zoo.trian  # noqa: B018 - the access is the test


def test_star_import_gives_exactly_the_public_names():
    namespace = {}
    exec("from zoo import *", namespace)
    assert namespace.keys() - {"__builtins__"} == set(zoo.__all__)


if __name__ == "__main__":
    SNAPSHOT.write_text(surface(), encoding="utf-8")
