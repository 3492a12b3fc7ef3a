"""A complete, small model zoo for Keras 3 on TensorFlow.

`import zoo` is instant: TensorFlow is imported by the first verb that needs it. The type stub `__init__.pyi` lists the
public names; each is imported from its module on first use (the approach of Scientific Python's SPEC 1).
"""

from __future__ import annotations

import ast
import importlib
from typing import Any

from zoo.keras_import import register_with_keras
from zoo.version import __version__ as __version__
from zoo.version import warn_of_unrelated

with open(f"{__path__[0]}/__init__.pyi", encoding="utf-8") as _stub:
    _HOME = {
        alias.name: f"zoo.{node.module or alias.name}"
        for node in ast.parse(_stub.read()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
__all__ = sorted(_HOME)

register_with_keras()  # installs an import hook if Keras is not imported yet
warn_of_unrelated()


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    home = importlib.import_module(_HOME[name])
    globals()[name] = value = getattr(home, name, home)  # `zoo.text` is a package
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
