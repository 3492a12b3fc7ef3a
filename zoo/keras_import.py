"""An import hook that registers zoo's layers, losses and metrics with Keras when Keras is imported.

`keras.saving.load_model` must find them after `import zoo`, which does not import Keras. (wrapt also offers such hooks, but
takes 50 ms to import.)
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

CUSTOM_OBJECTS = "zoo.custom_objects"


def register_with_keras() -> None:
    """Import `zoo.custom_objects` now if Keras is imported; otherwise, install a hook that does so after Keras."""
    if "keras" in sys.modules:
        importlib.import_module(CUSTOM_OBJECTS)
    else:
        sys.meta_path.insert(0, _KerasWatch())


class _KerasWatch:
    """A finder on `sys.meta_path` that removes itself when `keras` is imported, but not on `find_spec("keras")`."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)  # asks all other finders
        finally:
            sys.meta_path.insert(0, self)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_register(module: ModuleType) -> None:
            sys.meta_path.remove(self)
            execute(module)
            importlib.import_module(CUSTOM_OBJECTS)

        spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec
