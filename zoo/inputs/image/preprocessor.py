"""Converts images of any size and mode to the shape that a model takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.errors import DataError, UsageError
from zoo.inputs.image.pixels import as_uint8, encode_png, fit_array, read_image
from zoo.inputs.kind import CHUNK, REQUEST, Batches, Chunk, Preprocessor, Twin, slices
from zoo.progress import track

MOST_CHANNELS = 4  # a longer last axis is the width of grey images


@dataclass(frozen=True)
class ImagePreprocessor(Preprocessor):
    """Converts images of any size and mode to arrays of one shape.

    Args:
        shape: `(height, width, channels)`.
    """

    shape: tuple[int, int, int]
    kind_name = "image"

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return self.shape

    def reading_arguments(self, name: str | None = None) -> dict[str, Any]:
        """Return the arguments for reading a folder of images in this shape."""
        return {"image_size": self.input_shape[:2], "channels": self.input_shape[2]}

    def batches(self, raw: Any, *, takes_strings: bool = False, dtype: np.dtype | None = None) -> Batches:
        """Return batches of an image file, an array, a Pillow image, or many of them."""
        return None, self._batches(raw, dtype)

    def _batches(self, raw: Any, dtype: np.dtype | None) -> Iterator[np.ndarray]:
        is_batch = isinstance(raw, np.ndarray) and (
            raw.ndim == 4 or (raw.ndim == 3 and (raw.shape[-1] > MOST_CHANNELS or raw.shape[1:] == self.input_shape[:2]))
        )
        for chunk in slices(raw if is_batch or isinstance(raw, list | tuple) else [raw], CHUNK):
            images = [self.array(image, dtype) for image in chunk]
            kinds = {image.dtype for image in images}
            yield np.stack(images if len(kinds) == 1 else [image.astype(np.float32) for image in images])

    def array(self, image: Any, dtype: np.dtype | None = None) -> np.ndarray:
        """Return one image in the model's shape and dtype.

        Raises:
            DataError: it is not an image, or cannot be read.
        """
        if isinstance(image, str | Path | bytes | Image.Image):
            array = read_image(image, self.input_shape)
        else:
            array = fit_array(np.asarray(image), self.input_shape)
        if dtype is None or array.dtype == dtype:
            return array
        return as_uint8(array) if dtype == np.uint8 else array.astype(dtype)

    def read_inputs(self, inputs: Sequence[str]) -> tuple[str, Iterator[Chunk]]:
        """Return the images in files; an unreadable file does not affect the others.

        Raises:
            UsageError: no file is given, or one of them is a folder.
        """
        if not inputs:
            raise UsageError("There is nothing to predict. Received: no examples. Pass image files, or --data and --out.")
        folder = next((name for name in inputs if os.path.isdir(name)), None)
        if folder is not None:
            raise UsageError(
                f"Inputs must be image files. Received: the folder {folder}. Use --data {folder} --out predictions.csv."
            )
        return "file", self.read_files([Path(name) for name in inputs])

    def read_files(self, paths: Sequence[Path]) -> Iterator[Chunk]:
        """Yield the images in files; an unreadable file does not affect the others."""
        for chunk in track([*slices(paths, CHUNK)], "Predicting"):
            names, images, broken = [], [], []
            for path in chunk:
                try:
                    images.append(self.array(path))
                    names.append(str(path))
                except DataError as error:
                    broken.append(str(error))
            yield names, images, broken

    def twin(self, dtype: Any) -> Twin:
        """Return the functions that decode image files."""
        from zoo.inputs.image.graph import twin

        return twin(self, dtype)

    def described(self, raw: Any, row: int) -> str:
        """Return a short description of an image."""
        return f"an image with mean {raw[row].mean():.1f}"

    def requests(self, raw: Any, signatures: Iterable[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield the signature that takes PNG files."""
        if "image_bytes" in signatures:
            yield "image_bytes", [{"image_bytes": [encode_png(image) for image in chunk]} for chunk in slices(raw, REQUEST)]
