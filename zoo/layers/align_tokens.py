"""A layer that shifts token ids to the left, so that padding only follows the tokens."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from zoo.errors import UsageError


@keras.saving.register_keras_serializable(package="zoo")
class AlignTokens(keras.layers.Layer):
    """Moves the padding at the start of each row of token ids to its end.

    Pooling windows and positions then count from the first token, recurrent layers need no mask (see `PaddedRecurrent`), and
    cuDNN can run. A 0 between two tokens is not padding: it becomes an unknown token (id 1). So does the first 0 of a row
    without tokens, so that later layers never average or attend over nothing.

    Args:
        max_length: number of tokens to keep per row; longer rows are truncated at the end. None keeps all. If the number of
            columns is known when the graph is built, a larger number is an error; default None.

    Input shape:
        `(batch, time)`, token ids; 0 is padding.

    Output shape:
        `(batch, time)`, int32; time is at least 1, and at most `max_length`.

    Example:
        >>> import numpy as np
        >>> AlignTokens()(np.array([[0, 5, 0, 6], [0, 0, 0, 0]])).numpy().tolist()
        [[5, 1, 6, 0], [1, 0, 0, 0]]
    """

    def __init__(self, max_length: int | None = None, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length

    def call(self, token_ids: keras.KerasTensor) -> keras.KerasTensor:
        """Return the shifted ids."""
        time = token_ids.shape[1]
        if self.max_length is not None and time is not None and time > self.max_length:
            raise UsageError(
                f"The rows have more tokens than the model has positions. Received: {time} token ids per row, "
                f"max_sequence_length={self.max_length}. Truncate the rows to {self.max_length}, or build the model with "
                f"max_sequence_length={time} or positions='sinusoidal'."
            )
        token_ids = ops.cast(token_ids, "int32")
        if not time:  # a batch of only empty texts has no columns; add one
            token_ids = ops.pad(token_ids, [[0, 0], [0, ops.maximum(1 - ops.shape(token_ids)[1], 0)]])
        columns = ops.arange(ops.shape(token_ids)[1], dtype="int32")
        is_token = ops.not_equal(token_ids, 0)
        # (batch, 1); 0 if there is none. ONNX has no argmax of booleans.
        first = ops.cast(ops.argmax(ops.cast(is_token, "int32"), axis=1, keepdims=True), "int32")
        last = ops.max(ops.where(is_token, columns, 0), axis=1, keepdims=True)
        source = ops.minimum(columns + first, columns[-1])  # (batch, time)
        shifted = ops.maximum(tf.gather(token_ids, source, batch_dims=1), 1)
        shifted = ops.where(columns <= last - first, shifted, 0)
        return shifted if self.max_length is None else shifted[:, : self.max_length]
