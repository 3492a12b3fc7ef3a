"""Convolution over time that ignores padding."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class MaskedConv1D(keras.layers.Conv1D):
    """`keras.layers.Conv1D` with padding "same" that treats masked positions as zeros.

    Keras' own layer uses the values at masked positions and drops the mask; this layer propagates the mask.

    Args:
        filters: number of output channels.
        kernel_size: size of the window, in positions.
        **kwargs: further arguments of `keras.layers.Conv1D`.

    Input shape:
        `(batch, time, channels)`, with a mask `(batch, time)` or none.

    Output shape:
        `(batch, time, filters)`, with the same mask; values at masked positions are meaningless.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: object) -> None:
        super().__init__(filters, kernel_size, **{"padding": "same", **kwargs})
        self.supports_masking = True

    def call(self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor:
        """Return the convolution of the inputs, with zeros at masked positions."""
        if mask is not None:
            inputs = ops.where(ops.expand_dims(mask, -1), inputs, ops.zeros((), inputs.dtype))
        return super().call(inputs)
