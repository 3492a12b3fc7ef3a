"""Finding a learning rate."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from zoo.api.planning import bare_model, make_plan
from zoo.api.reading import own_data

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.run import Run
    from zoo.training.learning_rate import LearningRateSweep

logger = logging.getLogger(__name__)


def find_learning_rate(
    model: str | keras.Model | Run,
    *,
    data: Any = None,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 140,
    verbose: int | Literal["auto"] = "auto",
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: Mapping[str, Any] | None = None,
    **settings: Any,
) -> LearningRateSweep:
    """Train for some steps with an ever higher learning rate, and suggest one to train with.

    The suggestion is the highest rate of a schedule. Weights, optimizer and random state of your own model are afterwards as
    they were, and reading on in Splits gives what it would have given. A model that is not compiled is compiled as `train`
    does it.

    Args:
        model: a name, your own `keras.Model`, or a run.
        data: anything that `load_data` takes; by default the embedded data set of the model's task.
        config: a YAML file or a mapping of flat settings.
        lowest: learning rate of the first step.
        highest: learning rate of the last step; the sweep ends before, when the loss has doubled.
        steps: of the optimizer, at least 10.
        verbose: 0 shows nothing; 1 and "auto" show a progress bar on standard error.
        model_arguments: arguments of the model's factory.
        data_arguments: arguments of `load_data`.
        **settings: as in `train`; optimizer, batch size and regularisation matter, learning rate and schedule do not.

    Returns:
        Rates, losses and the suggestion, with a `plot`.

    Raises:
        UsageError: a name, key or value is not accepted.
        DataError: the data cannot be learned from.

    Example:
        >>> sweep = find_learning_rate("linear", data="iris", verbose=0)
        >>> 0.001 < sweep.suggestion < 1
        True
    """
    from zoo.artefacts.run import Run
    from zoo.training.learning_rate import sweep_learning_rate

    if isinstance(model, Run):
        own = model.settings
        data = data if data is not None else own_data(model).with_batches(own["batch_size"], own["seed"])
        if config is None:
            config = {name: value for name, value in own.items() if name == "class_weight" or name.startswith("augment_")}
        model = model.model
    plan = make_plan(model, data, config, model_arguments, data_arguments, settings).at_a_constant_rate()
    bare = bare_model(plan.model)
    try:
        keras_model, splits, resolved, _ = plan.make()
        sweep = sweep_learning_rate(
            keras_model, splits, resolved, lowest=lowest, highest=highest, steps=steps, verbose=0 if verbose == 0 else 1
        )
    finally:
        if bare is not None:
            bare.compiled = False  # as it was: Keras and `train` compile it anew
    if not sweep.has_risen:
        logger.warning(
            "The loss had not risen when the sweep ended, at a rate of %.2g: the suggestion says little. "
            "Take more steps, or a higher `highest`.",
            sweep.rates[-1],
        )
    return sweep
