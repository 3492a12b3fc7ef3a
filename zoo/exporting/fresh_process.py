"""`python -m zoo.exporting.fresh_process EXPORT FOLDER`: predict the examples in a folder with all formats of an export."""

from __future__ import annotations

import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from zoo.artefacts.batches import batches_of
from zoo.artefacts.engines import Engine
from zoo.artefacts.export import PLACES, Export
from zoo.artefacts.predictor import Predictor
from zoo.exporting.examples import Raw
from zoo.exporting.exchange import ANSWERS, read_examples
from zoo.pipeline.info import DataInfo

ROUNDS, CALLS, BATCH = 5, 20, 64

Outputs = Mapping[str, np.ndarray]


def main(directory: Path, folder: Path) -> None:
    """Write the predictions of each format through zoo, its own outputs, and those of a SavedModel's other endpoints."""
    export, examples = Export.open(directory), read_examples(folder)
    told: list[dict[str, Any]] = []

    def tell(name: str, part: str, labels: list[Any], numbers: np.ndarray, **measured: float) -> None:
        file = f"{len(told)}.npz"
        np.savez(folder / file, numbers=numbers)
        told.append({"format": name, "name": f"{name} ({part})", "labels": labels, "file": file, **measured})

    engines = {name: export.engine(name) for name in export.formats}
    predictors = {name: Predictor(engine, export.info) for name, engine in engines.items()}
    for_one = seconds(predictors, _one(examples), ROUNDS, CALLS)
    for_all = seconds(predictors, examples, ROUNDS, 1)
    for name, engine in engines.items():
        said = predictors[name].predict(examples)
        tell(name, "zoo.load", said.labels, said.numbers, seconds_for_one=for_one[name], seconds_for_all=for_all[name])
        if name != "keras":
            tell(name, "its own outputs", *_labels_and_numbers(own_outputs(engine, examples, export.info)))
        if name == "saved_model":
            for signature, outputs in other_outputs(directory / PLACES[name], examples, export.info):
                tell(name, f"signature {signature}", *_labels_and_numbers(outputs))
    (folder / ANSWERS).write_text(json.dumps(told, default=str), encoding="utf-8")


def _one(examples: Raw) -> Any:
    middle = len(examples) // 2
    return examples.iloc[[middle]] if isinstance(examples, pd.DataFrame) else examples[middle]


def seconds(predictors: Mapping[str, Predictor], raw: Any, rounds: int, calls: int) -> dict[str, float]:
    """Return the seconds of the fastest call of each engine; engines alternate, and the first round is not counted.

    The fastest call is the least disturbed one: by the machine, and by the previous engine's threads, which wait for more work
    for some milliseconds.
    """
    fastest = dict.fromkeys(predictors, math.inf)
    for number in range(rounds + 1):
        for name, predictor in predictors.items():
            for _ in range(calls):
                begun = time.perf_counter()
                predictor.predict(raw)
                if number:
                    fastest[name] = min(fastest[name], time.perf_counter() - begun)
    return fastest


def own_outputs(engine: Engine, examples: Raw, info: DataInfo) -> Outputs:
    """Return all outputs of an engine for the examples, in their order."""
    order, batches = batches_of(examples, info, takes_strings=engine.takes_strings, dtype=engine.dtype)
    outputs = _joined(engine.answers(batch) for batch in batches)
    return outputs if order is None else {name: values[np.argsort(order)] for name, values in outputs.items()}


def other_outputs(directory: Path, examples: Raw, info: DataInfo) -> Iterator[tuple[str, Outputs]]:
    """Yield the signatures of a SavedModel that zoo does not run itself, with their outputs."""
    import tensorflow as tf

    model = tf.saved_model.load(str(directory))
    if isinstance(examples, pd.DataFrame) and info.table is not None:
        from zoo.inputs.table.graph import column_inputs

        names = column_inputs(info.table)
        kinds = {column.name: np.float32 if column.kind == "number" else object for column in info.table.columns}
        requests = (
            {names[name]: tf.constant(rows[name].to_numpy(kinds[name])) for name in names}
            for rows in (examples.iloc[start : start + BATCH] for start in range(0, len(examples), BATCH))
        )
        yield "serving_default", _asked(model.signatures["serving_default"], requests)
    elif "image_bytes" in model.signatures:
        files = [_png(image) for image in examples]
        requests = ({"image_bytes": tf.constant(files[start : start + BATCH])} for start in range(0, len(files), BATCH))
        yield "image_bytes", _asked(model.signatures["image_bytes"], requests)


def _asked(signature: Callable[..., Mapping[str, Any]], requests: Iterator[Mapping[str, Any]]) -> Outputs:
    return _joined({name: each.numpy() for name, each in signature(**request).items()} for request in requests)


def _joined(outputs: Iterator[Outputs]) -> Outputs:
    every = list(outputs)
    return {name: np.concatenate([each[name] for each in every]) for name in every[0]}


def _png(image: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()


def _labels_and_numbers(outputs: Outputs) -> tuple[list[Any], np.ndarray]:
    labels = [label.decode() if isinstance(label, bytes) else label for label in outputs.get("labels", np.zeros(0)).tolist()]
    return labels, outputs["probabilities" if "probabilities" in outputs else "values"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
