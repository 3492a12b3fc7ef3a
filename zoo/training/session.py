"""Runs training from its start, or from its newest checkpoint, to the scores on the test part."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from zoo.artefacts.files import check_new_directory, new_directory, write_text
from zoo.artefacts.loading import own_data
from zoo.artefacts.run import Run, RunWriter, cache_in_memory, save_untrained
from zoo.distribution.cluster import workers_in_environment
from zoo.distribution.strategies import choose_strategy, scope_of, strategy_of
from zoo.distribution.workers import Worker, wait_for_all
from zoo.errors import UsageError, ZooError
from zoo.evaluation.baseline import fit_baseline, has_texts
from zoo.evaluation.findings import find_problems
from zoo.evaluation.mistakes import worst_mistakes
from zoo.evaluation.report import report_page
from zoo.evaluation.scores import answers
from zoo.pipeline.splits import Splits
from zoo.settings import resolve
from zoo.training.batches import check_batches
from zoo.training.compile import check_distributable, check_learns
from zoo.training.coordination import check_alike, copied_run, described, from_chief, own_directory
from zoo.training.fit import Training, fit
from zoo.training.plan import Plan

logger = logging.getLogger(__name__)


def train_plan(
    plan: Plan,
    out: Path,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: str | tf.distribute.Strategy = "auto",
    verbose: int = 0,
) -> Run:
    """Train as planned in a new directory, score the model once on the test part, and return the finished run."""
    chosen = _strategy_for(plan.model, strategy)  # connects the workers, before TensorFlow is used
    try:
        with own_directory(chosen, out) as directory:
            from_chief(chosen, lambda: check_new_directory(directory))
            with new_directory(directory):  # reserved before the data are read, which may take long
                training = begin_training(plan, directory, chosen, verbose)
            return _fit_and_score(training, callbacks, verbose)
    except ZooError:  # rejected, or diverged and restored
        plan.restore_model()
        raise


def resume_run(
    run: str | os.PathLike[str],
    data: Any = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: str | tf.distribute.Strategy = "auto",
    verbose: int = 0,
) -> Run:
    """Resume a run from its newest checkpoint, and return the finished run."""
    chosen = _strategy_for("", strategy)
    with copied_run(chosen, run) as directory:
        opened = Run.open_unfinished(directory)
        if opened.status == "finished":
            logger.info("%s has finished; there is nothing to resume.", opened.directory)
            wait_for_all(chosen)
            finished = Run.open(opened.directory)
            return cache_in_memory(finished, finished.model, finished.history)  # the files of a copied run will be deleted
        return _fit_and_score(resume_training(directory, data, chosen), callbacks, verbose)


def begin_training(
    plan: Plan,
    directory: Path,
    strategy: tf.distribute.Strategy | None = None,
    verbose: int = 0,
    check: Callable[[keras.Model, Splits], None] | None = None,
    *,
    splits: Splits | None = None,
    loads: bool = False,
) -> Training:
    """Read the data, build the model, and start a run in a new directory.

    Args:
        plan: the plan of the run.
        directory: an empty directory.
        strategy: strategy to train under; default None.
        verbose: 0 shows nothing; default 0.
        check: function that rejects a model by an error, before anything is written; default None.
        splits: the result of `plan.read`, if it was called before; default None.
        loads: whether models like this one are known to load after saving; if not, loading is tried; default False.
    """
    model, splits, settings, record = plan.make(strategy, verbose, splits)
    check_alike(strategy, settings, splits.info)
    check_learns(model)
    check_batches(splits, settings, strategy)
    if check is not None:
        check(model, splits)
    save_untrained(model, directory, loads=loads)
    writer = RunWriter.begin(directory, settings, splits.info, auto=record, strategy=described(strategy))
    return Training(model, splits, writer, settings, strategy)


def resume_training(
    directory: str | os.PathLike[str], data: Any = None, strategy: tf.distribute.Strategy | None = None
) -> Training:
    """Prepare to resume an unfinished run, on its own data or on the data passed, which must be equal."""
    opened = Run.open_unfinished(directory)
    settings = resolve(opened.settings)
    splits = own_data(opened, data).with_batches(settings.batch_size, settings.seed)
    keras.utils.set_random_seed(settings.seed)
    writer = RunWriter.resume(opened.directory, {**opened.content, "strategy": described(strategy)})
    with scope_of(strategy):
        model = opened.untrained_model()
    check_distributable(model)
    return Training(model, splits, writer, settings, strategy, is_resumed=True)


def score_once(training: Training, timings: Mapping[str, float]) -> Run:
    """Score a trained model once on the test part, write the report, and return the finished run."""
    splits, writer, settings = training.splits, training.writer, training.settings
    history = Run.open(writer.directory).history
    truth, predicted = answers(training.model, splits, "test")
    task = splits.info.task
    evaluation = task.score(truth, predicted, splits.info.labels)
    mistakes = worst_mistakes(splits, "test", truth, predicted)
    baseline = {"baseline": fit_baseline(splits, "test").to_dict()} if settings.baseline and has_texts(splits) else {}
    scores = {"metrics": dict(evaluation.metrics), "evaluation": evaluation.to_dict(), **baseline}
    problems = find_problems(task, history, evaluation, keeps_best=settings.keep == "best")
    writer.update(timings=timings, findings=problems, **scores)
    page = report_page(Run.open(writer.directory).content, history, task.sections(evaluation), mistakes)
    write_text(writer.directory / "report.html", page)
    writer.update(status="finished")
    return Run.open(writer.directory)


def _strategy_for(model: str | keras.Model, given: str | tf.distribute.Strategy) -> tf.distribute.Strategy | None:
    """Return the strategy to train under: the one passed, or that of the user's own model.

    Raises:
        UsageError: the value is not a strategy, or the model was built under another one.
    """
    if isinstance(model, str):
        return choose_strategy(given)
    own = strategy_of(model)
    asked = own if given == "auto" else choose_strategy(given)
    if asked is not own and asked is not model.distribute_strategy:
        raise UsageError(
            f"A model of your own is trained under the strategy that it was built under. Received: strategy={given!r} for a "
            f"model built under {type(own).__name__ if own else 'none'}. Build it in that strategy's scope and omit strategy."
        )
    if own is None and given == "auto" and workers_in_environment() > 1:
        raise UsageError(
            "Each worker of TF_CONFIG would train this model alone. Received: a model that was built under no strategy. "
            "Build it in the scope of tf.distribute.MultiWorkerMirroredStrategy(), or pass strategy='none'."
        )
    return own


def _fit_and_score(training: Training, callbacks: Sequence[keras.callbacks.Callback], verbose: int) -> Run:
    """Train, score once, and return the run."""
    with training.writer as writer:
        timings = fit(training, callbacks, verbose)
        history = Run.open(writer.directory).history
        directory, content = from_chief(
            training.strategy, lambda: [str(writer.directory), dict(score_once(training, timings).content)]
        )
    wait_for_all(training.strategy)
    if Worker.of(training.strategy).is_chief:
        for problem in content["findings"]:
            logger.warning("%s", problem)
    return cache_in_memory(Run(Path(directory), content, training.splits.info), training.model, history)
