"""The same 23 images, or texts, as each kind of source."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.inputs.image.files import ImageFiles
from zoo.inputs.text.preprocessor import TextPreprocessor
from zoo.inputs.text.sequences import TokenIds
from zoo.inputs.text.texts import Texts
from zoo.settings import DataArguments
from zoo.sources.hashing import hash_all, hash_rows
from zoo.sources.source import Arrays, Records, Source

COUNT, SHAPE = 23, (4, 4, 1)


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *SHAPE), np.uint8)


@pytest.fixture(scope="session")
def records_in(images: np.ndarray) -> Callable[..., Records]:
    """Return a function that makes records in files of these lengths; it appends the files of each reading to `opened`."""
    encoded = [tf.io.encode_png(image).numpy() for image in images]

    def make(lengths: Sequence[int], opened: list[Sequence[int]] | None = None) -> Records:
        ends = np.cumsum(lengths)

        def read(files: Sequence[int]) -> tf.data.Dataset:
            if opened is not None:
                opened.append(list(files))
            return tf.data.Dataset.from_tensor_slices(
                [each for file in files for each in encoded[ends[file] - lengths[file] : ends[file]]]
            )

        def decode(content: tf.Tensor) -> tf.Tensor:
            return tf.ensure_shape(tf.io.decode_png(content, 1), SHAPE)

        return Records(read, range(len(lengths)), lengths, decode, hash_all(encoded), mean_bytes=80.0)

    return make


@pytest.fixture(scope="session")
def sources(
    images: np.ndarray, records_in: Callable[..., Records], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Source]:
    folder = tmp_path_factory.mktemp("images")
    paths = [folder / f"{number}.png" for number in range(COUNT)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    written = Texts.of([" ".join(["word"] * (1 + number % 7)) for number in range(COUNT)])
    return {
        "arrays": Arrays(images),
        "image_files": ImageFiles(paths, SHAPE, hash_rows(images)),
        "texts": TokenIds(written, TextPreprocessor.fit(written.read(), DataArguments())),
        "records": records_in([COUNT]),
    }
