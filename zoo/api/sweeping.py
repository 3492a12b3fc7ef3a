"""`zoo.find_learning_rate`: a learning rate to train with."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.artefacts.loading import is_splits, load_splits, own_data
from zoo.artefacts.run import RUN_FILE, find_run
from zoo.settings import data_arguments as checked
from zoo.settings import flatten
from zoo.training.optimizers import OF_SCHEDULE
from zoo.training.plan import plan_training
from zoo.yaml_settings import read_config

if TYPE_CHECKING:
    from typing import Unpack

    import keras

    from zoo.artefacts.run import Run
    from zoo.keywords import DataKeywords, SettingKeywords, Verbosity
    from zoo.training.learning_rate import LearningRateSweep
    from zoo.training.plan import Config

logger = logging.getLogger(__name__)


def find_learning_rate(
    model: str | os.PathLike[str] | keras.Model | Run,
    *,
    data: Any = None,
    config: Config = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 140,
    verbose: Verbosity = "auto",
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: DataKeywords | None = None,
    **settings: Unpack[SettingKeywords],
) -> LearningRateSweep:
    """Suggest a learning rate, from a short training run in which the rate rises.

    Use the suggestion as the peak rate of a schedule. The sweep restores the weights, optimizer and random state of your own
    model, and does not advance Splits. A model that is not compiled is compiled as in `train`.

    Args:
        model: a model's name, your own `keras.Model`, or a run: a Run, its directory, or a released model ("cnn@mnist").
        data: anything that `load_data` accepts; default: a run's own data, or the embedded data set of the model's task.
        config: a YAML file or a mapping of flat settings; default None.
        lowest: learning rate of the first step; default 1e-6.
        highest: learning rate of the last step; default 10. The sweep ends early when the loss has doubled.
        steps: number of optimizer steps, at least 10; default 140.
        verbose: 0 shows nothing; 1 and "auto" show a progress bar on standard error; default `"auto"`.
        model_arguments: arguments of the model's factory; default None.
        data_arguments: arguments of `load_data`; default None.
        **settings: as in `train`. Optimizer, batch size and regularisation matter; learning rate and schedule do not.

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
    from zoo.training.learning_rate import sweep_learning_rate

    is_name = isinstance(model, str) and "@" not in model and not os.path.isfile(os.path.join(model, RUN_FILE))
    run = None if is_name else find_run(model)
    if run is not None:
        own = run.settings
        batches = {"batch_size": own["batch_size"], "seed": own["seed"]}
        if data is None:
            data = own_data(run).with_batches(**batches)
        elif not is_splits(data):
            arguments = checked({**run.info.arguments, **(data_arguments or {})})
            data = load_splits(data, arguments, task=run.info.task_name, preprocessor=run.info.preprocessor, **batches)
            data_arguments = None
        if config is None:
            config = {name: value for name, value in own.items() if name == "class_weight" or name.startswith("augment_")}
        model = run.model
    given = flatten(settings, model_arguments, data_arguments)
    written, given = (
        {name: value for name, value in each.items() if name not in OF_SCHEDULE} for each in (read_config(config), given)
    )
    plan = plan_training(model, data, given, written)
    try:
        keras_model, splits, resolved, _ = plan.make()
        sweep = sweep_learning_rate(
            keras_model, splits, resolved, lowest=lowest, highest=highest, steps=steps, verbose=0 if verbose == 0 else 1
        )
    finally:
        plan.restore_model()
    if not sweep.has_risen:
        logger.warning(
            "The loss had not risen when the sweep ended, at a rate of %.2g, so the suggestion is unreliable. "
            "Increase `steps` or `highest`.",
            sweep.rates[-1],
        )
    return sweep
