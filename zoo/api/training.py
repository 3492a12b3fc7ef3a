"""Training, from settings to a finished run."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.api.planning import Plan, bare_model, check_resumed_alone, make_plan
from zoo.api.reading import check_unchanged, load_data, own_data
from zoo.errors import UsageError, ZooError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from zoo.artefacts.run import Run, RunWriter
    from zoo.pipeline.splits import Splits
    from zoo.settings import Settings

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
        **settings: `epochs`, `batch_size`, `seed`, `optimizer`, `learning_rate`, and all others of `zoo.settings.Settings`.
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
    from zoo.api.workers import from_chief, own_directory
    from zoo.artefacts.files import check_new_directory, default_directory, new_directory
    from zoo.training.compile import check_callbacks

    check_callbacks(callbacks)
    if ray is not None or workers is not None:
        from zoo.api.ray_training import train_on_ray

        job = {"model": model, "data": data, "config": config, "out": out, "resume": resume, "callbacks": callbacks}
        job |= {"verbose": verbose, "model_arguments": model_arguments, "data_arguments": data_arguments, **settings}
        return train_on_ray(job, settings, strategy, ray, workers)
    if resume is not None:
        others = {"model": model, "config": config, "out": out, **settings}
        others |= {"model_arguments": model_arguments, "data_arguments": data_arguments}
        return _resume(resume, data, others, callbacks, strategy, verbose)
    plan = make_plan(model, data, config, model_arguments, data_arguments, settings)
    chosen = _strategy_for(plan.model, strategy)  # before data are read: workers meet before TensorFlow computes
    bare = bare_model(plan.model)
    try:
        with own_directory(chosen, Path(out) if out is not None else default_directory(**plan.names)) as directory:
            from_chief(chosen, lambda: check_new_directory(directory))
            with new_directory(directory):  # before the data are read, which may take long
                training = begin_training(plan, directory, chosen, verbose)
            return _fit_and_score(training, callbacks, verbose)
    except ZooError:  # refused, or diverged and put back
        if bare is not None:
            bare.compiled = False  # so that the next call compiles it anew
        raise


@dataclass(frozen=True)
class Training:
    """A training that may begin or go on: a compiled model, its data, and the run directory that takes what comes of it."""

    model: keras.Model
    splits: Splits
    writer: RunWriter
    settings: Settings
    strategy: tf.distribute.Strategy | None = None
    is_resumed: bool = False

    def fit(self, callbacks: Sequence[keras.callbacks.Callback] = (), verbose: int | Literal["auto"] = 0) -> dict[str, float]:
        """Train the model; return timings in seconds."""
        from zoo.training.fit import fit

        return fit(
            self.model, self.splits, self.writer, self.settings, callbacks=callbacks, resume=self.is_resumed,
            verbose=0 if verbose == 0 else 1,
        )  # fmt: skip


def begin_training(
    plan: Plan,
    directory: Path,
    strategy: tf.distribute.Strategy | None = None,
    verbose: int | Literal["auto"] = 0,
    check: Callable[[keras.Model, Splits], None] | None = None,
    *,
    splits: Splits | None = None,
    loads: bool = False,
) -> Training:
    """Read the data, build the model, and begin a run in a new directory.

    Args:
        plan: what is to be trained.
        directory: empty.
        strategy: to train under.
        verbose: 0 shows nothing.
        check: raises what speaks against a model, before anything is written.
        splits: what `plan.read` gave, if it was called before.
        loads: whether models like this one are known to load once they are saved; else it is tried.
    """
    from zoo.api.workers import check_alike, described
    from zoo.artefacts.run import RunWriter, keep_untrained
    from zoo.training.batches import check_batches
    from zoo.training.compile import check_learns

    model, splits, settings, record = plan.make(strategy, 0 if verbose == 0 else 1, splits)
    check_alike(strategy, settings, splits.info)
    check_learns(model)
    check_batches(splits, settings, strategy)
    if check is not None:
        check(model, splits)
    keep_untrained(model, directory, loads=loads)
    writer = RunWriter.begin(directory, settings, splits.info, auto=record, strategy=described(strategy))
    return Training(model, splits, writer, settings, strategy)


def resume_training(
    directory: str | os.PathLike[str], data: Any = None, strategy: tf.distribute.Strategy | None = None
) -> Training:
    """Go on with a run that did not finish, on its own data, or on those given, which must be the same."""
    from zoo import settings as configuration
    from zoo.api.workers import described
    from zoo.artefacts.run import Run, RunWriter
    from zoo.distribution.strategies import scope_of
    from zoo.pipeline.splits import Splits
    from zoo.seeding import set_seed
    from zoo.training.compile import check_distributable

    opened = Run.open_unfinished(directory)
    settings = configuration.resolve(opened.settings)
    configuration.check_unchanged(opened.directory / "config.yaml", settings)
    if data is None:
        splits = own_data(opened)
    else:
        splits = data if isinstance(data, Splits) else load_data(data, task=settings.task, **opened.info.arguments)
        check_unchanged(splits, opened)
    set_seed(settings.seed)
    writer = RunWriter.go_on(opened.directory, {**opened.content, "strategy": described(strategy)})
    splits = splits.with_batches(settings.batch_size, settings.seed)
    with scope_of(strategy):
        model = opened.untrained_model()
    check_distributable(model)
    return Training(model, splits, writer, settings, strategy, is_resumed=True)


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


def _resume(
    run: str | os.PathLike[str] | Run,
    data: Any,
    others: Mapping[str, Any],
    callbacks: Sequence[keras.callbacks.Callback],
    strategy: str | tf.distribute.Strategy,
    verbose: int | Literal["auto"],
) -> Run:
    """Go on with a run from its newest checkpoint."""
    from zoo.api.workers import copied_run
    from zoo.artefacts.run import Run

    check_resumed_alone(others)
    chosen = _strategy_for("", strategy)
    with copied_run(chosen, run.directory if isinstance(run, Run) else run) as directory:
        opened = Run.open_unfinished(directory)
        if opened.status == "finished":
            logger.info("%s has finished; there is nothing to go on with.", opened.directory)
            finished = Run.open(opened.directory)
            _ = finished.model, finished.history  # a copied run will be gone
            return finished
        return _fit_and_score(resume_training(directory, data, chosen), callbacks, verbose)


def _fit_and_score(training: Training, callbacks: Sequence[keras.callbacks.Callback], verbose: int | Literal["auto"]) -> Run:
    """Train, score once, and return the run."""
    from zoo.api.workers import from_chief
    from zoo.artefacts.run import Run
    from zoo.distribution.workers import Worker

    model, splits, writer, settings = training.model, training.splits, training.writer, training.settings
    with writer:
        timings = training.fit(callbacks, verbose)
        history = Run.open(writer.directory).history
        told = from_chief(training.strategy, lambda: score_once(model, splits, writer, settings, timings, history))
    if Worker.of(training.strategy).is_chief:
        for problem in told["run"]["findings"]:
            logger.warning("%s", problem)
    run = Run(Path(told["directory"]), told["run"], splits.info)
    run.__dict__.update(model=model, history=history)  # as Run would read them
    return run


def score_once(
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
    from zoo.evaluation.scores import answers

    truth, predicted = answers(model, splits, "test")
    task = splits.info.task
    evaluation = task.score(truth, predicted, splits.info.labels)
    mistakes = worst_mistakes(splits, "test", truth, predicted)
    beside = {"baseline": fit_baseline(splits, "test").to_dict()} if settings.baseline and has_texts(splits) else {}
    scores = {"metrics": dict(evaluation.metrics), "evaluation": evaluation.to_dict(), **beside}
    problems = find_problems(task, history, evaluation, keeps_best=settings.keep == "best")
    writer.update(timings=timings, findings=problems, **scores)
    page = report_page(Run.open(writer.directory).content, history, task.sections(evaluation), mistakes)
    write_text(writer.directory / "report.html", page)
    writer.update(status="finished")
    return {"directory": str(writer.directory), "run": dict(Run.open(writer.directory).content)}
