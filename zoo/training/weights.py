"""Trained weights to start from, of a released model or a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.errors import UsageError
from zoo.settings import check_values

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.run import Run
    from zoo.pipeline.info import DataInfo

logger = logging.getLogger(__name__)
HEAD = ("logits", "values", "denormalize")  # the layers of `zoo.layers.ends.outputs`


def find_weights(name: str, weights: str | os.PathLike[str] | Run) -> Run:
    """Return the run that weights come from.

    Args:
        name: name of the model or variant that takes the weights.
        weights: a run, its directory, or a released model's data or full name.

    Raises:
        UnknownNameError: no released model has this name.
        ArtefactError: the run is missing, or cannot be read or downloaded.
    """
    from zoo.artefacts.released import find_released
    from zoo.artefacts.run import RUN_FILE, open_run

    is_word = isinstance(weights, str) and not set("/\\@") & set(weights)
    if is_word and not os.path.isfile(os.path.join(str(weights), RUN_FILE)):
        weights = find_released(f"{name.partition('/')[0]}@{weights}").directory()
    return open_run(weights)


def arguments_of(source: Run, entry: registry.ModelEntry) -> dict[str, Any]:
    """Return the factory arguments that a run's model was built with, without those that only repeat a default.

    The result is empty if the model comes from another factory.
    """
    if source.settings["model"].partition("/")[0] != entry.name:
        return {}
    from zoo.artefacts.run import model_arguments

    from_data = {key: value for key, value in source.info.model_arguments().items() if key in entry.defaults}
    known = {key: value for key, value in model_arguments(source).items() if key in entry.defaults}
    checked = check_values(entry, known)
    return {**from_data, **{key: value for key, value in checked.items() if value != entry.defaults[key]}}


def settings_for_weights(model: Any, weights: Any) -> tuple[dict[str, Any], str]:
    """Return the flat settings that a training run takes from trained weights, and a name to find the weights again.

    Args:
        model: name of the model or variant; the arguments of a variant stay its own.
        weights: a run, its directory, or a released model.

    Raises:
        UsageError: the model is the user's own, or the weights do not exist.
        ArtefactError: the weights cannot be read or downloaded.
    """
    if not isinstance(model, str):
        raise UsageError(
            f"`weights` need a model by name. Received: weights={weights} for a model of your own. Pass a name, or load the "
            "weights yourself."
        )
    source, (entry, variant) = find_weights(model, weights), registry.find_model(model)
    own = {*source.info.model_arguments(), *entry.arguments(variant, {})}
    settings = {f"model.{key}": value for key, value in arguments_of(source, entry).items() if key not in own}
    settings |= {f"data.{key}": value for key, value in _reading_of(source).items()}
    is_name = isinstance(weights, str) and not (os.path.isdir(weights) and os.path.samefile(weights, source.directory))
    return settings, weights if is_name else os.path.abspath(source.directory)


def _reading_of(source: Run) -> dict[str, Any]:
    """Return the arguments of `load_data` that a run's model needs."""
    return source.info.preprocessor.reading_arguments(source.card.get("name", str(source.directory)))


def set_weights(model: keras.Model, source: Run, width: int, info: DataInfo | None) -> None:
    """Copy a run's weights to a model, except for the last layer if the classes or outputs differ.

    Args:
        model: a built model of the same architecture.
        source: the run.
        width: width of the model's output.
        info: facts about the data that the model is for, if known.

    Raises:
        UsageError: the architectures differ, or the data's token ids differ from the run's.
    """
    if info is not None and not info.preprocessor.suits_weights_of(source.info.preprocessor):
        raise UsageError(
            "The data's token ids differ from those of the weights. Received: data with their own vocabulary, weights of "
            f"{source.directory.name!r}. Read the data with the vocabulary of the weights: {_call(source)}."
        )
    labels, own_labels = ([str(label) for label in each.labels] if each else [] for each in (info, source.info))
    is_fresh = width != source.info.num_outputs or (info is not None and labels != own_labels)
    theirs, ours = (_with_weights(which, HEAD if is_fresh else ()) for which in (source.model, model))
    if [_shapes(layer) for layer in theirs] != [_shapes(layer) for layer in ours]:
        raise UsageError(_difference(model.name, theirs, ours, source, info))
    if is_fresh:
        own, other = (", ".join(each[:10]) or "no labels" for each in (labels, own_labels))
        message = "The last layer is newly initialised: %d outputs (%s), where the weights have %d (%s)."
        logger.info(message, width, own, source.info.num_outputs, other)
    for layer, from_layer in zip(ours, theirs, strict=True):
        layer.set_weights(from_layer.get_weights())


def _with_weights(model: keras.Model, without: tuple[str, ...]) -> list[keras.Layer]:
    return [layer for layer in model.layers if layer.weights and layer.name not in without]


def _shapes(layer: keras.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _difference(name: str, theirs: list[keras.Layer], ours: list[keras.Layer], source: Run, info: DataInfo | None) -> str:
    """Return the message about weights that do not fit."""
    pairs = [(_shapes(their), our.name, _shapes(our)) for their, our in zip(theirs, ours, strict=False)]
    found = [f"shapes {their} for layer {layer!r} of {our}" for their, layer, our in pairs if their != our]
    origin = source.settings["model"]
    message = (
        f"The weights do not fit the model. Received: {[*found, f'{len(theirs)} layers with weights for {len(ours)}'][0]}. "
        f"These are weights of {origin!r} for a model {name!r}"
    )
    is_same = origin.partition("/")[0] == name
    if is_same and info is not None and info.input_shape != source.info.input_shape and _reading_of(source):
        return f"{message}, and for the input shape {source.info.input_shape}. Read the data with {_call(source)}."
    built = shown(arguments_of(source, registry.find_model(origin)[0]), source)
    return f"{message}, built with {built}. Pass the same model and arguments; see also zoo.list_pretrained()."


def _call(source: Run) -> str:
    return f"zoo.load_data(..., {', '.join(f'{key}={value!r}' for key, value in _reading_of(source).items())})"


def shown(arguments: Mapping[str, Any], source: Run) -> str:
    """Return arguments as one line, without those that may differ: the data's classes and statistics."""
    without = {*source.info.statistics, source.info.task.output_argument}
    return ", ".join(f"{key}={value}" for key, value in arguments.items() if key not in without)
