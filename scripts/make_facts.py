"""Write `zoo/models/facts.json`: parameters and operations of every model and variant at its default arguments.

`python scripts/make_facts.py` writes the file; with `--check`, it only compares, and fails if the file is wrong.
Operations are floating-point operations of the forward pass for one example, counted by TensorFlow's profiler on the frozen
graph. A text has 200 tokens, or the model's maximum.
"""

from __future__ import annotations

import json
import sys

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from zoo import registry

TOKENS = 200  # length of the text for which operations are counted


def measure(name: str) -> dict[str, int]:
    """Return the facts of one model or variant, built at its default arguments."""
    entry, variant = registry.find_model(name)
    arguments = entry.arguments(variant, {})
    model = entry.factory(**arguments)
    if "recurrent" in entry.tags:
        # The profiler counts the body of a loop once, so the loop is unrolled. Each step costs the same, so two short texts
        # determine the cost of a long one.
        short, longer = (count_operations(unrolled(model), (tokens,)) for tokens in (8, 16))
        operations = short + (longer - short) * (TOKENS // 8 - 1)
    else:
        tokens = min(TOKENS, arguments.get("max_sequence_length", TOKENS))
        operations = count_operations(model, (tokens,) if "text" in entry.tags else model.input_shape[1:])
    return {"parameters": int(model.count_params()), "operations": operations}


def count_operations(model: keras.Model, shape: tuple[int, ...]) -> int:
    """Return the floating-point operations for one example of this shape."""
    example = tf.TensorSpec((1, *shape), model.inputs[0].dtype)
    graph = tf.function(lambda batch: model(batch, training=False)).get_concrete_function(example)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    frozen = convert_variables_to_constants_v2(graph).graph
    return int(tf.compat.v1.profiler.profile(frozen, options=options).total_float_ops)


def unrolled(model: keras.Model) -> keras.Model:
    """Return the model with unrolled recurrent layers."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN):
            layer.unroll = True
    return model


def main(check: bool) -> int:
    """Write or check the file."""
    registry.FACTS_PATH.touch()
    if not registry.FACTS_PATH.read_text():
        registry.FACTS_PATH.write_text("{}")
    names = [
        name for name in registry.list_models() if registry.find_model(name)[0].factory.__module__.startswith("zoo.models.")
    ]
    text = json.dumps({name: measure(name) for name in names}, indent=2) + "\n"
    if check:
        return int(text != registry.FACTS_PATH.read_text())
    registry.FACTS_PATH.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
