"""Measure the time of a prediction with every engine, in one run: for one example (p50 and p99), and for many at once.

The ways alternate after a few calls each, so that a busy machine slows all of them equally. Each receives raw input if it
accepts it (the signature of a SavedModel, the Predictor), otherwise the model's input; `Predictor.predict` uses the export.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from rows import add_row, use_shared_data

ROUNDS, CALLS, WARM = 30, 20, 20  # calls of each way, and uncounted calls
SLOW_CALLS = 2  # calls of `model.predict` per round
BATCH, BATCHES = 256, 3
MODELS = {"cnn": "mnist", "lstm": "sst2", "transformer": "imdb_reviews"}

Calls = dict[str, Callable[[], object]]


def main() -> None:
    """Train each model for an epoch, export it, and add the rows."""
    use_shared_data()
    import zoo

    for model, data in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            run = zoo.train(model, data=data, epochs=1, verbose=0, out=Path(folder) / "run")
            zoo.export(run, Path(folder) / "out", format=["saved_model", "litert", "onnx"])
            raw = examples(run, data)
            measure_one(f"{model}@{data}", ways(run, Path(folder) / "out", raw[0], raw[:1]))
            measure_many(f"{model}@{data}", ways(run, Path(folder) / "out", raw, raw))


def examples(run: Any, data: str) -> Any:
    """Return real examples in random order; the first has medium length."""
    import zoo

    splits = zoo.load_data(data, **run.info.arguments)
    if not hasattr(run.info.preprocessor, "tokenizer"):
        return next(splits.test.as_numpy_iterator())[0][:BATCH].reshape(-1, 28, 28, 1)
    texts = [text for text, _ in zip(splits.texts("test"), range(BATCH), strict=False)]
    middle = sorted(range(BATCH), key=lambda place: len(texts[place]))[BATCH // 2]
    texts[0], texts[middle] = texts[middle], texts[0]
    return texts


def ways(run: Any, export: Path, raw: Any, batch: Any) -> Calls:
    """Return a function without arguments for each way to predict."""
    import tensorflow as tf

    from zoo.artefacts.export import Export

    opened = Export.open(export)
    text = run.info.preprocessor if hasattr(run.info.preprocessor, "tokenizer") else None
    encoded = batch if text is None else text.pad([text.encode(each) for each in batch])
    model, saved = run.model, tf.saved_model.load(str(export / "1"))
    signature = saved.signatures["serving_default"]
    name = "image" if text is None else "text"
    litert, onnx = bare_litert(export, encoded), bare_onnx(export, encoded)
    predictor = opened.predictor(for_many=len(batch) > 1)
    return {
        "model.predict": lambda: model.predict(encoded, verbose=0),
        "SavedModel signature, raw": lambda: signature(**{name: tf.constant(batch)})["probabilities"].numpy(),
        "ONNX Runtime": onnx,
        "LiteRT": litert,
        f"Predictor.predict, raw ({predictor.engine})": lambda: predictor.predict(raw),
    }


def bare_litert(export: Path, encoded: np.ndarray) -> Callable[[], object]:
    """Return a function that predicts with LiteRT without zoo; one example at a time if the model takes only one."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(export / "model.tflite"), num_threads=2)
    runner = interpreter.get_signature_runner()
    ((_, taken),) = runner.get_input_details().items()
    given = runner.get_output_details()["probabilities"]["index"]
    del runner
    takes_one = taken["shape_signature"][0] == 1
    parts = [encoded[row : row + 1] for row in range(len(encoded))] if takes_one else [encoded]
    interpreter.resize_tensor_input(taken["index"], parts[0].shape)
    interpreter.allocate_tensors()

    def call() -> None:
        for part in parts:
            interpreter.set_tensor(taken["index"], part)
            interpreter.invoke()
            interpreter.get_tensor(given)

    return call


def bare_onnx(export: Path, encoded: np.ndarray) -> Callable[[], object]:
    """Return ONNX Runtime without zoo."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(export / "model.onnx"), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(["probabilities"], {name: encoded})


def timed(calls: Calls, rounds: int, count: Callable[[str], int]) -> dict[str, list[float]]:
    """Return the milliseconds of each call, alternating between the functions."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            for _ in range(WARM if number == 0 and count(name) > 1 else count(name)):
                begun = time.perf_counter()
                call()
                if number:
                    times[name].append(1000 * (time.perf_counter() - begun))
    return times


def measure_one(pair: str, calls: Calls) -> None:
    """Add p50 and p99 of one example, and the ratios of the Predictor to the others."""
    times = timed(calls, ROUNDS, lambda name: SLOW_CALLS if name == "model.predict" else CALLS)
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        add_row("prediction", f"{pair}, one example, {name}, p50", median[name], "ms", len(values))
        add_row("prediction", f"{pair}, one example, {name}, p99", float(np.quantile(values, 0.99)), "ms", len(values))
    ours = next(name for name in times if name.startswith("Predictor"))
    for other, words in (("model.predict", "model.predict / Predictor"), ("LiteRT", "Predictor / bare LiteRT")):
        ratio = median[other] / median[ours] if other == "model.predict" else median[ours] / median[other]
        add_row("prediction", f"{pair}, one example, {words}, ratio of the medians", ratio, "ratio", len(times[ours]))


def measure_many(pair: str, calls: Calls) -> None:
    """Add the examples per second of a batch."""
    for name, values in timed(calls, BATCHES, lambda _: 3).items():
        rate = 1000 * BATCH / statistics.median(values)
        add_row("prediction", f"{pair}, {BATCH} at once, {name}, median", rate, "1/s", len(values))


if __name__ == "__main__":
    sys.exit(main())
