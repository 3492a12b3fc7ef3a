"""Trained weights to start from: those of a released model or of a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.errors import UnknownNameError, UsageError
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
        weights: a run, its directory, or a released model, by its data or its full name.

    Raises:
        UsageError: there is no such released model, and no such directory.
        ArtefactError: it cannot be read or fetched.
    """
    from zoo.artefacts.released import by_name_and_recipe
    from zoo.artefacts.run import RUN_FILE, open_run

    is_word = isinstance(weights, str) and not set("/\\@") & set(weights)
    if not is_word or os.path.isfile(os.path.join(str(weights), RUN_FILE)):
        return open_run(weights)
    base = name.partition("/")[0]
    released = {
        name.removeprefix(f"{base}@"): each for name, each in by_name_and_recipe().items() if name.startswith(f"{base}@")
    }
    if weights in released:
        return open_run(released[str(weights)].directory())
    if os.path.isdir(str(weights)):
        return open_run(weights)
    if not released:
        raise UsageError(
            f"No weights are released for model {base!r}. Received: weights={weights!r}. Name a run, or its directory; "
            "zoo.list_pretrained() has the models that are released."
        )
    raise UnknownNameError(f"weights of model {base!r}", weights, released)


def arguments_of(source: Run, entry: registry.ModelEntry) -> dict[str, Any]:
    """Return the factory arguments that a run's model was built with, without those that only repeat a default.

    There are none if the model comes from another factory.
    """
    if source.settings["model"].partition("/")[0] != entry.name:
        return {}
    from_data = {key: value for key, value in source.info.model_arguments().items() if key in entry.defaults}
    recorded = source.content.get("model_arguments")
    if recorded is None:  # a run of zoo 0.1
        variant = registry.find_model(source.settings["model"])[1]
        prefix = "model."
        settings = {key.removeprefix(prefix): value for key, value in source.settings.items() if key.startswith(prefix)}
        recorded = {**entry.former_defaults, **entry.arguments(variant, {}), **from_data, **settings}
    known = {key: value for key, value in recorded.items() if key in entry.defaults}
    checked = check_values(entry, known)
    return {**from_data, **{key: value for key, value in checked.items() if value != entry.defaults[key]}}


def check_variant(source: Run, entry: registry.ModelEntry, name: str) -> None:
    """Refuse a variant whose architecture differs from that of the weights.

    Raises:
        UsageError: the message lists the differences.
    """
    own, learned = entry.arguments(registry.find_model(name)[1], {}), arguments_of(source, entry)
    differing = [key for key, value in own.items() if key in learned and learned[key] != value]
    if differing:
        ours, theirs = (", ".join(f"{key}={each[key]}" for key in differing) for each in (own, learned))
        raise UsageError(
            f"A variant of another architecture cannot start from these weights. Received: {name!r} with {ours}; the weights "
            f"have {theirs}. Give {source.settings['model']!r}."
        )


def settings_for_weights(model: Any, weights: Any) -> tuple[dict[str, Any], str]:
    """Return the flat settings that trained weights bring to a training run, and a name to find the weights again.

    Args:
        model: name of the model or variant; the arguments of a variant stay its own.
        weights: a run, its directory, or a released model.

    Raises:
        UsageError: the model is the user's own, or there are no such weights.
        ArtefactError: the weights cannot be read or fetched.
    """
    if not isinstance(model, str):
        raise UsageError(
            f"`weights` are for models by name. Received: weights={weights} for a model of your own. Give its name, or set its "
            "weights yourself."
        )
    source, (entry, variant) = find_weights(model, weights), registry.find_model(model)
    check_variant(source, entry, model)
    own = {*source.info.model_arguments(), *entry.arguments(variant, {})}
    settings = {f"model.{key}": value for key, value in arguments_of(source, entry).items() if key not in own}
    settings |= {f"data.{key}": value for key, value in _reading_of(source).items()}
    is_name = isinstance(weights, str) and not (os.path.isdir(weights) and os.path.samefile(weights, source.directory))
    return settings, weights if is_name else os.path.abspath(source.directory)


def _reading_of(source: Run) -> dict[str, Any]:
    """Return the arguments of `load_data` that a run's model needs."""
    return source.info.preprocessor.reading_arguments(source.card.get("name", str(source.directory)))


def set_weights(model: keras.Model, source: Run, width: int, info: DataInfo | None) -> None:
    """Give a model the weights of a run; the last layer stays fresh if the classes or outputs differ.

    Args:
        model: a built model of the same architecture.
        source: the run.
        width: width of the model's output.
        info: facts of the data that the model is for, if known.

    Raises:
        UsageError: the architectures differ, or the data's texts have other token ids.
    """
    if info is not None and not info.preprocessor.suits_weights_of(source.info.preprocessor):
        raise UsageError(
            "The data's token ids are not those of the weights. Received: data with their own vocabulary, weights of "
            f"{source.directory.name!r}. Read the data with the vocabulary of the weights: {_call(source)}."
        )
    is_fresh = width != source.info.num_outputs or (info is not None and _words(info.labels) != _words(source.info.labels))
    theirs, ours = (_with_weights(which, HEAD if is_fresh else ()) for which in (source.model, model))
    if [_shapes(layer) for layer in theirs] != [_shapes(layer) for layer in ours]:
        raise UsageError(_difference(model.name, theirs, ours, source, info))
    if is_fresh:
        logger.info("The last layer is fresh: %s, where the weights have %s.", *_differing_ends(width, source, info))
    for layer, from_layer in zip(ours, theirs, strict=True):
        layer.set_weights(from_layer.get_weights())


def _with_weights(model: keras.Model, without: tuple[str, ...]) -> list[keras.Layer]:
    return [layer for layer in model.layers if layer.weights and layer.name not in without]


def _shapes(layer: keras.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _words(labels: tuple[Any, ...]) -> list[str]:
    return [str(label) for label in labels]


def _differing_ends(width: int, source: Run, info: DataInfo | None) -> tuple[str, str]:
    """Return the outputs of a model and those of the weights, in words."""
    if width != source.info.num_outputs or info is None:
        return f"{width} outputs", str(source.info.num_outputs)
    return ", ".join(_words(info.labels)[:10]), ", ".join(_words(source.info.labels)[:10])


def _difference(name: str, theirs: list[keras.Layer], ours: list[keras.Layer], source: Run, info: DataInfo | None) -> str:
    """Return the message about weights that do not fit."""
    pairs = zip(theirs, ours, strict=False)
    differing = next(((their, our) for their, our in pairs if _shapes(their) != _shapes(our)), None)
    found = f"{len(theirs)} layers with weights for {len(ours)}"
    if differing:
        their, our = differing
        found = f"shapes {_shapes(their)} for layer {our.name!r} of {_shapes(our)}"
    message = f"The weights do not fit the model. Received: {found}. These are weights of {source.settings['model']!r}"
    if source.settings["model"].partition("/")[0] != name:
        return f"{message}, not of {name!r}. Give weights of that model; zoo.list_pretrained() has those that are released."
    if info is not None and info.input_shape != source.info.input_shape and source.info.preprocessor.reading_arguments():
        return (
            f"{message} for {info.kind.name}s of {source.info.input_shape}; the data have {info.input_shape}. Read a folder "
            f"with {_call(source)}, or change your arrays."
        )
    learned = arguments_of(source, registry.find_model(source.settings["model"])[0])
    return f"{message}, built with {shown(learned, source)}: leave out what differs."


def _call(source: Run) -> str:
    return f"zoo.load_data(..., {', '.join(f'{key}={value!r}' for key, value in _reading_of(source).items())})"


def shown(arguments: Mapping[str, Any], source: Run) -> str:
    """Return arguments as one line, without those that may differ: the data's classes and statistics."""
    without = {*source.info.statistics, source.info.task.output_argument}
    return ", ".join(f"{key}={value}" for key, value in arguments.items() if key not in without)
