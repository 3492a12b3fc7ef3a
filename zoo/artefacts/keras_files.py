"""`.keras` files: zip archives of a configuration and weights, possibly from an untrusted source."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ArtefactError, one_line

if TYPE_CHECKING:
    import keras

LARGEST_RATIO = 100  # maximum compression ratio of an entry; Keras does not compress


def load_keras(path: Path) -> keras.Model:
    """Load the model in a `.keras` file. Code in the file is never executed: a Lambda layer is an error.

    Raises:
        ArtefactError: the file is damaged, has a path that leads outside, is a decompression bomb, or has layers that are
            not registered.
    """
    import keras
    from keras.src.saving.serialization_lib import SafeModeScope

    try:
        _check_archive(path)
        with SafeModeScope(True):  # also after a script has called `enable_unsafe_deserialization`
            return keras.saving.load_model(path)
    except ArtefactError:
        raise
    except Exception as error:  # Keras raises any type, with the whole configuration before the reason
        reason = ValueError(str(error).rsplit("Exception encountered: ", 1)[-1].split(" Full object config: ")[0].rstrip("."))
        raise ArtefactError(
            f"The model cannot be read: {one_line(reason)}. Received: {path}. If it has custom layers, register them "
            "with @keras.saving.register_keras_serializable and import them first; if it has lambdas, which zoo never runs, "
            "replace them with layers and train again. Otherwise, the file is damaged."
        ) from error


def _check_archive(path: Path) -> None:
    """Reject archives that only some versions of Keras reject."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            inner = Path(entry.filename)
            is_outside = inner.is_absolute() or ".." in inner.parts or "\\" in entry.filename
            if is_outside or entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1):
                raise ArtefactError(
                    f"This file has a path that leads outside, or would expand over {LARGEST_RATIO} times. Received: "
                    f"{entry.filename!r} in {path}, {entry.file_size:,} bytes. Do not use it."
                )
