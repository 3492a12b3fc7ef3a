"""Pooling layers over time that ignore padding."""

from __future__ import annotations

from typing import Literal

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class MaskedMaxPooling1D(keras.layers.Layer):
    """Max pooling over non-overlapping windows that ignores masked positions.

    Windows start at the beginning of the row, so padding must follow the tokens (see `AlignTokens`). The last window may be
    shorter. A fully masked window gives zeros and is itself masked.

    Args:
        pool_size: number of positions per window.

    Input shape:
        `(batch, time, channels)`, with a mask `(batch, time)` or none.

    Output shape:
        `(batch, time / pool_size rounded up, channels)`, with a mask if the input has one.

    Example:
        >>> import numpy as np
        >>> MaskedMaxPooling1D(2)(np.array([1.0, 3.0, 2.0]).reshape(1, 3, 1)).numpy().ravel().tolist()
        [3.0, 2.0]
    """

    def __init__(self, pool_size: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.supports_masking = True

    def call(self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor:
        """Return the maximum of each window."""
        if mask is None:
            return self._largest(inputs)
        largest = self._largest(ops.where(ops.expand_dims(mask, -1), inputs, ops.cast(-float("inf"), inputs.dtype)))
        return ops.where(self._is_any(mask), largest, ops.zeros((), inputs.dtype))

    def compute_mask(self, _: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor | None:
        """Return which windows contain an unmasked position."""
        return None if mask is None else ops.squeeze(self._is_any(mask), -1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape with one position per window."""
        batch, time, channels = input_shape
        return (batch, None if time is None else -(-time // self.pool_size), channels)

    def _is_any(self, mask: keras.KerasTensor) -> keras.KerasTensor:
        return ops.cast(self._largest(ops.expand_dims(ops.cast(mask, "float32"), -1)), "bool")  # (batch, windows, 1)

    def _largest(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        filled = ops.pad(inputs, [[0, 0], [0, self.pool_size - 1], [0, 0]], constant_values=-float("inf"))
        return ops.max_pool(filled, self.pool_size, data_format="channels_last")  # (batch, windows, channels)


@keras.saving.register_keras_serializable(package="zoo")
class MaskedAveragePooling1D(MaskedMaxPooling1D):
    """Average pooling over non-overlapping windows that ignores masked positions, otherwise like `MaskedMaxPooling1D`.

    Means are computed in float32 under any precision policy.

    Example:
        >>> import numpy as np
        >>> MaskedAveragePooling1D(2)(np.array([1.0, 3.0, 5.0]).reshape(1, 3, 1)).numpy().ravel().tolist()
        [2.0, 5.0]
    """

    def call(self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor:
        """Return the mean of each window."""
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], "bool")
        is_unmasked = ops.cast(ops.expand_dims(mask, -1), "float32")  # (batch, time, 1)
        total = self._share(ops.where(is_unmasked > 0, ops.cast(inputs, "float32"), 0.0))
        return ops.cast(total / ops.maximum(self._share(is_unmasked), 0.5 / self.pool_size), inputs.dtype)

    def _share(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        filled = ops.pad(inputs, [[0, 0], [0, self.pool_size - 1], [0, 0]])
        return ops.average_pool(filled, self.pool_size, data_format="channels_last")  # (batch, windows, channels)


@keras.saving.register_keras_serializable(package="zoo")
class PoolOverTime(keras.layers.Layer):
    """Global max or average pooling over the unmasked positions.

    A fully masked row gives zeros. Means are computed in float32 under any precision policy.

    Args:
        pooling: "max" or "mean".

    Input shape:
        `(batch, time, channels)`, with a mask `(batch, time)` or none.

    Output shape:
        `(batch, channels)`.
    """

    def __init__(self, pooling: Literal["max", "mean"], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.pooling = pooling
        self.supports_masking = True

    def call(self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor:
        """Return one value per row and channel."""
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], "bool")
        mask = ops.expand_dims(mask, -1)  # (batch, time, 1)
        if self.pooling == "max":
            largest = ops.max(ops.where(mask, inputs, ops.cast(-float("inf"), inputs.dtype)), axis=1)
            return ops.where(ops.any(mask, axis=1), largest, ops.zeros((), inputs.dtype))
        total = ops.sum(ops.where(mask, ops.cast(inputs, "float32"), 0.0), axis=1)
        count = ops.sum(ops.cast(mask, "float32"), axis=1)  # (batch, 1)
        return ops.cast(total / ops.maximum(count, 1.0), inputs.dtype)

    def compute_mask(self, *_: object) -> None:
        """Return None, since the output has no time axis."""
        return
