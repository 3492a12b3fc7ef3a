"""Recurrent layers over rows with padding after the tokens."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class PaddedRecurrent(keras.layers.Wrapper):
    """A unidirectional or bidirectional recurrent layer over rows with padding after the tokens (see `AlignTokens`).

    The wrapped layer never receives a mask, which would slow it down by a tenth; padding after the last token cannot affect
    earlier outputs. For the backward direction, the tokens of each row are reversed, and the padding stays in place.

    Args:
        layer: `keras.layers.SimpleRNN`, `GRU` or `LSTM` with `return_sequences=True`.
        bidirectional: whether a second such layer reads the rows backwards; the outputs of both are concatenated; default
            False.
        return_sequences: whether to return the outputs at all positions; if not, only the output of each direction after
            its last token; default True.

    Input shape:
        `(batch, time, channels)`, with a mask `(batch, time)` that starts with True, or none.

    Output shape:
        `(batch, time, units)` with the same mask, where outputs at masked positions are meaningless; `(batch, units)` without
        `return_sequences`. Twice as many units if bidirectional.

    References:
        Schuster and Paliwal, Bidirectional recurrent neural networks, IEEE Transactions on Signal Processing 1997.
    """

    def __init__(
        self, layer: keras.layers.RNN, *, bidirectional: bool = False, return_sequences: bool = True, **kwargs: object
    ) -> None:
        super().__init__(layer, **kwargs)
        self.bidirectional = bidirectional
        self.return_sequences = return_sequences
        self.supports_masking = True
        if bidirectional:
            config = layer.get_config()
            self.backward_layer = type(layer).from_config({**config, "name": f"backward_{config['name']}"})

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build both directions."""
        super().build(input_shape)
        if self.bidirectional:
            self.backward_layer.build(input_shape)

    def call(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None, training: bool = False
    ) -> keras.KerasTensor:
        """Return the outputs of all positions, or the final output."""
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], "bool")
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        inputs = tf.identity(inputs)  # Keras keeps the mask on the original tensor
        outputs = [self.layer(inputs, training=training)]
        if self.bidirectional:
            backward = self.backward_layer(tf.reverse_sequence(inputs, lengths, seq_axis=1), training=training)
            outputs.append(tf.reverse_sequence(backward, lengths, seq_axis=1) if self.return_sequences else backward)
        if not self.return_sequences:
            end = ops.maximum(lengths - 1, 0)
            outputs = [tf.gather(output, end, batch_dims=1) for output in outputs]
        return ops.concatenate(outputs, axis=-1)

    def compute_mask(self, _: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor | None:
        """Return the mask if the output has a time axis."""
        return mask if self.return_sequences else None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape, with the units of all directions."""
        units = self.layer.units * (2 if self.bidirectional else 1)
        return (*input_shape[:2], units) if self.return_sequences else (input_shape[0], units)

    def get_config(self) -> dict[str, object]:
        """Return the arguments, for serialisation."""
        return {**super().get_config(), "bidirectional": self.bidirectional, "return_sequences": self.return_sequences}
