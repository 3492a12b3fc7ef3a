"""Per-image standardisation."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class StandardizeImage(keras.layers.Layer):
    """Shifts each image to mean 0 and scales it to standard deviation 1, over its pixels and channels.

    Images in 0..255 and the same images in 0..1 give the same output, so a model that starts with this layer accepts both.
    A constant image gives zeros. Computations are in float32 under any precision policy.

    Input shape:
        `(batch, height, width, channels)`, any numeric dtype and any positive scale.

    Output shape:
        The same, in the layer's compute dtype.

    Example:
        >>> import numpy as np
        >>> image = np.array([0, 255], "uint8").reshape(1, 1, 2, 1)
        >>> StandardizeImage()(image).numpy().ravel().tolist()
        [-1.0, 1.0]
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Fix the image shape, since models with pooling would silently accept some other shapes."""
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Return the standardised images."""
        images = ops.cast(images, "float32")
        centred = images - ops.mean(images, axis=(1, 2, 3), keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(centred), axis=(1, 2, 3), keepdims=True))  # (batch, 1, 1, 1)
        # Rounding leaves a constant image a deviation of about 1e-7 of its brightness, so below 1e-5 it counts as constant.
        # NaN compares false and therefore stays NaN.
        brightness = ops.max(ops.abs(images), axis=(1, 2, 3), keepdims=True)
        blank = deviation <= 1e-5 * brightness
        scaled = centred / ops.where(blank, 1.0, deviation)
        return ops.cast(ops.where(blank, 0.0, scaled), self.compute_dtype)
