"""The latency of a model."""

from __future__ import annotations

import statistics
import time

import keras
import tensorflow as tf

from zoo.pipeline.info import DataInfo

WARM_UP, CALLS = 5, 30


def latency_ms(model: keras.Model, info: DataInfo) -> float:
    """Return the median time of one call of the model's compiled graph on one example, in milliseconds, on this machine.

    Texts have the maximum length of the data.
    """
    example = tf.convert_to_tensor(info.preprocessor.example_batch(1, longest=True))
    call = tf.function(lambda batch: model(batch, training=False))
    seconds = []
    for number in range(WARM_UP + CALLS):
        begun = time.perf_counter()
        keras.ops.convert_to_numpy(call(example))
        if number >= WARM_UP:
            seconds.append(time.perf_counter() - begun)
    return 1000 * statistics.median(seconds)
