"""Make `zoo/models/facts.json`: parameters and operations of every model and variant at its default arguments.

`python scripts/make_facts.py` writes the file; with `--check` it only compares and fails where the file is not true.
Operations are floating-point operations for one example, forward, as TensorFlow's profiler counts them on the frozen graph.
"""

from __future__ import annotations

import json
import sys

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from zoo import registry


def measure(name: str) -> dict[str, int]:
    """Return the facts of one model or variant, built at its default arguments."""
    entry, variant = registry.find_model(name)
    model = entry.factory(**entry.arguments(variant, {}))
    example = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    graph = tf.function(lambda batch: model(batch, training=False)).get_concrete_function(example)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    frozen = convert_variables_to_constants_v2(graph).graph
    profile = tf.compat.v1.profiler.profile(frozen, options=options)
    return {"parameters": int(model.count_params()), "operations": int(profile.total_float_ops)}


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
