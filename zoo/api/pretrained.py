"""Trained weights to begin with: of a released model or of a run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.run import Run
    from zoo.pipeline.info import DataInfo

HEAD = ("logits", "values", "denormalize")  # the layers of `zoo.layers.ends.outputs`


def find_weights(name: str, weights: str | os.PathLike[str] | Run) -> Run:
    """Return the run that weights come from.

    Args:
        name: of the model or variant that they are for.
        weights: a run; its directory; or a released model, by its data or its whole name.

    Raises:
        UnknownNameError: there is no such released model, and no such directory.
        ArtefactError: it cannot be read or fetched.
    """
    from pathlib import Path

    from zoo.artefacts.released import by_name_and_recipe
    from zoo.artefacts.run import RUN_FILE, Run

    if isinstance(weights, Run):
        return weights
    is_word = isinstance(weights, str) and not set("/\\@") & set(weights)
    if not is_word or (Path(weights) / RUN_FILE).is_file():
        return Run.open(weights)
    base = name.partition("/")[0]
    released = {
        name.removeprefix(f"{base}@"): each for name, each in by_name_and_recipe().items() if name.startswith(f"{base}@")
    }
    if weights in released:
        return Run.open(released[weights].directory())
    if Path(weights).is_dir():
        return Run.open(weights)
    raise UnknownNameError(f"weights of model {base!r}", weights, released)


def arguments_of(source: Run, entry: registry.ModelEntry) -> dict[str, Any]:
    """Return the factory arguments that a run's model was built with; none where it is of another factory."""
    from zoo.config import check_values

    if source.settings["model"].partition("/")[0] != entry.name:
        return {}
    variant = registry.find_model(source.settings["model"])[1]
    prefix = "model."
    settings = {key.removeprefix(prefix): value for key, value in source.settings.items() if key.startswith(prefix)}
    from_data = {key: value for key, value in source.info.model_arguments().items() if key in entry.defaults}
    checked = check_values(entry.name, entry.annotations, entry.defaults, settings)
    return {**entry.arguments(variant, {}), **from_data, **checked}


def set_weights(model: keras.Model, source: Run, width: int, info: DataInfo | None) -> None:
    """Give a model the weights of a run, without the last layer where classes or outputs are others.

    Args:
        model: built, of the same architecture.
        source: the run.
        width: of the model's output.
        info: of the data that the model is for, if known.

    Raises:
        UsageError: the architectures differ, or the data's texts are turned to other ids.
    """
    if info is not None and info.text is not None and info.to_dict()["text"] != source.info.to_dict()["text"]:
        raise UsageError(
            f"The data's texts are turned to other ids than those that the weights have learned. Received: {info.name!r} with "
            f"its own vocabulary, weights of {source.directory.name!r}. Read the data with theirs: "
            f"zoo.load_data(..., vocabulary={source.card.get('name', str(source.directory))!r})."
        )
    is_fresh = width != source.info.num_outputs or (info is not None and info.labels != source.info.labels)
    theirs, ours = ([each for each in which.layers if not (is_fresh and each.name in HEAD)] for which in (source.model, model))
    learned, own = ([weight for layer in layers for weight in layer.weights] for layers in (theirs, ours))
    differing = [(tuple(a.shape), tuple(b.shape)) for a, b in zip(learned, own, strict=False) if a.shape != b.shape]
    if len(learned) != len(own) or differing:
        found = f"shape {differing[0][0]} for one of {differing[0][1]}" if differing else f"{len(learned)} for {len(own)}"
        raise UsageError(
            f"The weights do not fit the model. Received: {found}. Build it with the arguments and the input shape that they "
            f"were trained with: {_shown(source)}."
        )
    for layer, from_layer in zip(ours, theirs, strict=True):
        layer.set_weights(from_layer.get_weights())


def _shown(source: Run) -> str:
    arguments = {key: value for key, value in source.info.model_arguments().items() if key not in source.info.statistics}
    return ", ".join(f"{key}={value}" for key, value in arguments.items())
