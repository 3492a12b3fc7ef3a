"""A small training from data to prediction, in a process of its own: `python -m zoo.api.self_test FOLDER`.

Each step prints one line of JSON when it is done, so that whoever started it sees where it ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = ("import", "train", "predict")
LEAST_ACCURACY = 0.5  # of 10 digits, which chance tells in 0.1 of the cases


def main(folder: str) -> None:
    """Import TensorFlow and Keras, train a small model on the embedded digits, read it back, and predict."""
    told = time.monotonic()

    def tell(step: str, **found: Any) -> None:
        nonlocal told
        now = time.monotonic()
        sys.stdout.write(json.dumps({"step": step, "seconds": round(now - told, 1), **found}) + "\n")
        sys.stdout.flush()
        told = now

    _run(Path(folder), tell)


def _run(folder: Path, tell: Callable[..., None]) -> None:
    import keras
    import tensorflow as tf

    gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
    tell("import", tensorflow=tf.__version__, keras=keras.__version__, gpus=gpus)

    from zoo.api import load, load_data, train

    run = train("mlp", data="digits", out=folder / "run", epochs=5, verbose=0)
    tell("train", accuracy=run.metrics["accuracy"], is_good=run.metrics["accuracy"] > LEAST_ACCURACY)
    images, _ = next(load_data("digits").test.as_numpy_iterator())
    now, later = (each.predict(images).probabilities for each in (run, load(folder / "run")))
    tell("predict", is_good=bool((now == later).all()))


if __name__ == "__main__":
    main(sys.argv[1])
