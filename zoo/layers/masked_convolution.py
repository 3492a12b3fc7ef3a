"""Convolution over time that does not see padding."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class MaskedConv1D(keras.layers.Conv1D):
    """`keras.layers.Conv1D` with padding "same" that reads masked positions as zeros, as it reads what lies outside.

    Keras' own layer reads whatever stands at masked positions, and drops the mask; here the mask is passed on.

    Args:
        filters: channels of the output.
        kernel_size: width of the window, in positions.
        **kwargs: further arguments of `keras.layers.Conv1D`.

    Input shape:
        `(batch, time, channels)`, with a mask `(batch, time)` or none.

    Output shape:
        `(batch, time, filters)`, with the same mask; what stands at masked positions means nothing.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: object) -> None:
        super().__init__(filters, kernel_size, **{"padding": "same", **kwargs})
        self.supports_masking = True

    def call(self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor:
        """Return the convolution of the inputs, with zeros for what is masked."""
        if mask is not None:
            inputs = ops.where(ops.expand_dims(mask, -1), inputs, ops.zeros((), inputs.dtype))
        return super().call(inputs)
