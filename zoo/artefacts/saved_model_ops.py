"""Checks that a SavedModel contains only operations without side effects."""

from __future__ import annotations

import re
from pathlib import Path

from zoo.errors import ArtefactError

# Names of operations without side effects, for those whose definition does not show it: they have state, take or return
# strings, lists of tensors or functions, or have a string attribute. TensorFlow calls many others stateless although they
# read or write files, or contain a graph in a string.
COMPUTING = re.compile(
    # State inside the model: variables, tables, control flow.
    r"Assert|Assign(Add)?VariableOp|(Mutable)?HashTableV2|LookupTable\w+V2|NoOp|Placeholder|ReadVariableOp|ResourceGather|"
    r"(Stateful)?PartitionedCall|(Stateless)?(Case|If|While)|VarHandleOp|VarIsInitializedOp|"
    # Strings; DecodeProtoV2 and EncodeProto read a file.
    r"AsString|(De|En)code(?!Proto)\w+|ExtractJpegShape|Fingerprint|Parse(Single)?Example(V2)?|RaggedCross|ReduceJoin|"
    r"(Static)?Regex\w+|SparseCrossV2|String\w+|Substr|Unicode\w+|UnsortedSegmentJoin|"
    # Lists of tensors.
    r"EmptyTensorList|RaggedTensor(From|To)Variant|TensorList\w+|"
    # String attributes.
    r"Const|DataFormat(DimMap|VecPermute)|(Dense|Sparse)To(Dense|Sparse)SetOperation|Einsum|Enter|ExtractGlimpse(V2)?|GatherNd|"
    r"ImageProjectiveTransformV[23]|MapDefun|PreventGradient|RaggedTensorToTensor|ScaleAndTranslate|ScatterNd|TensorScatter\w+"
)
# Operations of TensorFlow's own saving, in functions that nothing else calls and that loading does not run.
CHECKPOINTS = frozenset({"DisableCopyOnRead", "MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})


def check_operations(directory: Path) -> None:
    """Reject a SavedModel that could read or write files, print or run code: any with an operation not known to be safe.

    Raises:
        ArtefactError: there is such an operation, or the SavedModel is not of TensorFlow 2.
        DecodeError, OSError: the SavedModel is damaged.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].HasField("object_graph_def"):
        raise ArtefactError(  # TensorFlow's other loader calls more functions
            f"This is not a SavedModel of TensorFlow 2. Received: {directory}. Load it with TensorFlow if you trust it."
        )
    graph = saved.meta_graphs[0]
    functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
    callable_names = set(graph.object_graph_def.concrete_functions)
    callable_names.update(name for nodes in functions.values() for node in nodes for name in _called(node))
    for name, nodes in [("", graph.graph_def.node), *functions.items()]:
        is_for_saving = name and name not in callable_names
        for node in nodes:
            if not (only_computes(node.op) or (is_for_saving and node.op in CHECKPOINTS)):
                raise ArtefactError(
                    f"This SavedModel could do more than compute. Received: the operation {node.op} in {directory}. "
                    "Load it with TensorFlow if you trust it; zoo's own exports have no such operations."
                )


def only_computes(operation: str) -> bool:
    """Return whether an operation has no side effects: it is listed here, or is stateless with only numeric arguments.

    Args:
        operation: name of the operation, for example "MatMul".
    """
    from tensorflow.core.framework import types_pb2
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(operation)
    if definition is None or COMPUTING.fullmatch(operation):
        return definition is not None
    tensors = {argument.type for argument in (*definition.input_arg, *definition.output_arg)}
    has_words = any(
        setting.type.removeprefix("list(").removesuffix(")") in ("string", "func", "tensor", "placeholder")
        and not setting.HasField("allowed_values")
        for setting in definition.attr
    )
    no_numbers = {types_pb2.DT_STRING, types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT}
    return not (definition.is_stateful or has_words or tensors & no_numbers)


def _called(node: object) -> list[str]:
    """Return the names of the functions that a node calls."""
    attributes = node.attr.values()  # type: ignore[attr-defined] # a protobuf message
    return [function.name for each in attributes for function in (each.func, *each.list.func) if function.name]
