"""SavedModels in TensorFlow Serving's layout, with a warm-up file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from zoo.errors import ArtefactError, one_line
from zoo.exporting.signatures import Servable

WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"


def write_saved_model(servable: Servable, directory: Path, requests: Mapping[str, Mapping[str, tf.Tensor]]) -> None:
    """Write a SavedModel with all endpoints of a model.

    Args:
        servable: the model.
        directory: to make, named by a version number.
        requests: one for each signature, which TensorFlow Serving answers before it takes others.

    Raises:
        ArtefactError: TensorFlow cannot follow what the model uses.
    """
    try:
        tf.saved_model.save(servable, str(directory), signatures=servable.endpoints)
    except (AssertionError, TypeError, ValueError) as error:  # of what TensorFlow cannot follow
        raise ArtefactError(
            f"The model cannot be saved as a SavedModel: {one_line(error)}. Received: {servable.model_name!r}. Let its layers "
            "keep what they use, variables and seed generators among it, as attributes."
        ) from error
    (directory / WARM_UP.parent).mkdir()
    with tf.io.TFRecordWriter(str(directory / WARM_UP)) as writer:
        for signature, inputs in requests.items():
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    """Return a request as `tensorflow.serving.PredictionLog`."""
    log = _prediction_log_class()()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for name, tensor in inputs.items():
        request.inputs[name] = tf.make_tensor_proto(tensor).SerializeToString()
    return bytes(log.SerializeToString())


def _prediction_log_class() -> type[Message]:
    """Return the message of TensorFlow Serving, as far as a warm-up needs it.

    Its own package pins TensorFlow and is not needed for four messages. Names and numbers are those of
    tensorflow_serving/apis/{prediction_log,predict,model}.proto; a tensor stands in bytes, which are encoded alike.
    """
    file = descriptor_pb2.FileDescriptorProto(name="zoo/prediction_log.proto", package="zoo.serving", syntax="proto3")
    _add_message(file, "ModelSpec", signature_name=(3, "string"))
    request = _add_message(file, "PredictRequest", model_spec=(1, "ModelSpec"), inputs=(2, "PredictRequest.InputsEntry"))
    request.field[1].label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    entry = request.nested_type.add(name="InputsEntry")
    _add_fields(entry, key=(1, "string"), value=(2, "bytes"))
    entry.options.map_entry = True
    _add_message(file, "PredictLog", request=(1, "PredictRequest"))
    _add_message(file, "PredictionLog", predict_log=(6, "PredictLog"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    log_class: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName("zoo.serving.PredictionLog"))
    return log_class


def _add_message(
    file: descriptor_pb2.FileDescriptorProto, name: str, **fields: tuple[int, str]
) -> descriptor_pb2.DescriptorProto:
    message = file.message_type.add(name=name)
    _add_fields(message, **fields)
    return message


def _add_fields(message: descriptor_pb2.DescriptorProto, **fields: tuple[int, str]) -> None:
    types = {"string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING, "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES}
    for name, (number, kind) in fields.items():
        field = message.field.add(name=name, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
        if kind in types:
            field.type = types[kind]
        else:
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".zoo.serving.{kind}"
