"""Position embeddings: learned, or sinusoidal."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class LearnedPositions(keras.layers.Layer):
    """Adds a learned embedding per position, counted from the start of the row.

    Args:
        max_length: number of positions; a longer row is an error.

    Input shape:
        `(batch, time, channels)`.

    Output shape:
        The same.

    References:
        Devlin, Chang, Lee and Toutanova, BERT: Pre-training of deep bidirectional transformers, NAACL 2019, section 3.
    """

    def __init__(self, max_length: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the embeddings, with the initial scale of `keras.layers.Embedding`."""
        self.embeddings = self.add_weight((self.max_length, input_shape[-1]), initializer="uniform", name="embeddings")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the sum of token and position embeddings."""
        return inputs + ops.cast(self.embeddings[: ops.shape(inputs)[1]], inputs.dtype)


@keras.saving.register_keras_serializable(package="zoo")
class SinusoidalPositions(keras.layers.Layer):
    """Scales token embeddings by the square root of their size and adds sinusoidal position embeddings.

    Channels 2i and 2i + 1 hold the sine and the cosine of position / 10000^(2i / channels); the row length is unlimited.

    Input shape:
        `(batch, time, channels)`.

    Output shape:
        The same.

    References:
        Vaswani et al., Attention is all you need, NeurIPS 2017, sections 3.4 and 3.5.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the sum of scaled token embeddings and position embeddings."""
        channels = inputs.shape[-1]
        position = ops.expand_dims(ops.cast(ops.arange(ops.shape(inputs)[1]), "float32"), -1)  # (time, 1)
        channel = ops.arange(channels, dtype="int32")
        even = ops.cast(channel - channel % 2, "float32")
        angle = position * ops.exp(even * (-ops.log(10000.0) / channels))  # (time, channels)
        waves = ops.where(channel % 2 == 0, ops.sin(angle), ops.cos(angle))
        return inputs * ops.cast(channels**0.5, inputs.dtype) + ops.cast(waves, inputs.dtype)
