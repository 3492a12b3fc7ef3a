"""Functions for converters: freezing a model's weights as constants, and reporting a failed conversion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from zoo.errors import ArtefactError, one_line
from zoo.exporting.signatures import Servable


def freeze(servable: Servable, *, batch_size: int | None = None) -> tf.types.experimental.PolymorphicFunction:
    """Return `Servable.encoded` with variables and captured tensors replaced by constants.

    Args:
        servable: the model to convert.
        batch_size: fixed batch size of the function; None allows any; default None.
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


@contextmanager
def conversion_to(name: str, servable: Servable) -> Iterator[None]:
    """Convert any error of a converter to an ArtefactError.

    Raises:
        ArtefactError: the block failed.
    """
    try:
        yield
    except Exception as error:  # converters raise many types
        raise ArtefactError(
            f"The model cannot be converted to {name}: {one_line(error)}. Received: {servable.model_name!r}. "
            "Export it as saved_model."
        ) from error
