"""Random changes to training images, determined by the seed and the batch number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from zoo.sources.sharding import WHOLE, Shard
from zoo.sources.source import plainly


@dataclass(frozen=True)
class Augmentation:
    """Strength of the random changes; each image in each batch changes independently.

    Args:
        shift: maximum shift along each axis, as a fraction of its length, in [0, 1).
        rotate: maximum rotation to either side in degrees, in [0, 180].
        zoom: maximum enlargement or reduction as a fraction, in [0, 1).
        cutout: side of a square at a random position, filled with the image's mean, as a fraction of the shorter side, in [0,
            1].
        invert: fraction of images to invert between their minimum and maximum, in [0, 1].

    References:
        DeVries and Taylor, Improved regularization of convolutional neural networks with cutout, arXiv 2017.
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    cutout: float = 0.0
    invert: float = 0.0

    def apply(
        self,
        batches: tf.data.Dataset,
        *,
        seed: int,
        first_batch: int,
        shard: Shard = WHOLE,
        size_of: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ) -> tf.data.Dataset:
        """Return the batches `(images, targets)` with changed images.

        Args:
            batches: endless batches; images `(batch, height, width, channels)` of any numeric dtype, which does not change.
            seed: seed of all changes.
            first_batch: number of the first batch in the whole training run, which determines its changes.
            shard: share of each batch in `batches`; an image changes as in the whole batch; default `WHOLE`.
            size_of: function that returns the size of the whole batch with a number; None for whole batches; default None.
        """
        if self == Augmentation():
            return batches

        def change(number: tf.Tensor, pair: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            images, targets = pair
            own = tf.shape(images, tf.int64)[0]
            start = shard.bounds(size_of(number))[0] if size_of else tf.constant(0, tf.int64)
            size = tf.maximum(size_of(number), start + own) if size_of else own  # a shard of files may exceed its share
            random = tf.random.stateless_uniform([7, size], tf.stack([number, seed]), -1.0, 1.0)
            return self.of_batch(images, random[:, start : start + own]), targets

        return batches.enumerate(first_batch).map(plainly(change), num_parallel_calls=1).prefetch(2)

    def of_batch(self, images: tf.Tensor, random: tf.Tensor) -> tf.Tensor:
        """Return the changed images of one batch; pixels beyond the edge repeat the edge.

        Args:
            images: `(batch, height, width, channels)`.
            random: `(7, batch)`, float32 in [-1, 1): rotation, zoom, shifts, position of the cutout, and inversion of each
                image.
        """
        changed = tf.cast(images, tf.float32)
        if self.shift or self.rotate or self.zoom:
            changed = self._moved(changed, random[:4])
        if self.cutout:
            changed = self._with_hole(changed, random[4:6])
        if self.invert:
            is_chosen = (random[6] + 1.0) / 2.0 < self.invert  # (batch,)
            changed = tf.where(is_chosen[:, tf.newaxis, tf.newaxis, tf.newaxis], _inverted(changed), changed)
        if images.dtype.is_integer:
            changed = tf.round(changed)
        return tf.ensure_shape(tf.cast(changed, images.dtype), images.shape)

    def _moved(self, images: tf.Tensor, random: tf.Tensor) -> tf.Tensor:
        height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(images)[1:3]))
        angle = random[0] * (self.rotate * 3.141592653589793 / 180.0)
        scale = 1.0 / (1.0 + self.zoom * random[1])
        cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
        across, down = width * (0.5 + self.shift * random[2]) - 0.5, height * (0.5 + self.shift * random[3]) - 0.5
        middle_x, middle_y = (width - 1.0) / 2.0, (height - 1.0) / 2.0
        # The output pixel (x, y) comes from the input at scale * rotation * ((x, y) - shifted middle) + middle.
        rows = [
            cosine, -sine, middle_x - cosine * across + sine * down,
            sine, cosine, middle_y - sine * across - cosine * down,
            tf.zeros_like(angle), tf.zeros_like(angle),
        ]  # fmt: skip
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.stack(rows, axis=1),  # (batch, 8)
            output_shape=tf.shape(images)[1:3],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
        )

    def _with_hole(self, images: tf.Tensor, random: tf.Tensor) -> tf.Tensor:
        height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(images)[1:3]))
        half = self.cutout * tf.minimum(height, width) / 2.0

        def covers(side: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
            middle = (place[:, tf.newaxis] + 1.0) / 2.0 * side
            return tf.abs(tf.range(side) + 0.5 - middle) < half  # (batch, side)

        hole = covers(height, random[0])[:, :, tf.newaxis] & covers(width, random[1])[:, tf.newaxis, :]
        mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
        return tf.where(hole[..., tf.newaxis], mean, images)


def _inverted(images: tf.Tensor) -> tf.Tensor:
    least, largest = (reduce(images, axis=(1, 2, 3), keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))
    return least + largest - images
