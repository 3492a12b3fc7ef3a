"""Image files as a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.inputs.image.pixels import read_image
from zoo.sources.source import PARALLEL_CALLS, Pass, constant, finished, joined_hashes, plainly, position_batches


class ImageFiles:
    """Image files, decoded in each pass."""

    def __init__(self, paths: Sequence[Path], input_shape: tuple[int, int, int], hashes: np.ndarray) -> None:
        self.paths = paths
        self.input_shape = input_shape
        self.hashes = hashes

    def one_pass(self, wanted: Pass) -> tf.data.Dataset:
        """Return batches `(features, targets)` of the wanted rows."""
        paths, target_tensor = constant([str(self.paths[row]) for row in wanted.rows]), constant(wanted.targets)

        def load(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = tf.numpy_function(lambda path: read_image(path.decode(), self.input_shape), [paths[position]], tf.uint8)
            return tf.ensure_shape(image, self.input_shape), target_tensor[position]

        examples = position_batches(wanted).unbatch().map(plainly(load), num_parallel_calls=PARALLEL_CALLS)
        return finished(examples.batch(wanted.share), wanted.num_batches)

    def joined(self, other: Any) -> ImageFiles:
        """Return these images, followed by the others."""
        hashes = joined_hashes(self, other)
        return ImageFiles([*self.paths, *other.paths], self.input_shape, hashes)
