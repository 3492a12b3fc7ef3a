"""Jobs that distribution tests run in separate processes: `python jobs.py JOB [argument]` prints JSON on its last line.

Two logical CPUs stand for two GPUs: TensorFlow configures them once per process, before the first operation.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
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
    "transformer": (TEXTS, {"l2": 0.01, "pooling": "mean"}),  # without operations such as a maximum, where rounding decides
}
LATE_BY = 1.0  # seconds
ROWS, BATCH, EPOCHS = 145, 33, 4  # batches of 33, 33, 33, 33 and 13: 20 steps, and no batch divides evenly over two devices
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
    "mlp": {
        "data": "diabetes", "batch_size": 33, "optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant",
        "model.dropout": 0.0,
    },
}  # fmt: skip


def mirrored() -> dict[str, Any]:
    """Fit every model on one device and on two, with both forms of labels; return the largest relative differences."""
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
    """Train on two devices, without and with a stop in mid-epoch; return whether the results are bit-identical."""
    import zoo

    _two_devices()
    case = {"data": "digits", "epochs": 3, "batch_size": 64, "ema": 0.9, "augment_shift": 0.1}
    model = {"filters": [4, 8], "kernel_size": 3, "units": 16, "batch_normalization": True}

    whole = zoo.train("cnn", **case, model_arguments=model, strategy="mirrored", out=tempfile.mkdtemp(), verbose=0)
    out = tempfile.mkdtemp()
    try:
        zoo.train("cnn", **case, model_arguments=model, strategy="mirrored", out=out, callbacks=[_StopAfter(45)], verbose=0)
        raise AssertionError("it was not stopped")
    except KeyboardInterrupt:
        pass
    run = zoo.train(resume=out, callbacks=[_StopAfter(45)], strategy="mirrored", verbose=0)
    same = [
        np.array_equal(ours, theirs) for ours, theirs in zip(run.model.get_weights(), whole.model.get_weights(), strict=True)
    ]
    return {"weights": all(same), "history": run.history == whole.history, "metrics": run.metrics == whole.metrics}


def chosen() -> dict[str, Any]:
    """Return the results of a user's choices and mistakes with two devices."""
    import keras

    import zoo
    from zoo.distribution.strategies import choose_strategy, strategy_of

    _two_devices()
    found: dict[str, Any] = {}

    def message(call: Callable[[], Any]) -> str:
        try:
            call()
        except zoo.UsageError as error:
            return str(error)
        return "it was accepted"

    listed = tf.config.list_logical_devices
    tf.config.list_logical_devices = lambda kind=None: listed("CPU")  # two CPUs that pretend to be GPUs
    features = np.random.default_rng(0).normal(size=(65, 4)).astype("float32")
    automatic = zoo.build(
        "mlp", input_shape=(4,), num_classes=3, optimizer=keras.optimizers.Adam(1e-3)
    )  # created outside the scope
    automatic.fit(features, np.arange(65) % 3, batch_size=32, verbose=0)
    found["auto"] = strategy_of(automatic).num_replicas_in_sync
    found["none"] = strategy_of(zoo.build("mlp", input_shape=(4,), num_classes=3, strategy="none")) is None
    tf.config.list_logical_devices = listed
    # The same object, since TensorFlow confuses messages of two strategies on the same devices.
    strategy = choose_strategy("mirrored")
    with strategy.scope():
        found["open scope"] = strategy_of(zoo.build("mlp", input_shape=(4,), num_classes=3)) is strategy
        found["none in an open scope"] = message(lambda: zoo.build("mlp", num_classes=3, strategy="none"))

    def own(compiled: bool) -> Any:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        if compiled:
            model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        return model

    case: dict[str, Any] = {"data": "iris", "epochs": 2, "verbose": 0}
    for compiled in (False, True):
        with strategy.scope():
            model = own(compiled)
        run = zoo.train(model, **case, out=tempfile.mkdtemp())
        found[f"own, compiled={compiled}"] = [run.content["strategy"]["devices"], "accuracy" in run.metrics]
    with strategy.scope():
        model = own(False)
    found["sweep"] = zoo.find_learning_rate(model, data="iris", verbose=0).suggestion > 0
    model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")
    found["optimizer of another scope"] = message(lambda: zoo.train(model, **case, out=tempfile.mkdtemp()))
    found["clipping"] = message(lambda: zoo.train("mlp", **case, clip_norm=1.0, strategy=strategy, out=tempfile.mkdtemp()))
    found["accumulation"] = message(
        lambda: zoo.train("mlp", **case, accumulation_steps=2, strategy=strategy, out=tempfile.mkdtemp())
    )
    with strategy.scope():
        model = own(True)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=2)
    found["steps per execution"] = message(lambda: zoo.train(model, **case, out=tempfile.mkdtemp()))
    found["clipping in build"] = message(
        lambda: zoo.build("mlp", num_classes=3, optimizer=keras.optimizers.Adam(clipnorm=1.0), strategy=strategy)
    )
    found["one image for two devices"] = message(
        lambda: zoo.train("cnn", data="digits", batch_size=628, strategy=strategy, out=tempfile.mkdtemp(), verbose=0)
    )
    resumed = tempfile.mkdtemp()
    stop = _StopAfter(3)
    try:
        zoo.train("mlp", **case, clip_norm=1.0, callbacks=[stop], out=resumed)
    except KeyboardInterrupt:
        found["clipping in a resumed run"] = message(
            lambda: zoo.train(resume=resumed, callbacks=[_StopAfter(0)], strategy=strategy, verbose=0)
        )
    texts = zoo.build("lstm", vocabulary_size=50, strategy=strategy)
    found["one text for two devices"] = list(texts.predict(np.ones((1, 8), "int32"), verbose=0).shape)
    missing = tf.distribute.MirroredStrategy(["GPU:0", "GPU:2"])
    found["no such device"] = message(lambda: zoo.build("mlp", num_classes=3, strategy=missing))
    best = zoo.train(
        "mlp", data="iris", epochs=8, early_stopping=2, keep="best", learning_rate="auto", auto_seconds=3.0, strategy=strategy,
        out=tempfile.mkdtemp(), verbose=0,
    )  # fmt: skip
    found["best"] = best.content["status"]
    found["auto batch size"] = zoo.train(  # batch size 8: 1,257 images leave a last batch of 1
        "cnn", data="digits", epochs=1, batch_size="auto", strategy=strategy, out=tempfile.mkdtemp(), verbose=0
    ).settings["batch_size"]

    def plain(strategy: Any) -> Any:
        keras.utils.set_random_seed(1)
        data = zoo.load_data("digits", batch_size=100)
        model = zoo.build("cnn", data=data, dropout=0.0, optimizer="sgd", learning_rate=0.01, strategy=strategy)
        model.fit(data.train, validation_data=data.validation, epochs=2, shuffle=False, verbose=0)
        return {"weight": np.concatenate([weight.ravel() for weight in model.get_weights()])}

    found["plain fit on Splits"] = _difference(plain(strategy), plain("none"))["weight"]
    return found


class _StopAfter:
    """Creates a Keras callback; Keras is imported late."""

    def __new__(cls, batches: int) -> Any:
        import keras

        class StopAfter(keras.callbacks.Callback):
            seen = ()

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.seen = (*self.seen, batch)
                if len(self.seen) == batches:
                    signal.raise_signal(signal.SIGINT)

        return StopAfter()


def worker(folder: str) -> dict[str, Any]:
    """Train, evaluate and predict as a worker of `TF_CONFIG`, or alone; store the results in a folder."""
    import zoo
    from zoo.distribution.strategies import choose_strategy
    from zoo.distribution.workers import Worker, total, wait_for_all

    strategy = choose_strategy("auto")
    index = Worker.of(strategy).index
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
    waited = {}
    if strategy is not None:
        total(strategy, [1.0])
        begun = time.monotonic()
        time.sleep(0 if index else LATE_BY)
        wait_for_all(strategy)
        waited = {"waited": time.monotonic() - begun}
    return {"directory": str(run.directory), "workers": run.content.get("strategy", {}).get("workers", 1), **waited}


def ended(folder: str) -> dict[str, Any]:
    """Stop training of several workers early: by a score, by a callback of the first, and by Ctrl-C in the last."""
    import keras

    import zoo
    from zoo.distribution.strategies import choose_strategy
    from zoo.distribution.workers import Worker

    worker = Worker.of(choose_strategy("auto"))
    case: dict[str, Any] = {"data": "iris", "epochs": 30, "verbose": 0}
    found: dict[str, Any] = {"index": worker.index}
    chosen = {"learning_rate": "auto", "batch_size": "auto", "auto_seconds": 2.0}
    best = zoo.train("mlp", **case, **chosen, early_stopping=2, keep="best", out=os.path.join(folder, "best"))
    found["best"] = [best.settings["learning_rate"], best.settings["batch_size"], best.history, best.metrics]
    found["best is kept"] = [float(np.abs(weight).sum()) for weight in best.model.get_weights()]

    class EndHere(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = worker.is_chief and batch == 2

    own = zoo.train("mlp", **case, callbacks=[EndHere()], out=os.path.join(folder, "own"))
    found["own"] = [own.history, own.content["status"]]
    try:
        zoo.train("mlp", **case, callbacks=[_StopAfter(-1 if worker.is_chief else 40)], out=os.path.join(folder, "stopped"))
    except KeyboardInterrupt as error:
        found["said"] = [str(error), *getattr(error, "__notes__", ())]
    return found


def gone_on(folder: str) -> dict[str, Any]:
    """Resume the workers' run in one process."""
    import zoo

    run = zoo.train(resume=os.path.join(folder, "stopped"), callbacks=[_StopAfter(-1)], verbose=0)
    whole = zoo.train("mlp", data="iris", epochs=30, verbose=0, out=os.path.join(folder, "whole"))
    return {
        "status": run.content["status"],
        "weights": [
            relative(ours, theirs) for ours, theirs in zip(run.model.get_weights(), whole.model.get_weights(), strict=True)
        ],
    }


def faults() -> list[str]:
    """Return the bugs of the installed Keras."""
    from zoo.distribution.keras_workers import faults_of_keras

    return faults_of_keras()


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
            layer.synchronized = True  # otherwise, each device uses the statistics of its own share
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

    return zoo.train(
        name, config=TRAINED[name], epochs=2, steps_per_epoch=10, warmup=0.0, strategy=strategy, out=out, verbose=0
    )


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
    """Return the largest difference of two arrays, relative to their largest number."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-9))


JOBS: dict[str, Callable[..., Any]] = {
    job.__name__: job for job in (mirrored, trained, resumed, chosen, worker, ended, gone_on, faults)
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](*sys.argv[2:])))
