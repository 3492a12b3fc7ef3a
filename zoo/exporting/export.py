"""Exports a trained model in one or several formats, and verifies them."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.artefacts import files
from zoo.artefacts.data_facts import DATA_FILE
from zoo.artefacts.engines import check_installed
from zoo.artefacts.export import EXPORT_FILE, FORMAT, PLACES, Export, files_of
from zoo.artefacts.keras_files import load_keras
from zoo.artefacts.predictor import Predictor
from zoo.distribution.strategies import strategy_of
from zoo.errors import ArtefactError, UnknownNameError, UsageError, one_line
from zoo.exporting.litert import convert_to_litert
from zoo.exporting.onnx import convert_to_onnx
from zoo.exporting.proof import TOLERANCE, prove
from zoo.exporting.saved_model import write_saved_model
from zoo.exporting.signatures import Servable
from zoo.pipeline.info import DataInfo
from zoo.progress import track
from zoo.tasks.answers import Predictions
from zoo.version import __version__


def export_model(
    model: keras.Model, info: DataInfo, examples: Any, directory: Path, formats: Sequence[str], card: Mapping[str, Any]
) -> Export:
    """Write a model in all formats, and verify them on the examples; a failure leaves no files behind.

    Args:
        model: the trained model.
        info: description of the training data.
        examples: real examples in raw form.
        directory: new or empty directory.
        formats: formats to write: "saved_model", "litert", "onnx" or "keras".
        card: facts about the model.

    Raises:
        ArtefactError: the directory is not empty or cannot be written, the model cannot be converted, or a format does not
            match the model.
        UsageError: a format is unknown, or a package is missing.
    """
    check_formats(formats, info)
    _check_precision(model, formats)
    if directory.is_symlink():
        raise ArtefactError(f"An export needs a new directory. Received: {directory}, which is a link. Choose another name.")
    predictor = Predictor(model, info)
    expected = predictor.predict(examples)
    _check_finite(expected)
    _check_padding(predictor, examples)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".partial-{directory.name}-") as folder:
            partial = Path(folder) / directory.name
            (partial / DATA_FILE.parent).mkdir(parents=True)
            # An export contains no paths of this machine and no results of cleaning.
            shipped = replace(info, name=Path(info.name).name, location=None, report={})
            files.write_json(partial / DATA_FILE, shipped.to_dict())
            with _quiet():
                servable = Servable(_on_one_device(model), info, getattr(examples, "dtype", np.uint8))
                for name in track(formats, "Converting"):
                    _write(name, model, servable, partial / PLACES[name])
            places = [str(DATA_FILE), *(PLACES[name] for name in formats)]
            written = [name for place in places for name in files_of(partial, place)]
            content = {
                "format": FORMAT,
                "formats": {name: {} for name in formats},
                "files": {name: files.sha256(partial / name) for name in written},
            }
            files.write_json(partial / EXPORT_FILE, content)
            for _ in track(["verification"], "Verifying in a new process"):
                content["formats"] = prove(partial, examples, expected, info.preprocessor)
            content |= info.preprocessor.export_facts()
            content |= {"card": {**_without_places(card), "zoo": __version__, "exported": files.now()}}
            files.write_json(partial / EXPORT_FILE, content)
            os.replace(partial, directory)
    except (OSError, tf.errors.OpError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ArtefactError(
            f"The export could not be written: {reason or one_line(error)}. Received: {directory}. Free space or choose "
            "another directory, with out= or --out."
        ) from error
    return Export.open(directory)


def check_formats(formats: Sequence[str], info: DataInfo) -> None:
    """Reject formats that are unknown, cannot represent the model, or need a missing package.

    Raises:
        UsageError: there is such a format.
    """
    if not formats:
        raise UsageError(f"At least one format is required. Received: none. Accepted: {', '.join(PLACES)}.")
    for name in formats:
        if name not in PLACES:
            raise UnknownNameError("format", str(name), PLACES)
        if name in ("litert", "onnx") and info.preprocessor.takes_strings:
            raise UsageError(
                f"This model takes strings, which {name} does not support. Received: format={name!r}. "
                "Choose saved_model or keras, or train on token ids."
            )
        check_installed(name)


def _check_precision(model: keras.Model, formats: Sequence[str]) -> None:
    """Reject half precision in formats without matching operations.

    Raises:
        UsageError: the model computes in half precision.
    """
    halves = {layer.compute_dtype for layer in model.layers} & {"bfloat16", "float16"}
    if halves and {"litert", "onnx"} & set(formats):
        raise UsageError(
            f"LiteRT and ONNX exports need a model that computes in float32. Received: {', '.join(sorted(halves))} in "
            f"{model.name!r}. Choose saved_model or keras, or train with precision=float32."
        )


def _check_finite(expected: Predictions) -> None:
    """Reject a model that predicts NaN or infinity.

    Raises:
        UsageError: a prediction is not finite.
    """
    is_broken = ~np.isfinite(expected.numbers).all(axis=1)
    if is_broken.any():
        raise UsageError(
            f"The model predicts NaN or infinity. Received: {int(is_broken.sum())} such predictions for {len(expected)} "
            "examples. Its weights are broken: train it again, or use an earlier checkpoint."
        )


def _check_padding(predictor: Predictor, examples: Any) -> None:
    """Reject a model if a prediction depends on the other examples in the batch: no export could match it.

    Raises:
        UsageError: a prediction depends on another example.
    """
    for text, *batches in predictor.info.preprocessor.neighbours(examples):
        alone, together = (predictor.predict(batch).numbers[0] for batch in batches)
        if np.abs(alone - together).max() > TOLERANCE:
            raise UsageError(
                f"The model's predictions depend on padding. Received: {alone} for {text!r:.80} alone, {together} next to a "
                "longer text. Mask the padding, for example with Embedding(mask_zero=True). Or load the data with "
                "buckets=False, so that all batches have the same length, and train again."
            )


def _write(name: str, model: keras.Model, servable: Servable, path: Path) -> None:
    if name == "saved_model":
        write_saved_model(servable, path, servable.twin.requests)
    elif name == "litert":
        path.write_bytes(convert_to_litert(servable))
    elif name == "onnx":
        path.write_bytes(convert_to_onnx(servable))
    else:
        model.save(path)


def _without_places(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card without paths of this machine."""
    settings = {
        key: Path(value).name if key == "data" else value
        for key, value in card.get("settings", {}).items()
        if key != "data.data_dir"
    }
    return {**card, **({"settings": settings} if settings else {})}


def _on_one_device(model: keras.Model) -> keras.Model:
    """Return the model, or a copy if its variables are distributed over devices."""
    if strategy_of(model) is None:
        return model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return load_keras(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the converters' messages about node names and about tables that are recreated on loading."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
