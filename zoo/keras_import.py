"""Registers zoo's layers, losses and metrics as soon as Keras is imported, without importing Keras.

`keras.saving.load_model` has to find them after a bare `import zoo`, which must stay instant. (wrapt's post-import hooks do the
same but take 50 ms to import.)
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
    """Import `zoo.custom_objects` now if Keras is there, else right after Keras is imported."""
    if "keras" in sys.modules:
        importlib.import_module(CUSTOM_OBJECTS)
    else:
        sys.meta_path.insert(0, _KerasWatch())


class _KerasWatch:
    """A finder that waits until `keras` is run; it answers those who only ask whether Keras is there, and stays."""

    def __init__(self) -> None:
        self._is_asking = False

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name != "keras" or self._is_asking:
            return None
        self._is_asking = True  # the search below comes by here again
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._is_asking = False
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_register(module: ModuleType) -> None:
            sys.meta_path.remove(self)
            run(module)
            importlib.import_module(CUSTOM_OBJECTS)

        spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec
