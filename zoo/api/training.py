"""`zoo.train`: from settings to a finished run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError
from zoo.settings import flatten
from zoo.training.plan import check_resumed_alone, plan_training, planned_directory

if TYPE_CHECKING:
    from typing import Unpack

    import keras
    import tensorflow as tf

    from zoo.artefacts.run import Run
    from zoo.keywords import DataKeywords, SettingKeywords, Verbosity
    from zoo.training.plan import Config


def train(
    model: str | keras.Model | None = None,
    *,
    data: Any = None,
    config: Config = None,
    out: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | Run | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: str | tf.distribute.Strategy = "auto",
    ray: str | None = None,
    workers: int | None = None,
    verbose: Verbosity = "auto",
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: DataKeywords | None = None,
    **settings: Unpack[SettingKeywords],
) -> Run:
    """Train a model, save everything in a run directory, and score the model once on the test part.

    Settings come from the task, the recipe for this model and these data, `config` and the keywords; later sources override
    earlier ones. The same settings, data and seed give the same weights, even if the run was stopped and resumed.

    Args:
        model: a name, or the user's own `keras.Model`. A compiled model keeps its optimizer and loss; its input must fit the
            data (see `Splits`), and its output must be logits, a softmax, or values; default None.
        data: anything that `load_data` accepts; default: the embedded data set of the model's task.
        config: a YAML file or a mapping of flat settings; default None.
        out: the run directory, which must be new or empty; default `runs/MODEL-DATA-TIME`.
        resume: a run, or its directory, to resume from its newest checkpoint. Only `callbacks`, `strategy` and `verbose`
            can be combined with it, and `data` if the run was trained on arrays. A finished run is returned unchanged;
            default None.
        callbacks: Keras callbacks for `model.fit`. Checkpoints save their numeric and string attributes; default `()`.
        strategy: devices and workers that share each batch, as in `build`; your own model keeps the strategy that it was
            built under. All workers make the same call; the first one writes the run, and the others write no files;
            default `"auto"`.
        ray: address of the Ray cluster to train on: "HOST:PORT", "auto" for the cluster of this machine, or "local" to start
            one here. All machines need zoo and must see the run directory at the same path; default None.
        workers: number of processes that train together: on this machine or, with `ray`, on the cluster, where all restart from
            the newest checkpoint if one fails. The model must be a name, and the data a name, a path or arrays. `callbacks`
            need `ray`. Default: this process alone.
        verbose: 0 shows nothing; 1 and "auto" show a progress bar on standard error; default `"auto"`.
        model_arguments: arguments of the model's factory; default None.
        data_arguments: arguments of `load_data`; default None.
        **settings: `epochs`, `batch_size`, `seed`, `optimizer`, `learning_rate`, and all others of `zoo.settings.Settings`.
            `precision`, `batch_size` and `learning_rate` accept "auto": short probes choose them within `auto_seconds`, and
            `run.json` records under `auto` what was tried and why.

    Returns:
        The finished run.

    Raises:
        UsageError: a name, key or value is not accepted.
        DataError: the data cannot be learned from, or have changed since the run started.
        ArtefactError: the run directory is not empty, cannot be written, or has no checkpoint to resume from.
        ZooError: training diverged, or a worker was lost; the message says what to change or how to resume.
        KeyboardInterrupt: Ctrl-C or SIGTERM in any worker; a checkpoint and the model are saved, and a note says where.
    """
    from zoo.artefacts.run import Run
    from zoo.training.parallel import ParallelTraining

    if callbacks != ():
        import keras  # slow to import

        if not isinstance(callbacks, list | tuple) or not all(isinstance(each, keras.callbacks.Callback) for each in callbacks):
            raise UsageError(
                f"`callbacks` must be a list of keras.callbacks.Callback objects. Received: {callbacks!r}. Pass a list."
            )
    how: dict[str, Any] = {"callbacks": callbacks, "verbose": 0 if verbose == 0 else 1}
    if resume is None:
        plan = plan_training(model, data, flatten(settings, model_arguments, data_arguments), config)
        directory = planned_directory(plan, out)
    else:
        others = {"model": model, "config": config, "out": out, **settings}
        check_resumed_alone({**others, "model_arguments": model_arguments, "data_arguments": data_arguments})
        plan, directory = None, resume.directory if isinstance(resume, Run) else Path(resume)
    if ray is not None or workers not in (None, 1):
        return ParallelTraining(plan, directory, data, workers=workers, ray=ray, **how).run(strategy)
    from zoo.training.session import resume_run, train_plan

    how["strategy"] = strategy
    return train_plan(plan, directory, **how) if plan is not None else resume_run(directory, data, **how)
