"""Seeds: one number fixes a run."""

from __future__ import annotations


def set_seed(seed: int) -> None:
    """Seed Python, NumPy, TensorFlow and Keras, so that equal runs give equal weights.

    Args:
        seed: an integer in `[0, 2**32)`.
    """
    import keras

    keras.utils.set_random_seed(seed)
