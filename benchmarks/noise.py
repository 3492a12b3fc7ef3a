"""Train `mlp` 10-20-10 to map 1,000 rows of noise to other noise, with 1,000 full-batch steps of Adam.

There is nothing to learn: the training error can fall only as far as 430 parameters can memorise 10,000 numbers. A mean squared
error between 0.94 and 0.97 shows that the network, the loss and the optimizer work. tests/models/test_mlp.py contains a NumPy
implementation of the first 20 steps.
"""

from __future__ import annotations

import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from rows import add_row

import zoo


def train_on_noise(seed: int) -> float:
    """Return the mean squared training error after 1,000 full-batch steps."""
    generator = np.random.default_rng(seed)
    features, targets = generator.standard_normal((2, 1000, 10)).astype("float32")
    keras.utils.set_random_seed(seed)
    model = zoo.build("mlp", task="regression", input_shape=(10,), num_outputs=10, units=(20,))
    model.fit(features, targets, batch_size=1000, epochs=1000, verbose=0)
    return float(model.evaluate(features, targets, batch_size=1000, verbose=0, return_dict=True)["loss"])


if __name__ == "__main__":
    errors = [train_on_noise(seed) for seed in (0, 1, 2)]
    print([round(error, 4) for error in errors])
    add_row("noise", "mlp 10-20-10 on noise, mean training MSE after 1,000 steps", statistics.mean(errors), "MSE", 3)
