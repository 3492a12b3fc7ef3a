"""Converts models to ONNX."""

from __future__ import annotations

from unittest.mock import patch

from zoo.errors import missing_package
from zoo.exporting.freezing import conversion_to, freeze
from zoo.exporting.signatures import Servable

OPSET = 18  # from December 2022; ONNX Runtime reads it since 1.14


def convert_to_onnx(servable: Servable) -> bytes:
    """Return a model as an ONNX file with the names of `Servable.encoded`; batch and time can have any size.

    Raises:
        ArtefactError: ONNX does not have an operation of the model.
        UsageError: tf2onnx is not installed.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise missing_package("The format 'onnx'", "tf2onnx", extra="onnx") from error

    # tf2onnx 1.17 merges two LSTMs into a bidirectional one even if rows are reversed by their own lengths. It drops the
    # lengths, so that padding would come first.
    only_plain_reversals = patch("tf2onnx.utils.is_tf_reverse_op", lambda operation: operation.type == "ReverseV2")
    with conversion_to("ONNX", servable), only_plain_reversals:
        function = freeze(servable)
        model, _ = tf2onnx.convert.from_function(function, function.input_signature, opset=OPSET)
        onnx.checker.check_model(model)  # tf2onnx copies unknown operations unchanged
    return bytes(model.SerializeToString())
