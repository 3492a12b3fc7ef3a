"""`.keras` files: zip archives of a configuration and weights, possibly from an untrusted source."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ArtefactError, one_line

if TYPE_CHECKING:
    import keras

LARGEST_RATIO = 100  # of an entry's size to its size in the archive; Keras does not compress


def load_keras(path: Path) -> keras.Model:
    """Return the model in a `.keras` file. Code in the file is never run: a Lambda layer is an error.

    Raises:
        ArtefactError: the file is damaged, has paths outside itself, would fill the memory, or has layers that are not
            registered.
    """
    import keras

    try:
        _check_archive(path)
        return keras.saving.load_model(path, safe_mode=True)
    except ArtefactError:
        raise
    except Exception as error:  # Keras raises anything, and puts the whole configuration before the reason
        reason = ValueError(str(error).rsplit("Exception encountered: ", 1)[-1].split(" Full object config: ")[0].rstrip("."))
        raise ArtefactError(
            f"The model cannot be read: {one_line(reason)}. Received: {path}. If it has custom layers, register them "
            "with @keras.saving.register_keras_serializable and import them first; otherwise the file is damaged."
        ) from error


def _check_archive(path: Path) -> None:
    """Reject what Keras rejects only in some versions, or unless a script has called `enable_unsafe_deserialization`."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            parts = Path(entry.filename).parts
            if Path(entry.filename).is_absolute() or ".." in parts or "\\" in entry.filename:
                raise ArtefactError(
                    f"This file has a path outside itself. Received: {entry.filename!r} in {path}. Do not use it."
                )
            if entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1):
                raise ArtefactError(
                    f"This file would expand to {entry.file_size // max(entry.compress_size, 1):,} times its size. "
                    f"Received: {entry.filename!r} in {path}, {entry.file_size:,} bytes. Do not use it."
                )
        if _has_code(json.loads(archive.read("config.json"))):
            raise ArtefactError(
                f"This model contains code, a lambda, which zoo never runs. Received: {path}. Replace the lambda with a layer, "
                "and train again."
            )


def _has_code(config: Any) -> bool:
    """Return whether a configuration contains the bytes of a function, in the form of Keras 3 or of earlier versions."""
    if isinstance(config, dict):
        is_lambda = config.get("class_name") == "__lambda__" or config.get("function_type") == "lambda"
        return is_lambda or any(_has_code(value) for value in config.values())
    return isinstance(config, list) and any(_has_code(value) for value in config)
