"""A model's function with its weights as constants, for converters."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from zoo.exporting.signatures import Servable


def freeze(servable: Servable, *, batch_size: int | None = None) -> tf.types.experimental.PolymorphicFunction:
    """Return `Servable.encoded` with constants instead of variables and of tensors that layers keep.

    Args:
        servable: model to convert.
        batch_size: fixed batch size of the function; None for any; default None.
    """
    (spec,) = servable.encoded.input_signature
    spec = tf.TensorSpec((batch_size, *spec.shape[1:]), spec.dtype, spec.name)
    function = tf.function(servable.encoded.python_function, input_signature=[spec]).get_concrete_function()
    names = sorted(function.structured_outputs)  # TensorFlow's order
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    return tf.function(lambda batch: dict(zip(names, frozen(batch), strict=True)), input_signature=[spec])


def has_loop(function: tf.types.experimental.PolymorphicFunction) -> bool:
    """Return whether a function uses tensor lists, as recurrent layers do."""
    graph = function.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
    return any(node.op.startswith("TensorList") for node in nodes)
