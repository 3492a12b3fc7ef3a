"""After `import zoo` alone, Keras finds zoo's objects, even if other code looks for Keras in between."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from zoo import custom_objects

PACKAGE = Path(custom_objects.__file__).parent

AFTER = "import keras; assert keras.saving.get_registered_object('zoo>StandardizeImage') is not None"


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    [
        "import zoo",
        "import keras, zoo",
        "import zoo, importlib.util; assert importlib.util.find_spec('keras').name == 'keras'",
        "import tensorflow, zoo, tensorflow_datasets",
    ],
    ids=["zoo-first", "keras-first", "someone-asks", "tensorflow-first"],
)
def test_keras_finds_zoos_layers(before: str) -> None:
    answer = subprocess.run([sys.executable, "-c", f"{before}\n{AFTER}"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_every_module_with_a_registered_class_is_imported():
    imported = {
        alias.name
        for node in ast.walk(ast.parse(Path(custom_objects.__file__).read_text("utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    registering = {
        ".".join(("zoo", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in PACKAGE.rglob("*.py")
        if "\n@keras.saving.register_keras_serializable" in path.read_text("utf-8")
    }
    assert len(registering) > 5
    assert registering == imported
