"""`zoo.build`: a model by name, constructed for data and compiled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.artefacts.loading import implied_task, load_splits
from zoo.errors import UnknownNameError
from zoo.training.construct import construct
from zoo.training.weights import find_weights

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from zoo.artefacts.run import Run


def build(
    name: str,
    *,
    data: Any = None,
    weights: str | os.PathLike[str] | Run | None = None,
    task: str | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    learning_rate: float | None = None,
    strategy: str | tf.distribute.Strategy = "auto",
    **model_arguments: Any,
) -> keras.Model:
    """Build a compiled `keras.Model`, ready for `fit`.

    Args:
        name: a model or variant, for example "cnn" or "cnn/tiny"; see `list_models`.
        data: anything that `load_data` accepts; sets input shape, classes and statistics; default None.
        weights: trained weights to start from: a released model, by its data ("mnist" for "cnn@mnist", see `list_pretrained`)
            or its full name; a run, or its directory. Their model arguments apply too, unless you or the data set them. The
            last layer is initialised again if `num_classes`, `num_outputs` or the data's labels differ; default None.
        task: name of the task; by default that of `data`, or the one that the arguments imply.
        optimizer: a name, or a Keras optimizer; default `"adam"`.
        learning_rate: above 0; None takes Keras' default for the optimizer.
        strategy: how `fit` spreads each batch. "auto" uses all GPUs if there are two or more, and all workers in `TF_CONFIG`;
            "mirrored" uses all GPUs, or all logical CPUs; "none" uses one device; or a `tf.distribute.Strategy`. The batch
            size covers all devices together, and the learning rate is not scaled; default `"auto"`.
        **model_arguments: arguments of the model's factory; `zoo.info(name).arguments` has the defaults.

    Returns:
        A Sequential or functional model that gives float32 logits or values. Its loss and metrics accept integer and one-hot
        labels.

    Raises:
        UsageError: a name, argument or value is not accepted, or the weights do not fit.
        ArtefactError: the weights cannot be read or downloaded.
        DataError: the data cannot be read.

    Example:
        >>> model = build("lenet", num_classes=3)
        >>> model.output_shape
        (None, 3)
    """
    from zoo.distribution.strategies import choose_strategy, scope_of
    from zoo.settings import DataArguments, check_values
    from zoo.training.compile import check_distributable, compile_model

    entry = registry.find_model(name)[0]
    for argument in model_arguments:
        if argument not in entry.defaults:
            accepted = {*entry.defaults, "data", "weights", "task", "optimizer", "learning_rate", "strategy"}
            raise UnknownNameError(f"argument of model {name!r}", argument, accepted)
    given = check_values(entry, model_arguments)
    scope = scope_of(choose_strategy(strategy))  # connects the workers before any data are read
    source = None if weights is None else find_weights(name, weights)
    info = None if data is None else load_splits(data, DataArguments(), task=task or implied_task(entry, data)).info
    with scope:
        model, chosen, width = construct(name, info, task, given, source=source)
        compile_model(model, chosen, width, optimizer, learning_rate)
    check_distributable(model)
    return model
