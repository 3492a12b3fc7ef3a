"""Training, from settings to a finished run."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo import registry
from zoo.api.building import uncompiled
from zoo.api.reading import check_unchanged, data_settings, default_data, load_data, load_for, name_of, own_data
from zoo.errors import UsageError, ZooError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from zoo.artefacts.run import Run, RunWriter
    from zoo.config import Settings
    from zoo.pipeline.splits import Splits
    from zoo.training.learning_rate import LearningRateSweep

logger = logging.getLogger(__name__)


def train(
    model: str | keras.Model | None = None,
    *,
    data: Any = None,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | Run | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: str | tf.distribute.Strategy = "auto",
    ray: str | None = None,
    workers: int | None = None,
    verbose: int | Literal["auto"] = "auto",
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Train a model and keep everything in a run directory; then score it once on the test part.

    Settings come from the task, the recipe of this model on these data, `config` and the keywords, each over those before.
    The same settings, data and seed give the same weights, also if the run was stopped and resumed.

    Args:
        model: a name, or the user's own `keras.Model`. One that is compiled is trained as it is compiled; its input must be
            what the data give (see `Splits`), its output logits or a softmax.
        data: anything that `load_data` takes; by default the embedded data set of the model's task.
        config: a YAML file or a mapping of flat settings.
        out: the run directory, which must not exist or be empty; default `runs/MODEL-DATA-TIME`.
        resume: a run, or its directory, to go on with from its newest checkpoint, in place of all others but `callbacks`,
            `strategy`, `verbose`, and `data` where it learned from arrays. A finished run is returned as it is.
        callbacks: your own, for `model.fit`. Numbers and texts among their attributes come back when a run is resumed.
        strategy: the devices and workers that share each batch, as in `build`; your own model keeps that of its scope. All
            workers call this alike; the first keeps the run, and the others leave nothing behind.
        ray: the address of a Ray cluster that does the work: "HOST:PORT", "auto" for the one that this machine belongs to, or
            "local" to start one here. All its machines need zoo, and the run directory under one path.
        workers: how many workers of the Ray cluster; it starts all of them again, from the newest checkpoint, when one is lost.
        verbose: 0 shows nothing; 1 and "auto" show a progress bar on standard error.
        model_arguments: arguments of the model's factory.
        data_arguments: arguments of `load_data`.
        **settings: `epochs`, `batch_size`, `seed`, `optimizer`, `learning_rate`, and all others of `zoo.config.Settings`.
            `precision`, `batch_size` and `learning_rate` may be "auto": short probes choose them within `auto_seconds`, and
            `run.json` says under `auto` what was tried and why.

    Returns:
        The finished run.

    Raises:
        UsageError: a name, key or value is not accepted.
        DataError: the data cannot be learned from, or have changed since the run began.
        ArtefactError: the run directory exists with content, cannot be written, or has nothing to go on from.
        ZooError: training diverged, or another worker has gone; the message says what to change, or how to go on.
        KeyboardInterrupt: Ctrl-C or SIGTERM, of any worker; a checkpoint and the model are kept, and a note says where.
    """
    from zoo.api.workers import check_alike, described, from_chief, own_directory
    from zoo.artefacts.files import check_new_directory, default_directory, new_directory
    from zoo.artefacts.run import RunWriter, keep_untrained
    from zoo.training.compile import check_callbacks, check_learns

    check_callbacks(callbacks)
    if ray is not None or workers is not None:
        job = {"model": model, "data": data, "config": config, "out": out, "resume": resume, "callbacks": callbacks}
        job |= {"verbose": verbose, "model_arguments": model_arguments, "data_arguments": data_arguments, **settings}
        return _train_on_ray(job, settings, strategy, ray, workers)
    if resume is not None:
        others = {"model": model, "config": config, "out": out, **settings}
        others |= {"model_arguments": model_arguments, "data_arguments": data_arguments}
        return _resume(resume, data, others, callbacks, strategy, verbose)
    plan = _plan(model, data, config, model_arguments, data_arguments, settings)
    chosen = _strategy_for(plan.model, strategy)  # before data are read: workers meet before TensorFlow computes
    bare = _bare(plan.model)
    try:
        with own_directory(chosen, Path(out) if out is not None else default_directory(**plan.names)) as directory:
            from_chief(chosen, lambda: check_new_directory(directory))
            with new_directory(directory):  # before the data are read, which may take long
                keras_model, splits, resolved, record = plan.make(chosen, 0 if verbose == 0 else 1)
                check_alike(chosen, resolved, splits.info)
                check_learns(keras_model)
                keep_untrained(keras_model, directory)
                writer = RunWriter.begin(directory, resolved, splits.info, auto=record, strategy=described(chosen))
            return _fit_and_score(keras_model, splits, writer, resolved, callbacks, chosen, verbose)
    except ZooError:  # refused, or diverged and put back
        if bare is not None:
            bare.compiled = False  # so that the next call compiles it anew
        raise


def planned_directory(
    model: str | keras.Model | None,
    data: Any,
    config: str | os.PathLike[str] | Mapping[str, Any] | None,
    out: str | os.PathLike[str] | None,
    settings: Mapping[str, Any],
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: Mapping[str, Any] | None = None,
) -> Path:
    """Return where `train` would keep a run; wrong settings are refused, and nothing is read.

    Raises:
        UsageError: a name, key or value is not accepted.
    """
    from zoo.artefacts.files import default_directory

    names = _plan(model, data, config, model_arguments, data_arguments, settings).names
    return Path(out) if out is not None else default_directory(**names)


def _train_on_ray(
    job: dict[str, Any], settings: Mapping[str, Any], strategy: Any, address: str | None, workers: int | None
) -> Run:
    """Check what Ray is to do, give it paths that hold in any process, and let it train.

    Raises:
        UsageError: it cannot be done by Ray.
    """
    from zoo.api.ray_training import train_on_ray
    from zoo.artefacts.files import new_directory
    from zoo.config import read_yaml
    from zoo.pipeline.splits import Splits

    if address is None or not isinstance(workers, int) or workers < 2:
        raise UsageError(
            f"Workers are those of a Ray cluster, at least 2. Received: workers={workers}, ray={address}. Give both; on this "
            "machine alone, `zoo train --workers N` needs no Ray."
        )
    if strategy != "auto" or isinstance(job["data"], Splits) or not isinstance(job["model"], str | None):
        is_splits = isinstance(job["data"], Splits)
        what = "Splits, which live in this process" if is_splits else "a model of your own, which lives in this process"
        what = f"strategy={strategy!r}" if strategy != "auto" else what
        raise UsageError(
            f"Ray's workers build the model, read the data and meet by themselves. Received: {what}. Give the name of a model, "
            "and a name, a path or arrays as data."
        )
    if isinstance(job["config"], str | os.PathLike):
        job["config"] = read_yaml(job["config"])
    job = _with_absolute_paths(job)
    if job["resume"] is not None:
        return train_on_ray(job, Path(job["resume"]), address, workers)
    directory = planned_directory(
        job["model"], job["data"], job["config"], job["out"], settings, job["model_arguments"], job["data_arguments"]
    ).resolve()
    with new_directory(directory):  # refused before a cluster starts
        pass
    try:
        return train_on_ray({**job, "out": str(directory)}, directory, address, workers)
    finally:
        with suppress(OSError):
            directory.rmdir()  # which only works where nothing was written


def _with_absolute_paths(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job that means the same in another directory."""
    from zoo.pipeline.load import looks_like_path

    def absolute(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: absolute(each) for name, each in value.items()}
        is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and looks_like_path(value))
        return os.path.abspath(os.path.expanduser(value)) if is_path else value

    found = {**job, "data": absolute(job["data"])}
    if job["resume"] is not None:
        found["resume"] = os.path.abspath(getattr(job["resume"], "directory", job["resume"]))
    for place, name in (("config", "data"), ("config", "data.data_dir"), ("data_arguments", "data_dir")):
        if (job[place] or {}).get(name) is not None:
            found[place] = {**found[place], name: absolute(job[place][name])}
    if job.get("data.data_dir") is not None:
        found["data.data_dir"] = os.path.abspath(job["data.data_dir"])
    return found


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
        names = ("class_weight", "augment_shift", "augment_rotate", "augment_zoom", "augment_cutout")
        config = config if config is not None else {name: own[name] for name in names}
        model = model.model
    plan = _plan(model, data, config, model_arguments, data_arguments, settings).at_a_constant_rate()
    bare = _bare(plan.model)
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


def _strategy_for(model: str | keras.Model, given: str | tf.distribute.Strategy) -> tf.distribute.Strategy | None:
    """Return the strategy to train under: the one chosen, or that of the user's own model.

    Raises:
        UsageError: it is none, or the model was built under another one.
    """
    from zoo.distribution.cluster import workers_in_environment
    from zoo.distribution.strategies import choose_strategy, strategy_of

    if isinstance(model, str):
        return choose_strategy(given)
    own = strategy_of(model)
    asked = own if given == "auto" else choose_strategy(given)
    if asked is not own and asked is not model.distribute_strategy:
        raise UsageError(
            f"A model of your own is trained under the strategy that it was built under. Received: strategy={given!r} for a "
            f"model built under {type(own).__name__ if own else 'none'}. Build it in that strategy's scope, and leave this out."
        )
    if own is None and given == "auto" and workers_in_environment() > 1:
        raise UsageError(
            "Each worker of TF_CONFIG would train this model alone. Received: a model that was built under no strategy. "
            "Build it in the scope of tf.distribute.MultiWorkerMirroredStrategy(), or give strategy='none'."
        )
    return own


def _bare(model: str | keras.Model) -> keras.Model | None:
    """Return the model if it is the user's own and not compiled."""
    return None if isinstance(model, str) or model.compiled else model


@dataclass(frozen=True)
class _Plan:
    """What is to be trained, with which settings, before data are read."""

    model: str | keras.Model
    data: Any
    task: str | None
    layers: Sequence[Mapping[str, Any]]  # of settings, later ones over earlier ones
    explicit: Mapping[str, Any]  # settings that the caller gave
    names: Mapping[str, str]
    asked: Sequence[str]  # settings that were given as "auto"

    def at_a_constant_rate(self) -> _Plan:
        """Return the plan without a course of the learning rate, for a sweep that sets it."""
        names = {"learning_rate", "schedule", "warmup", "decay", "step_at", "plateau_patience"}
        return replace(
            self,
            layers=[*self.layers, {"schedule": "constant", "warmup": 0.0}],
            explicit={name: value for name, value in self.explicit.items() if name not in names},
            asked=[name for name in self.asked if name not in names],
        )

    def make(
        self, strategy: tf.distribute.Strategy | None = None, verbose: int = 0
    ) -> tuple[keras.Model, Splits, Settings, dict[str, Any]]:
        """Read the data, build and compile the model; return them with the settings that are true of them.

        Last comes a record of how settings were chosen that were given as "auto", on one device of the first worker; `verbose`
        1 shows a bar meanwhile.
        """
        from zoo import config as configuration
        from zoo.api.workers import from_chief
        from zoo.distribution.strategies import scope_of, strategy_of
        from zoo.pipeline.splits import Splits
        from zoo.seeding import set_seed
        from zoo.training.auto import choose_settings
        from zoo.training.compile import check_distributable, compile_for_training, prepare_own_model

        layers = self.layers
        if isinstance(self.data, Splits):  # which are read already: what a recipe says of reading them is not for them
            layers = [
                {key: value for key, value in layer.items() if key in self.explicit or not key.startswith("data.")}
                for layer in layers
            ]
        merged = {key: value for layer in layers for key, value in layer.items()}
        entry = registry.find_model(self.model)[0] if isinstance(self.model, str) else None
        splits = load_for(entry, self.data, self.task, **data_settings(merged))
        info = splits.info
        settings = configuration.resolve(info.task.settings, *layers, {"task": info.task_name})
        if settings.schedule == "plateau" and "warmup" not in self.explicit:
            settings = settings.model_copy(update={"warmup": 0.0})  # of the task or recipe, for another schedule
        configuration.check_used(settings, self.explicit)
        if isinstance(self.data, Splits) and "batch_size" not in self.explicit:
            settings = settings.model_copy(update={"batch_size": self.data.batch_size})
        splits = splits.with_batches(settings.batch_size, settings.seed)
        if not isinstance(self.model, str):
            set_seed(settings.seed)
            with scope_of(strategy_of(self.model)):
                settings = prepare_own_model(self.model, splits, settings, self.explicit)
            check_distributable(self.model)
            return self.model, splits, settings, {}
        name = self.model

        def build(settings: Settings) -> keras.Model:
            set_seed(settings.seed)
            model, task, width = uncompiled(name, info, settings.task, settings.model_arguments, settings.precision)
            compile_for_training(model, task, width, splits.with_batches(settings.batch_size, settings.seed), settings)
            return model

        record: dict[str, Any] = {}
        if self.asked:
            chosen = from_chief(
                strategy, lambda: _as_plain(*choose_settings(self.asked, build, splits, settings, verbose=verbose))
            )
            settings, record = settings.model_copy(update=chosen["settings"]), chosen["record"]
        with scope_of(strategy):
            model = build(settings)
        check_distributable(model)
        return model, splits.with_batches(settings.batch_size, settings.seed), settings, record


def _as_plain(settings: Settings, record: Mapping[str, Any]) -> dict[str, Any]:
    from zoo.config import AUTO_NAMES

    return {"settings": {name: getattr(settings, name) for name in AUTO_NAMES}, "record": dict(record)}


def _plan(
    model: str | keras.Model | None,
    data: Any,
    config: str | os.PathLike[str] | Mapping[str, Any] | None,
    model_arguments: Mapping[str, Any] | None,
    data_arguments: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> _Plan:
    """Merge and check settings: wrong ones are refused before the data are read.

    Raises:
        UsageError: a name, key or value is not accepted.
    """
    from zoo import config as configuration

    given = {
        **settings,
        **{f"model.{name}": value for name, value in (model_arguments or {}).items()},
        **{f"data.{name}": value for name, value in (data_arguments or {}).items()},
    }
    if not isinstance(config, Mapping | str | os.PathLike | None):
        raise UsageError(f"`config` is a YAML file or a mapping. Received: {type(config).__name__}. Give one of them.")
    written = dict(config) if isinstance(config, Mapping) else configuration.read_yaml(config) if config else {}
    model = model if model is not None else written.get("model")
    if model is None:
        raise UsageError("Which model? Received: none. Name one, for example 'cnn', or give a keras.Model.")
    entry = registry.find_model(model)[0] if isinstance(model, str) else None
    if entry is None and not hasattr(model, "fit"):
        raise UsageError(f"A model is a name or a keras.Model. Received: {type(model).__name__}. Give one of them.")
    for keys in (written, given):
        configuration.check_keys(keys, entry.defaults if entry else {})
    task = given.get("task", written.get("task"))
    data = data if data is not None else written.get("data")
    data = data if data is not None else default_data(task or (entry.tasks[0] if entry else None))
    names = {"model": model if isinstance(model, str) else model.name, "data": name_of(data)}
    layers = [_recipe_settings(**names) if entry else {}, written, given, names]
    merged = {key: value for layer in layers for key, value in layer.items()}
    asked = [name for name in configuration.AUTO_NAMES if merged.get(name) == "auto"]
    if asked and entry is None:
        raise UsageError(
            f'"auto" is for models by name. Received: {", ".join(asked)} for a model of your own. '
            "zoo.find_learning_rate suggests a rate for it."
        )
    layers = [{key: value for key, value in layer.items() if key not in asked or value != "auto"} for layer in layers]
    early = configuration.resolve(*layers, {"task": task or ""})
    if entry is not None:
        checked = configuration.check_values(entry.name, entry.annotations, entry.defaults, early.model_arguments)
        layers = [*layers, {f"model.{name}": value for name, value in checked.items()}]
    return _Plan(model, data, task, layers, {**written, **given}, names, asked)


def _recipe_settings(model: str, data: str) -> dict[str, Any]:
    """Return the settings of the recipe for a model or variant on a data set, without what a variant sets itself."""
    recipe = registry.find_recipe(model, data)
    if recipe is None:
        return {}
    entry, variant = registry.find_model(model)
    own = {} if variant is None or recipe.model == model else entry.variants[variant]
    return {key: value for key, value in recipe.settings().items() if key.removeprefix("model.") not in own}


def _resume(
    run: str | os.PathLike[str] | Run,
    data: Any,
    others: Mapping[str, Any],
    callbacks: Sequence[keras.callbacks.Callback],
    strategy: str | tf.distribute.Strategy,
    verbose: int | Literal["auto"],
) -> Run:
    """Go on with a run from its newest checkpoint."""
    from zoo import config as configuration
    from zoo.api.workers import copied_run, described
    from zoo.artefacts.run import Run, RunWriter
    from zoo.distribution.strategies import scope_of
    from zoo.pipeline.splits import Splits
    from zoo.seeding import set_seed
    from zoo.training.compile import check_distributable

    unused = [name for name, value in others.items() if value is not None]
    if unused:
        raise UsageError(f"A run goes on with its own settings. Received: {', '.join(unused)} beside resume. Leave that out.")
    chosen = _strategy_for("", strategy)
    with copied_run(chosen, run.directory if isinstance(run, Run) else run) as directory:
        opened = Run.open_unfinished(directory)
        if opened.status == "finished":
            logger.info("%s has finished; there is nothing to go on with.", opened.directory)
            finished = Run.open(opened.directory)
            _ = finished.model, finished.history  # a copied run will be gone
            return finished
        settings = configuration.resolve(opened.settings)
        configuration.check_unchanged(opened.directory / "config.yaml", settings)
        if data is None:
            splits = own_data(opened)
        else:
            splits = data if isinstance(data, Splits) else load_data(data, task=settings.task, **opened.info.arguments)
            check_unchanged(splits, opened)
        set_seed(settings.seed)
        writer = RunWriter.go_on(opened.directory, {**opened.content, "strategy": described(chosen)})
        splits = splits.with_batches(settings.batch_size, settings.seed)
        with scope_of(chosen):
            model = opened.untrained_model()
        check_distributable(model)
        return _fit_and_score(model, splits, writer, settings, callbacks, chosen, verbose, resume=True)


def _fit_and_score(
    model: keras.Model,
    splits: Splits,
    writer: RunWriter,
    settings: Settings,
    callbacks: Sequence[keras.callbacks.Callback],
    strategy: tf.distribute.Strategy | None,
    verbose: int | Literal["auto"],
    *,
    resume: bool = False,
) -> Run:
    """Train a compiled model, score it once, and return its run."""
    from zoo.api.workers import from_chief
    from zoo.artefacts.run import Run
    from zoo.distribution.workers import Worker
    from zoo.training.fit import fit

    with writer:
        timings = fit(model, splits, writer, settings, callbacks=callbacks, resume=resume, verbose=0 if verbose == 0 else 1)
        history = Run.open(writer.directory).history
        told = from_chief(strategy, lambda: _score(model, splits, writer, settings, timings, history))
    if Worker.of(strategy).is_chief:
        for problem in told["run"]["findings"]:
            logger.warning("%s", problem)
    run = Run(Path(told["directory"]), told["run"], splits.info)
    run.__dict__.update(model=model, history=history)  # as Run would read them
    return run


def _score(
    model: keras.Model,
    splits: Splits,
    writer: RunWriter,
    settings: Settings,
    timings: Mapping[str, float],
    history: Mapping[str, list[float]],
) -> dict[str, Any]:
    """Score a trained model once, write the report, and finish the run; return where it is and what `run.json` says."""
    from zoo.artefacts.files import write_text
    from zoo.artefacts.run import Run
    from zoo.evaluation.baseline import fit_baseline, has_texts
    from zoo.evaluation.findings import find_problems
    from zoo.evaluation.mistakes import worst_mistakes
    from zoo.evaluation.report import report_page
    from zoo.evaluation.scores import answers, scores_of

    truth, predicted = answers(model, splits, "test")
    evaluation = scores_of(truth, predicted, splits.info)
    mistakes = worst_mistakes(splits, "test", truth, predicted) if splits.info.labels else []
    beside = {"baseline": fit_baseline(splits, "test").to_dict()} if settings.baseline and has_texts(splits) else {}
    scores = {"metrics": dict(evaluation.metrics), "evaluation": evaluation.to_dict(), **beside}
    problems = find_problems(history, evaluation, keeps_best=settings.keep == "best")
    writer.update(timings=timings, findings=problems, **scores)
    page = report_page(Run.open(writer.directory).content, history, mistakes)
    write_text(writer.directory / "report.html", page)
    writer.update(status="finished")
    return {"directory": str(writer.directory), "run": dict(Run.open(writer.directory).content)}
