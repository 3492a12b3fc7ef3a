"""What tests of distribution run in processes of their own: `python jobs.py JOB [argument]` prints JSON on its last line.

Two logical CPUs stand for two GPUs: TensorFlow sets them up before it computes anything, once in a process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

IMAGES, TEXTS, TABLES = "images", "texts", "tables"
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": (TABLES, {"l2": 0.01}),
    "mlp": (TABLES, {"l2": 0.01}),
    "lenet": (IMAGES, {"l2": 0.01}),
    "cnn": (IMAGES, {"l2": 0.01}),
    "resnet": (IMAGES, {"l2": 0.01}),
    "rnn": (TEXTS, {"l2": 0.01}),
    "gru": (TEXTS, {"l2": 0.01}),
    "lstm": (TEXTS, {"l2": 0.01}),
    "transformer": (TEXTS, {"l2": 0.01, "pooling": "mean"}),  # where nothing is chosen by a rounding, as a maximum is
}
ROWS, BATCH, EPOCHS = 145, 33, 4  # batches of 33, 33, 33, 33 and 13: 20 steps, and no batch that two devices share evenly
TRAINED: dict[str, dict[str, Any]] = {
    "cnn": {
        "data": "digits", "batch_size": 33, "optimizer": "momentum", "learning_rate": 0.05, "ema": 0.9, "augment_shift": 0.1,
        "augment_cutout": 0.2, "class_weight": "balanced", "model.dropout": 0.0, "model.l2": 0.01,
    },
    "lstm": {
        "data": "reviews_sample", "batch_size": 33, "optimizer": "momentum", "learning_rate": 0.05, "model.dropout": 0.0,
        "baseline": False, "data.max_length": 20, "data.vocabulary_size": 500, "label_smoothing": 0.1,
    },
    "transformer": {
        "data": "reviews_sample", "batch_size": 33, "optimizer": "lazy_adam", "learning_rate": 1e-4, "model.dropout": 0.0,
        "model.pooling": "mean", "baseline": False, "data.max_length": 20, "data.vocabulary_size": 500,
    },
    "mlp": {"data": "diabetes", "batch_size": 33, "optimizer": "adam", "learning_rate": 1e-3, "model.dropout": 0.0},
}  # fmt: skip


def mirrored() -> dict[str, Any]:
    """Fit every model on one device and on two, in each form of labels; return the largest relative difference of each."""
    _two_devices()
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {}
    for name in MODELS:
        alone = _fitted(name, "integers", "none")
        for form in ("integers", "one-hot"):
            found[f"{name}, {form}"] = _difference(_fitted(name, form, strategy), alone)
    alone = _fitted("resnet", "integers", "none")
    found["resnet, moved by a rounding"] = _difference(_fitted("resnet", "integers", "none", noise=1e-7), alone)
    return found


def trained() -> dict[str, Any]:
    """Train on one device and on two; return the largest relative differences."""
    _two_devices()
    return {name: _difference(_trained(name, "none"), _trained(name, "mirrored")) for name in TRAINED}


def resumed() -> dict[str, Any]:
    """Train on two devices, whole and stopped in mid-epoch and resumed; return whether they are equal bit for bit."""
    import keras

    import zoo

    _two_devices()
    case = {"data": "digits", "epochs": 3, "batch_size": 64, "ema": 0.9, "augment_shift": 0.1}
    model = {"filters": [4, 8], "kernel_size": 3, "units": 16, "batch_normalization": True}

    class Stop(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seen: tuple[int, ...] = ()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen += (batch,)
            if len(self.seen) == 45:
                signal.raise_signal(signal.SIGINT)

    whole = zoo.train("cnn", **case, model_arguments=model, strategy="mirrored", out=tempfile.mkdtemp(), verbose=0)
    out = tempfile.mkdtemp()
    try:
        zoo.train("cnn", **case, model_arguments=model, strategy="mirrored", out=out, callbacks=[Stop()], verbose=0)
        raise AssertionError("it was not stopped")
    except KeyboardInterrupt:
        pass
    run = zoo.train(resume=out, callbacks=[Stop()], strategy="mirrored", verbose=0)
    same = [
        np.array_equal(ours, theirs) for ours, theirs in zip(run.model.get_weights(), whole.model.get_weights(), strict=True)
    ]
    return {"weights": all(same), "history": run.history == whole.history, "metrics": run.metrics == whole.metrics}


def worker(folder: str) -> dict[str, Any]:
    """Train, evaluate and predict as one of the workers of `TF_CONFIG`, or alone; keep what came out in a folder."""
    import zoo
    from zoo.distribution.strategies import choose_strategy
    from zoo.distribution.workers import Worker

    index = Worker.of(choose_strategy("auto")).index
    found: dict[str, Any] = {}
    for name in ("cnn", "lstm", "transformer"):
        run = _train(name, "auto", os.path.join(folder, name) if index == 0 else "/dev/null/nowhere")
        features = zoo.load_data(run.settings["data"], **run.info.arguments).info.example_batch(21)
        targets = np.arange(len(features)) % run.info.num_outputs
        found[name] = {
            **_numbers(run),
            "evaluated": run.model.evaluate(features, targets, batch_size=8, verbose=0),
            "predicted": run.model.predict(features, batch_size=8, verbose=0),
        }
    np.savez(os.path.join(folder, f"worker-{index}.npz"), **{f"{n}/{k}": v for n, f in found.items() for k, v in f.items()})
    return {"directory": str(run.directory), "workers": run.content.get("strategy", {}).get("workers", 1)}


def faults() -> list[str]:
    """Return the faults of the installed Keras, and those that are left after the mend."""
    from zoo.distribution.keras_workers import faults_of_keras, mend_keras

    before = faults_of_keras()
    mend_keras()
    return [*before, "mended", *faults_of_keras()]


def _two_devices() -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def _fitted(name: str, form: str, strategy: Any, noise: float = 0.0) -> dict[str, Any]:
    """Fit for 20 steps with class weights, moving averages, a penalty and an uneven last batch; score and predict."""
    import keras

    import zoo

    kind, arguments = MODELS[name]
    accepted = zoo.info(name).arguments
    arguments = {key: value for key, value in arguments.items() if key in accepted}
    arguments |= {key: 0.0 for key in ("dropout", "token_dropout") if key in accepted}
    generator = np.random.default_rng(5)
    features = {
        IMAGES: lambda: generator.integers(0, 256, (ROWS, 28, 28, 1)).astype("uint8"),
        TEXTS: lambda: generator.integers(1, 50, (ROWS, 20)).astype("int32"),
        TABLES: lambda: generator.normal(size=(ROWS, 4)).astype("float32"),
    }[kind]()
    arguments |= {TABLES: {"input_shape": (4,)}, TEXTS: {"vocabulary_size": 50}}.get(kind, {})
    numbers = generator.integers(0, 3, ROWS)
    labels = numbers if form == "integers" else np.eye(3, dtype="float32")[numbers]
    keras.utils.set_random_seed(1)
    with tf.distribute.get_strategy().scope() if strategy == "none" else strategy.scope():
        optimizer = keras.optimizers.SGD(0.001 if name == "resnet" else 0.01, momentum=0.9, use_ema=True, ema_momentum=0.9)
    model = zoo.build(name, num_classes=3, optimizer=optimizer, strategy=strategy, **arguments)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True  # else each device takes the statistics of its own part
    if noise:
        moved = [weight * (1 + noise * generator.normal(size=weight.shape)) for weight in model.get_weights()]
        model.set_weights([weight.astype("float32") for weight in moved])
    history = model.fit(
        features, labels, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, class_weight={0: 1.0, 1: 3.0, 2: 0.5}
    ).history
    return {
        **history,
        "evaluated": model.evaluate(features, labels, batch_size=BATCH, verbose=0),
        "predicted": model.predict(features, batch_size=BATCH, verbose=0),
        **{f"weight {number}": weight for number, weight in enumerate(model.get_weights())},
    }


def _trained(name: str, strategy: str) -> dict[str, Any]:
    return _numbers(_train(name, strategy, tempfile.mkdtemp()))


def _train(name: str, strategy: str, out: str) -> Any:
    import zoo

    return zoo.train(name, **TRAINED[name], epochs=2, steps_per_epoch=10, warmup=0.0, strategy=strategy, out=out, verbose=0)


def _numbers(run: Any) -> dict[str, Any]:
    weights = {f"weight {number}": weight for number, weight in enumerate(run.model.get_weights())}
    return {**run.history, **{f"test {key}": value for key, value in run.metrics.items()}, **weights}


def _difference(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    """Return the largest difference of each kind of number, relative to the largest of them."""
    found: dict[str, float] = {}
    for key, value in ours.items():
        kind = key.partition(" ")[0]
        found[kind] = max(found.get(kind, 0.0), relative(value, theirs[key]))
    return found


def relative(ours: Any, theirs: Any) -> float:
    """Return the largest difference of two arrays, relative to the largest number in them."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-9))


JOBS: dict[str, Callable[..., Any]] = {
    job.__name__: job for job in (mirrored, trained, resumed, worker, faults)
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](*sys.argv[2:])))
