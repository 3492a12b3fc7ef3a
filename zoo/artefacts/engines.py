"""Engines that run a model: LiteRT, ONNX Runtime, a SavedModel's signature; `zoo.artefacts.outputs` has the Keras engine."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from zoo.errors import missing_package

PACKAGES = {"litert": "ai_edge_litert", "onnx": "onnxruntime", "saved_model": "tensorflow", "keras": "keras"}


class Engine(Protocol):
    """Runs a model on batches.

    Attributes:
        name: "keras", "saved_model", "onnx" or "litert".
        takes_strings: whether texts are strings instead of token ids.
        dtype: required dtype of images; None for any numeric dtype.
        input_shape: shape of one example, with None for any size.
        num_outputs: number of probabilities or values per example.
    """

    name: str
    takes_strings: bool
    dtype: np.dtype | None
    input_shape: tuple[int | None, ...]
    num_outputs: int | None

    def of(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, num_classes)` probabilities or `(batch, num_outputs)` values, float32."""

    def answers(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Return all outputs by name: labels, probabilities and logits, or values."""


def is_installed(name: str) -> bool:
    """Return whether the engine's package is installed, without importing it."""
    return find_spec(PACKAGES[name]) is not None


def check_installed(name: str) -> None:
    """Reject an engine with a missing package.

    Raises:
        UsageError: the package is missing; the message gives the command that installs it.
    """
    if not is_installed(name):
        raise missing_package(f"The format {name!r}", PACKAGES[name], extra="onnx" if name == "onnx" else None)


def _answer_among(outputs: Iterable[str]) -> str:
    return "probabilities" if "probabilities" in outputs else "values"


def _sizes(shape: Iterable[Any]) -> tuple[int | None, ...]:
    """Return sizes as integers or None; ONNX uses a name for an open size, LiteRT -1."""
    return tuple(int(size) if not isinstance(size, str | None) and size >= 0 else None for size in shape)


class LiteRTEngine:
    """A LiteRT file in ai-edge-litert, on one thread at a time.

    Args:
        content: content of the file.
    """

    name = "litert"
    takes_strings = False

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=content, num_threads=2)
        runner = self._interpreter.get_signature_runner()
        ((_, taken),) = runner.get_input_details().items()
        self._input: int = taken["index"]
        given = runner.get_output_details()
        del runner  # it would keep the interpreter's memory alive
        self._outputs: dict[str, int] = {name: each["index"] for name, each in given.items()}
        self._answer = _answer_among(given)
        self.input_shape: tuple[int | None, ...] = _sizes(taken["shape_signature"][1:])
        self.num_outputs: int | None = int(given[self._answer]["shape"][-1])
        self._interpreter.allocate_tensors()  # LiteRT prints its messages here
        self.dtype: np.dtype | None = np.dtype(taken["dtype"])
        self._takes_one = taken["shape_signature"][0] == 1
        self._shape: tuple[int, ...] = ()
        self._lock = threading.Lock()

    def of(self, batch: np.ndarray) -> np.ndarray:
        """Return probabilities or values."""
        return self._run(batch, [self._answer])[self._answer]

    def answers(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Return all outputs by name."""
        return self._run(batch, [*self._outputs])

    def _run(self, batch: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
        parts = [batch[row : row + 1] for row in range(len(batch))] if self._takes_one else [batch]
        with self._lock:
            answers = [self._invoke(part, names) for part in parts]
        return answers[0] if len(answers) == 1 else {name: np.concatenate([each[name] for each in answers]) for name in names}

    def _invoke(self, batch: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
        if batch.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, batch.shape)
            self._interpreter.allocate_tensors()
            self._shape = batch.shape
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(self._outputs[name]) for name in names}


class OnnxEngine:
    """An ONNX file in ONNX Runtime on the CPU.

    Args:
        path: path of the file.
    """

    name = "onnx"
    takes_strings = False

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        (taken,) = self._session.get_inputs()
        self._input: str = taken.name
        self.dtype: np.dtype | None = np.dtype(
            {"tensor(uint8)": np.uint8, "tensor(int32)": np.int32}.get(taken.type, np.float32)
        )
        given = {each.name: each.shape for each in self._session.get_outputs()}
        self._names: list[str] = [*given]
        self._answer = _answer_among(given)
        self.input_shape: tuple[int | None, ...] = _sizes(taken.shape[1:])
        (self.num_outputs,) = _sizes(given[self._answer][-1:])

    def of(self, batch: np.ndarray) -> np.ndarray:
        """Return probabilities or values."""
        answer: np.ndarray = self._session.run([self._answer], {self._input: batch})[0]
        return answer

    def answers(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Return all outputs by name."""
        return dict(zip(self._names, self._session.run(self._names, {self._input: batch}), strict=True))


class SavedModelEngine:
    """A signature of a SavedModel in TensorFlow.

    Args:
        directory: directory of the SavedModel itself, `out/1`.
        signature: name of the signature to run; it has one input.

    Raises:
        ArtefactError: the SavedModel could access files or run code.
    """

    name = "saved_model"

    def __init__(self, directory: Path, signature: str) -> None:
        import tensorflow as tf

        from zoo.artefacts.saved_model_ops import check_operations

        check_operations(directory)
        self._model = tf.saved_model.load(str(directory))  # keeps the signatures alive
        signatures: Mapping[str, tf.types.experimental.ConcreteFunction] = self._model.signatures
        self._signature = signatures[signature]
        ((self._input, taken),) = self._signature.structured_input_signature[1].items()
        self.takes_strings = taken.dtype == tf.string
        self._tensor_dtype = taken.dtype
        self.dtype: np.dtype | None = None if self.takes_strings else np.dtype(taken.dtype.as_numpy_dtype)
        given = self._signature.structured_outputs
        self._answer = _answer_among(given)
        self.input_shape: tuple[int | None, ...] = tuple(taken.shape.as_list()[1:])
        self.num_outputs: int | None = given[self._answer].shape[-1]

    def of(self, batch: np.ndarray) -> np.ndarray:
        """Return probabilities or values."""
        return self.answers(batch)[self._answer]

    def answers(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Return all outputs by name."""
        import tensorflow as tf

        answers = self._signature(**{self._input: tf.constant(batch, self._tensor_dtype)})
        return {name: each.numpy() for name, each in answers.items()}
