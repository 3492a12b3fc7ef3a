"""Checks that the operations of a SavedModel only compute."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import ArtefactError, one_line

# Operations with state inside the model: variables, tables, control flow.
OWN_STATE = frozenset(
    {
        "Assert", "AssignVariableOp", "AssignAddVariableOp", "Case", "HashTableV2", "If", "LookupTableExportV2",
        "LookupTableFindV2", "LookupTableImportV2", "LookupTableSizeV2", "MutableHashTableV2", "NoOp", "PartitionedCall",
        "Placeholder", "ReadVariableOp", "ResourceGather", "StatefulPartitionedCall", "VarHandleOp", "VarIsInitializedOp",
        "While",
    }
)  # fmt: skip
# Operations without a state that take or give strings, lists of tensors or functions, or have a word as a setting: those that
# compute. TensorFlow calls many others stateless that read or write files, or hold a graph of their own in a string.
ON_STRINGS = frozenset(
    {
        "AsString", "DecodeAndCropJpeg", "DecodeBase64", "DecodeBmp", "DecodeCSV", "DecodeGif", "DecodeImage", "DecodeJpeg",
        "DecodePaddedRaw", "DecodePng", "DecodeRaw", "DecodeWav", "DecodeWebP", "EncodeBase64", "EncodeJpeg",
        "EncodeJpegVariableQuality", "EncodePng", "EncodeWav", "ExtractJpegShape", "Fingerprint", "ParseExample",
        "ParseExampleV2", "ParseSingleExample", "RaggedCross", "ReduceJoin", "RegexFullMatch", "RegexReplace", "SparseCrossV2",
        "StaticRegexFullMatch", "StaticRegexReplace", "StringFormat", "StringJoin", "StringLength", "StringLower",
        "StringNGrams", "StringSplit", "StringSplitV2", "StringStrip", "StringToHashBucket", "StringToHashBucketFast",
        "StringToHashBucketStrong", "StringToNumber", "StringUpper", "Substr", "UnicodeDecode", "UnicodeDecodeWithOffsets",
        "UnicodeEncode", "UnicodeTranscode", "UnsortedSegmentJoin",
    }
)  # fmt: skip
ON_LISTS = frozenset(
    {
        "EmptyTensorList", "RaggedTensorFromVariant", "RaggedTensorToVariant", "TensorListConcatLists", "TensorListConcatV2",
        "TensorListElementShape", "TensorListFromTensor", "TensorListGather", "TensorListGetItem", "TensorListLength",
        "TensorListPopBack", "TensorListPushBack", "TensorListReserve", "TensorListResize",
        "TensorListScatterIntoExistingList", "TensorListScatterV2", "TensorListSetItem", "TensorListSplit", "TensorListStack",
    }
)  # fmt: skip
WITH_WORDS = frozenset(
    {
        "Const", "DataFormatDimMap", "DataFormatVecPermute", "DenseToDenseSetOperation", "DenseToSparseSetOperation", "Einsum",
        "Enter", "ExtractGlimpse", "ExtractGlimpseV2", "GatherNd", "ImageProjectiveTransformV2", "ImageProjectiveTransformV3",
        "MapDefun", "PreventGradient", "RaggedTensorToTensor", "ScaleAndTranslate", "ScatterNd", "SparseToSparseSetOperation",
        "StatelessCase", "StatelessIf", "StatelessWhile", "TensorScatterAdd", "TensorScatterMax", "TensorScatterMin",
        "TensorScatterSub", "TensorScatterUpdate",
    }
)  # fmt: skip
COMPUTING = OWN_STATE | ON_STRINGS | ON_LISTS | WITH_WORDS
# Those of TensorFlow's own saving, in functions that nothing else calls and that loading leaves alone.
CHECKPOINTS = frozenset({"DisableCopyOnRead", "MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})


def check_operations(directory: Path) -> None:
    """Reject a SavedModel that could read or write files, print, or run code: one with an operation not known to only compute.

    Raises:
        ArtefactError: it has such an operation, or is damaged.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel()
    try:
        saved.ParseFromString((directory / "saved_model.pb").read_bytes())
    except (DecodeError, OSError) as error:
        raise ArtefactError(
            f"This SavedModel is incomplete: {one_line(error)}. Received: {directory}. Export again."
        ) from error
    if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].HasField("object_graph_def"):
        raise ArtefactError(  # TensorFlow would load it in another way, which calls more functions
            f"This is not a SavedModel of TensorFlow 2. Received: {directory}. Load it with TensorFlow if you trust it."
        )
    for graph in saved.meta_graphs:
        functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
        callable_names = set(graph.object_graph_def.concrete_functions)
        for nodes in functions.values():
            callable_names.update(called for node in nodes for called in _called(node))
        for name, nodes in [("", graph.graph_def.node), *functions.items()]:
            for node in nodes:
                is_saving = node.op in CHECKPOINTS and name and name not in callable_names
                if not (is_saving or only_computes(node.op)):
                    raise ArtefactError(
                        f"This SavedModel could do more than compute. Received: the operation {node.op} in {directory}. "
                        "Load it with TensorFlow if you trust it; zoo's own exports have no such operation."
                    )


def only_computes(operation: str) -> bool:
    """Return whether an operation only computes: it is listed here, or is stateless with only numeric arguments.

    Args:
        operation: name of the operation, for example "MatMul".
    """
    from tensorflow.core.framework import types_pb2
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(operation)
    if definition is None or operation in COMPUTING:
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
    names = []
    for attribute in node.attr.values():  # type: ignore[attr-defined] # a message of TensorFlow's
        names += [attribute.func.name, *(function.name for function in attribute.list.func)]
    return [name for name in names if name]
