"""Engines that run a model: LiteRT, ONNX Runtime, TensorFlow; `zoo.artefacts.outputs` contains the Keras engine."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import missing_package

PACKAGES = {"litert": "ai_edge_litert", "onnx": "onnxruntime", "saved_model": "tensorflow", "keras": "keras"}


class Engine(ABC):
    """Runs a model on batches.

    Attributes:
        name: name of the format: "keras", "saved_model", "onnx" or "litert".
        takes_strings: whether texts are passed as strings instead of token ids.
        dtype: required dtype of images; None for any numeric dtype.
        input_shape: shape of one example, with None for any size.
        outputs: names of the outputs: labels, probabilities and logits, or values.
        num_outputs: number of probabilities or values per example.
    """

    name: str
    takes_strings: bool = False
    dtype: np.dtype | None = None
    input_shape: tuple[int | None, ...]
    outputs: Sequence[str]
    num_outputs: int | None

    @property
    def answer(self) -> str:
        """The output that predictions come from: "probabilities" or "values"."""
        return "probabilities" if "probabilities" in self.outputs else "values"

    def of(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, num_classes)` probabilities or `(batch, num_outputs)` values, float32."""
        return self.run(batch, [self.answer])[self.answer]

    @abstractmethod
    def run(self, batch: np.ndarray, outputs: Sequence[str]) -> Mapping[str, np.ndarray]:
        """Return outputs by name."""


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


def _sizes(shape: Iterable[Any]) -> tuple[int | None, ...]:
    """Return sizes as integers or None; for a variable size, ONNX uses a name and LiteRT -1."""
    return tuple(int(size) if not isinstance(size, str | None) and size >= 0 else None for size in shape)


class LiteRTEngine(Engine):
    """Runs a LiteRT file with ai-edge-litert, for one calling thread at a time.

    Args:
        content: content of the file.
    """

    name = "litert"

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=content, num_threads=2)
        runner = self._interpreter.get_signature_runner()
        ((_, taken),) = runner.get_input_details().items()
        self._input: int = taken["index"]
        given = runner.get_output_details()
        del runner  # it would keep the interpreter's memory alive
        self._places: dict[str, int] = {name: each["index"] for name, each in given.items()}
        self.outputs = [*given]
        self.input_shape = _sizes(taken["shape_signature"][1:])
        self.num_outputs = int(given[self.answer]["shape"][-1])
        self._interpreter.allocate_tensors()  # LiteRT prints its messages here
        self.dtype = np.dtype(taken["dtype"])
        self._takes_one = taken["shape_signature"][0] == 1
        self._shape: tuple[int, ...] = ()
        self._lock = threading.Lock()

    def run(self, batch: np.ndarray, outputs: Sequence[str]) -> Mapping[str, np.ndarray]:
        """Return outputs by name."""
        parts = [batch[row : row + 1] for row in range(len(batch))] if self._takes_one else [batch]
        with self._lock:
            found = [self._invoke(part, outputs) for part in parts]
        return found[0] if len(found) == 1 else {name: np.concatenate([each[name] for each in found]) for name in outputs}

    def _invoke(self, batch: np.ndarray, outputs: Sequence[str]) -> dict[str, np.ndarray]:
        if batch.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, batch.shape)
            self._interpreter.allocate_tensors()
            self._shape = batch.shape
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(self._places[name]) for name in outputs}


class OnnxEngine(Engine):
    """Runs an ONNX file with ONNX Runtime on the CPU.

    Args:
        path: path of the file.
    """

    name = "onnx"

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        (taken,) = self._session.get_inputs()
        self._input: str = taken.name
        self.dtype = np.dtype({"tensor(uint8)": np.uint8, "tensor(int32)": np.int32}.get(taken.type, np.float32))
        given = {each.name: each.shape for each in self._session.get_outputs()}
        self.outputs = [*given]
        self.input_shape = _sizes(taken.shape[1:])
        (self.num_outputs,) = _sizes(given[self.answer][-1:])

    def run(self, batch: np.ndarray, outputs: Sequence[str]) -> Mapping[str, np.ndarray]:
        """Return outputs by name."""
        return dict(zip(outputs, self._session.run(outputs, {self._input: batch}), strict=True))


class SavedModelEngine(Engine):
    """Runs a signature of a SavedModel with TensorFlow.

    Args:
        directory: directory of the SavedModel, `out/1`.
        signature: name of the signature to run; it must have one input.

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
        self.dtype = None if self.takes_strings else np.dtype(taken.dtype.as_numpy_dtype)
        self.outputs = [*self._signature.structured_outputs]
        self.input_shape = tuple(taken.shape.as_list()[1:])
        self.num_outputs = self._signature.structured_outputs[self.answer].shape[-1]

    def run(self, batch: np.ndarray, outputs: Sequence[str]) -> Mapping[str, np.ndarray]:
        """Return outputs by name."""
        import tensorflow as tf

        found = self._signature(**{self._input: tf.constant(batch, self._tensor_dtype)})
        return {name: found[name].numpy() for name in outputs}
