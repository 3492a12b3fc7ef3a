"""A bare `import zoo` is enough for Keras to find zoo's objects, whoever asks for Keras in between."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
