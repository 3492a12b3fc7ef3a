"""Registers all custom classes of zoo with Keras on import, for loading `.keras` files.

`zoo.keras_import` imports this module right after Keras.
"""

from __future__ import annotations

import zoo.layers.align_tokens
import zoo.layers.masked_convolution
import zoo.layers.masked_pooling
import zoo.layers.padded_recurrent
import zoo.layers.pair_embedding
import zoo.layers.positions
import zoo.layers.standardize_image
import zoo.losses
import zoo.metrics
import zoo.optimizers
import zoo.schedules  # noqa: F401
