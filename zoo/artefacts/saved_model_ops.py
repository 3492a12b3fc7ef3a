"""What the operations of a SavedModel may do: compute, and nothing else."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import ArtefactError, one_line

# Operations with a state that stays inside of the model: its variables, its tables, its control flow.
OWN_STATE = frozenset(
    {
        "Assert", "AssignVariableOp", "AssignAddVariableOp", "Case", "HashTableV2", "If", "LookupTableExportV2",
        "LookupTableFindV2", "LookupTableImportV2", "LookupTableSizeV2", "MutableHashTableV2", "NoOp", "PartitionedCall",
        "Placeholder", "ReadVariableOp", "ResourceGather", "StatefulPartitionedCall", "VarHandleOp", "VarIsInitializedOp",
        "While",
    }
)  # fmt: skip
FILES = frozenset({"MatchingFiles", "PyFuncStateless", "ReadFile"})  # TensorFlow calls them stateless
# Those of TensorFlow's own saving, in functions that nothing else calls and that loading leaves alone.
CHECKPOINTS = frozenset({"DisableCopyOnRead", "MergeV2Checkpoints", "RestoreV2", "SaveV2"})


def check_operations(directory: Path) -> None:
    """Refuse a SavedModel that could read or write files, print, or run code.

    Raises:
        ArtefactError: it could, or it is damaged.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    from tensorflow.python.framework import op_def_registry

    saved = SavedModel()
    try:
        saved.ParseFromString((directory / "saved_model.pb").read_bytes())
    except (DecodeError, OSError) as error:
        raise ArtefactError(f"This is no whole SavedModel: {one_line(error)}. Received: {directory}. Export again.") from error
    for graph in saved.meta_graphs:
        functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
        callable_names = set(graph.object_graph_def.concrete_functions)
        for nodes in functions.values():
            callable_names.update(called for node in nodes for called in _called(node))
        for name, nodes in [("", graph.graph_def.node), *functions.items()]:
            for node in nodes:
                definition = op_def_registry.get(node.op)
                is_own = node.op in OWN_STATE or (node.op in CHECKPOINTS and name and name not in callable_names)
                if not is_own and (definition is None or definition.is_stateful or node.op in FILES | CHECKPOINTS):
                    raise ArtefactError(
                        f"This SavedModel could do more than compute. Received: the operation {node.op} in {directory}. "
                        "Load it with TensorFlow if you trust it; zoo's own exports have no such operation."
                    )


def _called(node: object) -> list[str]:
    """Return the names of the functions that a node calls."""
    names = []
    for attribute in node.attr.values():  # type: ignore[attr-defined] # a message of TensorFlow's
        names += [attribute.func.name, *(function.name for function in attribute.list.func)]
    return [name for name in names if name]
