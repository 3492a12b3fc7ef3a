"""`python -m zoo.exporting.fresh_process EXPORT FOLDER`: predicts the examples in a folder with all formats of an export."""

from __future__ import annotations

import math
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artefacts.engines import Engine
from zoo.artefacts.export import PLACES, Export
from zoo.artefacts.predictor import Predictor
from zoo.pipeline.info import DataInfo

EXAMPLES, ANSWERS = "examples.pickle", "answers.pickle"  # files in the folder
ROUNDS, CALLS = 5, 20

Outputs = Mapping[str, np.ndarray]


def main(directory: Path, folder: Path) -> None:
    """Write each format's predictions through zoo, its own outputs, and the outputs of a SavedModel's other endpoints."""
    export = Export.open(directory)
    preprocessor = export.info.preprocessor
    examples = pickle.loads((folder / EXAMPLES).read_bytes())  # noqa: S301 - written by zoo itself
    answers: list[dict[str, Any]] = []
    engines = {name: export.engine(name) for name in export.formats}
    predictors = {name: Predictor(engine, export.info) for name, engine in engines.items()}
    for_one = seconds(predictors, preprocessor.one(examples, len(examples) // 2), ROUNDS, CALLS)
    for_all = seconds(predictors, examples, ROUNDS, 1)
    for name, engine in engines.items():
        found = predictors[name].predict(examples)
        measured = {"seconds_for_one": for_one[name], "seconds_for_all": for_all[name]}
        answers.append({"part": "zoo.load", "labels": found.labels, "numbers": found.numbers, "format": name, **measured})
        if name != "keras":
            own = own_outputs(engine, examples, export.info)
            answers.append({"part": "its own outputs", **_labels_and_numbers(own), "format": name})
        if name == "saved_model":
            for signature, outputs in other_outputs(directory / PLACES[name], examples, export.info):
                answers.append({"part": f"signature {signature}", **_labels_and_numbers(outputs), "format": name})
    (folder / ANSWERS).write_bytes(pickle.dumps(answers))


def seconds(predictors: Mapping[str, Predictor], raw: Any, rounds: int, calls: int) -> dict[str, float]:
    """Return the fastest call of each engine in seconds; engines alternate, and the first round does not count.

    The fastest call is the least disturbed, by other processes and by the previous engine's threads, which stay active for
    some milliseconds.
    """
    fastest = dict.fromkeys(predictors, math.inf)
    for number in range(rounds + 1):
        for name, predictor in predictors.items():
            for _ in range(calls):
                started = time.perf_counter()
                predictor.predict(raw)
                if number:
                    fastest[name] = min(fastest[name], time.perf_counter() - started)
    return fastest


def own_outputs(engine: Engine, examples: Any, info: DataInfo) -> Outputs:
    """Return all outputs of an engine for the examples, in their order."""
    order, batches = info.preprocessor.batches(examples, takes_strings=engine.takes_strings, dtype=engine.dtype)
    outputs = _joined(engine.run(batch, engine.outputs) for batch in batches)
    return outputs if order is None else {name: values[np.argsort(order)] for name, values in outputs.items()}


def other_outputs(directory: Path, examples: Any, info: DataInfo) -> Iterator[tuple[str, Outputs]]:
    """Yield the signatures of a SavedModel that zoo itself does not run, with their outputs."""
    import tensorflow as tf

    signatures = tf.saved_model.load(str(directory)).signatures
    for name, requests in info.preprocessor.requests(examples, signatures):
        tensors = ({key: tf.constant(value) for key, value in request.items()} for request in requests)
        yield name, _asked(signatures[name], tensors)


def _asked(signature: Callable[..., Mapping[str, Any]], requests: Iterator[Mapping[str, Any]]) -> Outputs:
    return _joined({name: each.numpy() for name, each in signature(**request).items()} for request in requests)


def _joined(outputs: Iterator[Outputs]) -> Outputs:
    every = list(outputs)
    return {name: np.concatenate([each[name] for each in every]) for name in every[0]}


def _labels_and_numbers(outputs: Outputs) -> dict[str, Any]:
    labels = [label.decode() if isinstance(label, bytes) else label for label in outputs.get("labels", np.zeros(0)).tolist()]
    return {"labels": labels, "numbers": outputs["probabilities" if "probabilities" in outputs else "values"]}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
