"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import zoo

SLOW = ("zoo.tuning.hypermodel", "zoo.api.scoring", "zoo.artefacts.run")  # they train
MODULES = [module.name for module in pkgutil.walk_packages(zoo.__path__, "zoo.")]


def examples_of(name):
    """Return the doctests of a module that have an example."""
    module = importlib.import_module(name)
    return [test for test in doctest.DocTestFinder(exclude_empty=True).find(module) if test.examples]


@pytest.mark.parametrize(
    "name", ["zoo", *(pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in MODULES)]
)
def test_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for test in examples_of(name):
        test.globs["directory"] = tmp_path / "example"  # a fresh path for examples that write
        said = []
        results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
        assert results.attempted > 0
        assert results.failed == 0, "".join(said)


def test_examples_are_found():
    assert {test.name for test in examples_of("zoo.api.building")} == {"zoo.api.building.build"}
