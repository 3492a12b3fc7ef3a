"""Writes SavedModels in TensorFlow Serving's layout, with a warm-up file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from google.protobuf import descriptor_pool, message_factory, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from zoo.errors import ArtefactError, one_line
from zoo.exporting.signatures import Servable

WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"
# The part of tensorflow_serving/apis/{prediction_log,predict,model}.proto that a warm-up file needs. The package
# tensorflow-serving-api also contains it, but requires a specific version of TensorFlow.
PREDICTION_LOG = """
    name: "zoo/prediction_log.proto" package: "zoo.serving" syntax: "proto3"
    dependency: "tensorflow/core/framework/tensor.proto"
    message_type { name: "ModelSpec" field { name: "signature_name" number: 3 type: TYPE_STRING } }
    message_type { name: "PredictRequest"
        field { name: "model_spec" number: 1 type_name: "ModelSpec" }
        field { name: "inputs" number: 2 type_name: "InputsEntry" label: LABEL_REPEATED }
        nested_type { name: "InputsEntry" options { map_entry: true }
            field { name: "key" number: 1 type: TYPE_STRING }
            field { name: "value" number: 2 type_name: "tensorflow.TensorProto" } } }
    message_type { name: "PredictLog" field { name: "request" number: 1 type_name: "PredictRequest" } }
    message_type { name: "PredictionLog" field { name: "predict_log" number: 6 type_name: "PredictLog" } }
"""
_FILE = text_format.Parse(PREDICTION_LOG, FileDescriptorProto())
PredictionLog = message_factory.GetMessages([_FILE], descriptor_pool.Default())["zoo.serving.PredictionLog"]


def write_saved_model(servable: Servable, directory: Path, requests: Mapping[str, Mapping[str, tf.Tensor]]) -> None:
    """Write a SavedModel with all endpoints of a model.

    Args:
        servable: Servable, the model.
        directory: Path, a new directory named by the version number.
        requests: mapping from signatures to inputs; TensorFlow Serving runs these requests on start-up.

    Raises:
        ArtefactError: TensorFlow cannot track an object that the model uses.
    """
    try:
        tf.saved_model.save(servable, str(directory), signatures=servable.endpoints)
    except (AssertionError, TypeError, ValueError) as error:  # for objects that TensorFlow cannot track
        raise ArtefactError(
            f"The model cannot be saved as a SavedModel: {one_line(error)}. Received: {servable.model_name!r}. Its layers must "
            "have everything that they use, such as variables and seed generators, as attributes."
        ) from error
    (directory / WARM_UP.parent).mkdir()
    with tf.io.TFRecordWriter(str(directory / WARM_UP)) as writer:
        for signature, inputs in requests.items():
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    """Return a request as a serialized `tensorflow.serving.PredictionLog`."""
    tensors = {name: tf.make_tensor_proto(tensor) for name, tensor in inputs.items()}
    request = {"model_spec": {"signature_name": signature}, "inputs": tensors}
    return bytes(PredictionLog(predict_log={"request": request}).SerializeToString())
