"""The verbs: the only place that joins models, data, training and artefacts."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

from zoo import registry
from zoo.errors import DataError, UnknownNameError, UsageError
from zoo.tasks import Task, find_task

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.predictor import Predictor
    from zoo.artefacts.run import Run, RunWriter
    from zoo.config import DataArguments, Settings
    from zoo.evaluation.baseline import Baseline
    from zoo.evaluation.scores import Evaluation
    from zoo.pipeline.examples import Examples
    from zoo.pipeline.info import DataInfo
    from zoo.pipeline.splits import Splits

logger = logging.getLogger(__name__)
PartName = Literal["train", "validation", "test"]


def build(
    name: str,
    *,
    data: Any = None,
    weights: str | os.PathLike[str] | Run | None = None,
    task: str | None = None,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    learning_rate: float | None = None,
    **model_arguments: Any,
) -> keras.Model:
    """Build a compiled `keras.Model`, ready for `fit`.

    Args:
        name: a model or variant, for example "cnn" or "cnn/tiny"; see `list_models`.
        data: anything that `load_data` takes; sets input shape, classes and statistics.
        weights: a run, or its directory, whose weights to begin with; the architecture must be the same.
        task: name of the task; by default that of `data`, else the one that the arguments ask for.
        optimizer: a name, or a Keras optimizer.
        learning_rate: above 0; None takes Keras' default for the optimizer.
        **model_arguments: arguments of the model's factory; `zoo.info(name).arguments` has the defaults.

    Returns:
        A Sequential or functional model that gives float32 logits or values. Its loss and metrics take integer and one-hot
        labels alike.

    Raises:
        UsageError: a name, argument or value is not accepted.
        DataError: the data cannot be read.

    Example:
        >>> model = build("lenet", num_classes=3)
        >>> model.output_shape
        (None, 3)
    """
    from zoo.training.compile import compile_model

    entry = registry.find_model(name)[0]
    for argument in model_arguments:
        if argument not in entry.defaults:
            accepted = {*entry.defaults, "data", "weights", "task", "optimizer", "learning_rate"}
            raise UnknownNameError(f"argument of model {name!r}", argument, accepted)
    info = None if data is None else _load_for(entry, data, task).info
    model, chosen, width = _uncompiled(name, info, task, model_arguments)
    if weights is not None:
        _set_weights(model, weights)
    compile_model(model, chosen, width, optimizer, learning_rate)
    return model


def load_data(data: Any, *, batch_size: int = 128, seed: int = 0, task: str | None = None, **arguments: Any) -> Splits:
    """Read, clean and split data; see `Splits` for what comes out.

    Args:
        data: a name (embedded, or any data set of images or texts in TensorFlow Datasets; "tfds:NAME" is always the
            latter), a path (CSV, TSV, JSON lines, Parquet, lines of `label text`, `.npz`, a folder of class folders or of
            a file for each part, a prepared TFDS folder), `(features, targets)`, a DataFrame with a label column, a
            finite `tf.data.Dataset` of pairs, or a mapping of "train", "validation", "test" to such or to paths. Splits
            are returned as they are.
        batch_size: rows a batch, at least 1.
        seed: of the training order, in `[0, 2**32)`.
        task: name of the task; by default the data set's own, or guessed. "text_classification" reads any file as texts.
        **arguments: see `zoo.config.DataArguments`: `label_column`, `text_column`, `encoding`, `parts`, `ignore_columns`,
            `image_size`, `channels`, `validation`, `split_seed`, `duplicates`, `overlap`, `conflicts`, `broken`,
            `data_dir`, `memory_budget_mb`; for texts `vocabulary_size`, `min_frequency`, `lower`, `char_level`,
            `max_length`, `truncation`, `padding`, `buckets`, `raw`.

    Raises:
        UsageError: a name or argument is not accepted.
        DataError: the data are missing, broken, empty or of one class.

    Example:
        >>> load_data("digits").info.num_examples
        {'train': 1257, 'validation': 270, 'test': 270}
    """
    from zoo.config import data_arguments
    from zoo.pipeline.prepare import prepare
    from zoo.pipeline.splits import Splits

    if isinstance(data, Splits):
        if arguments or task not in (None, data.info.task_name):
            raise UsageError(f"Splits are ready as they are. Received: {sorted(arguments)} beside them. Leave that out.")
        return data
    if task is not None:
        find_task(task)
    if not (isinstance(batch_size, SupportsIndex) and batch_size >= 1):
        raise UsageError(f"`batch_size` is a whole number of at least 1. Received: {batch_size!r}. Try 128.")
    if not (isinstance(seed, SupportsIndex) and 0 <= seed < 2**32):
        raise UsageError(f"`seed` is a whole number from 0 to 2**32 - 1. Received: {seed!r}. Try 0.")
    checked = data_arguments(arguments)
    examples, own_task = _read(data, checked, task)
    return prepare(examples, checked, task=task or own_task, batch_size=batch_size, seed=seed)


def train(
    model: str | keras.Model | None = None,
    *,
    data: Any = None,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | Run | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
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
            `verbose`, and `data` where it learned from arrays. A finished run is returned as it is.
        callbacks: your own, for `model.fit`. Numbers and texts among their attributes come back when a run is resumed.
        verbose: 0 shows nothing; 1 and "auto" show a progress bar on standard error.
        model_arguments: arguments of the model's factory.
        data_arguments: arguments of `load_data`.
        **settings: `epochs`, `batch_size`, `seed`, `optimizer`, `learning_rate`, and all others of `zoo.config.Settings`.

    Returns:
        The finished run.

    Raises:
        UsageError: a name, key or value is not accepted.
        DataError: the data cannot be learned from, or have changed since the run began.
        ArtefactError: the run directory exists with content, cannot be written, or has nothing to go on from.
        ZooError: training diverged; the message says what to change.
        KeyboardInterrupt: Ctrl-C or SIGTERM; a checkpoint and the model are kept, and a note says where.
    """
    from zoo import config as configuration
    from zoo.artefacts.files import new_directory
    from zoo.artefacts.run import RunWriter, default_directory, keep_untrained
    from zoo.pipeline.splits import Splits
    from zoo.seeding import set_seed
    from zoo.training.compile import compile_for_training, prepare_own_model

    if resume is not None:
        others = {"model": model, "config": config, "out": out, **settings}
        others |= {"model_arguments": model_arguments, "data_arguments": data_arguments}
        return _resume(resume, data, others, callbacks, verbose)
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
    data = data if data is not None else _default_data(task or (entry.tasks[0] if entry else None))
    names = {"model": model if isinstance(model, str) else model.name, "data": _name_of(data)}
    recipe = registry.find_recipe(names["model"], names["data"]) if entry else None
    layers = [dict(recipe.settings()) if recipe else {}, written, given, names]

    early = configuration.resolve(*layers, {"task": task or ""})  # wrong values are refused before the data are read
    if entry is not None:
        configuration.check_values(entry.name, entry.annotations, entry.defaults, early.model_arguments)

    directory = Path(out) if out is not None else default_directory(**names)
    with new_directory(directory):  # before the data are read, which may take long
        data_given = _data_settings({key: value for layer in layers for key, value in layer.items()})
        splits = _load_for(entry, data, task, **data_given)
        info = splits.info
        resolved = configuration.resolve(info.task.settings, *layers, {"task": info.task_name})
        if isinstance(data, Splits) and "batch_size" not in {**written, **given}:
            resolved = resolved.model_copy(update={"batch_size": data.batch_size})
        splits = splits.with_batches(resolved.batch_size, resolved.seed)
        set_seed(resolved.seed)
        if isinstance(model, str):
            keras_model, chosen, width = _uncompiled(model, info, resolved.task, resolved.model_arguments)
            compile_for_training(keras_model, chosen, width, splits, resolved)
        else:
            keras_model = model
            resolved = prepare_own_model(model, splits, resolved, {**written, **given})
        keep_untrained(keras_model, directory)
        writer = RunWriter.begin(directory, resolved, info)
    return _fit_and_score(keras_model, splits, writer, resolved, callbacks, verbose)


def _resume(
    run: str | os.PathLike[str] | Run,
    data: Any,
    others: Mapping[str, Any],
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int | Literal["auto"],
) -> Run:
    """Go on with a run from its newest checkpoint."""
    from zoo import config as configuration
    from zoo.artefacts.run import Run, RunWriter
    from zoo.pipeline.splits import Splits
    from zoo.seeding import set_seed

    unused = [name for name, value in others.items() if value is not None]
    if unused:
        raise UsageError(f"A run goes on with its own settings. Received: {', '.join(unused)} beside resume. Leave that out.")
    opened = Run.open_unfinished(run.directory if isinstance(run, Run) else run)
    if opened.status == "finished":
        logger.info("%s has finished; there is nothing to go on with.", opened.directory)
        return Run.open(opened.directory)
    settings = configuration.resolve(opened.settings)
    if data is None:
        splits = _own_data(opened)
    else:
        splits = data if isinstance(data, Splits) else load_data(data, task=settings.task, **opened.info.arguments)
        _check_unchanged(splits, opened)
    set_seed(settings.seed)
    writer = RunWriter.go_on(opened.directory, opened.content)
    splits = splits.with_batches(settings.batch_size, settings.seed)
    return _fit_and_score(opened.untrained_model(), splits, writer, settings, callbacks, verbose, resume=True)


def _fit_and_score(
    model: keras.Model,
    splits: Splits,
    writer: RunWriter,
    settings: Settings,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int | Literal["auto"],
    *,
    resume: bool = False,
) -> Run:
    """Train a compiled model, score it once, and return its run."""
    from zoo.artefacts.files import write_text
    from zoo.artefacts.run import Run
    from zoo.evaluation.baseline import fit_baseline, has_texts
    from zoo.evaluation.findings import find_problems
    from zoo.evaluation.mistakes import worst_mistakes
    from zoo.evaluation.report import report_page
    from zoo.evaluation.scores import answers, scores_of
    from zoo.training.fit import fit

    with writer:
        timings = fit(model, splits, writer, settings, callbacks=callbacks, resume=resume, verbose=0 if verbose == 0 else 1)
        truth, predicted = answers(model, splits, "test")
        evaluation = scores_of(truth, predicted, splits.info)
        mistakes = worst_mistakes(splits, "test", truth, predicted) if splits.info.labels else []
        beside = {"baseline": fit_baseline(splits, "test").to_dict()} if settings.baseline and has_texts(splits) else {}
        scores = {"metrics": dict(evaluation.metrics), "evaluation": evaluation.to_dict(), **beside}
        history = Run.open(writer.directory).history
        problems = find_problems(history, evaluation, keeps_best=settings.keep == "best")
        writer.update(status="finished", timings=timings, findings=problems, **scores)
    for problem in problems:
        logger.warning("%s", problem)
    run = Run.open(writer.directory)
    write_text(run.directory / "report.html", report_page(run.content, run.history, mistakes))
    run.__dict__["model"] = model  # as Run.model would read it
    return run


def evaluate(
    model: Run | str | os.PathLike[str] | keras.Model, data: Any = None, *, split: PartName = "test", **arguments: Any
) -> Evaluation:
    """Score a trained model.

    Args:
        model: a run, its directory, or a `keras.Model`.
        data: anything that `load_data` takes. A run is scored by default on the data that it learned from; other data are
            read as its own were: their `test` part, or all of them where there are no parts. A `keras.Model` needs data.
        split: "train", "validation" or "test"; of a run's own data, of Splits, or of data that come in parts.
        **arguments: arguments of `load_data` for other data.

    Raises:
        UsageError: there is no such part, or a `keras.Model` came without data.
        ArtefactError: the run cannot be opened.
        DataError: the data cannot be read, or do not fit the model.
    """
    from zoo.artefacts.run import Run
    from zoo.evaluation.scores import score
    from zoo.pipeline.prepare import prepare_like
    from zoo.pipeline.splits import Splits
    from zoo.training.compile import check_fits

    if split not in ("train", "validation", "test"):
        raise UsageError(f"`split` is 'train', 'validation' or 'test'. Received: {split!r}.")
    if not isinstance(model, Run | str | os.PathLike):
        if data is None:
            raise UsageError("A keras.Model is scored on data. Received: none. Give data=.")
        splits = load_data(data, **arguments)
        check_fits(model, splits.info)
        return score(model, splits, split)
    run = model if isinstance(model, Run) else Run.open(model)
    if data is None:
        return score(run.model, _own_data(run), split)
    if isinstance(data, Splits):
        if not data.info.is_read_like(run.info):
            raise DataError(
                f"These Splits do not fit the run. Received: labels {data.info.labels}, shape {data.info.input_shape}; the run "
                f"has {run.info.labels}, {run.info.input_shape}. Give the data themselves; they are then read as the run's."
            )
        return score(run.model, data, split)
    if run.info.task.input_name == "image":
        arguments = {"image_size": run.info.input_shape[:2], "channels": run.info.input_shape[2], **arguments}
    reading = run.reading_arguments(arguments)
    examples, _ = _read(data, reading, run.info.task_name)
    part = split if split in examples.parts else None
    if part is None and split != "test":
        raise UsageError(f"These data have no part {split!r}. Received: parts {[*examples.parts]}. Leave split= out.")
    return score(run.model, prepare_like(examples, run.info, reading, part=part, batch_size=256), "test")


def baseline(data: Any, *, split: PartName = "test", **arguments: Any) -> Baseline:
    """Fit TF-IDF and logistic regression on texts, and score them: what a network has to beat.

    Args:
        data: texts, as anything that `load_data` takes.
        split: the part to score on: "train", "validation" or "test".
        **arguments: arguments of `load_data`.

    Raises:
        UsageError: the data are no texts.
        DataError: the data cannot be read.

    Example:
        >>> baseline("reviews_sample", split="validation").name
        'tfidf_logistic'
    """
    from zoo.evaluation.baseline import fit_baseline
    from zoo.pipeline.splits import Splits

    if split not in ("train", "validation", "test"):
        raise UsageError(f"`split` is 'train', 'validation' or 'test'. Received: {split!r}.")
    if not isinstance(data, Splits):
        registered = registry.find_dataset(data) if isinstance(data, str) else None
        data = load_data(data, task=None if registered else "text_classification", **arguments)
    return fit_baseline(data, split)


def load(path: str | os.PathLike[str]) -> Predictor:
    """Return a Predictor for a run directory: raw input in, labels and probabilities out.

    Raises:
        ArtefactError: there is no run, or it is damaged.
    """
    from zoo.artefacts.run import Run

    return Run.open(path).predictor


def _load_for(entry: registry.ModelEntry | None, data: Any, task: str | None, **arguments: Any) -> Splits:
    """Read data for a model: one that does text classification alone says how a file is to be read."""
    from zoo.pipeline.splits import Splits

    is_for_texts = entry is not None and entry.tasks == ("text_classification",)
    if task is None and is_for_texts and not isinstance(data, Splits):
        registered = registry.find_dataset(data) if isinstance(data, str) else None
        task = None if registered else "text_classification"
    return load_data(data, task=task, **arguments)


def _read(data: Any, arguments: DataArguments, task: str | None) -> tuple[Examples, str | None]:
    """Return the examples, and the task that a registered data set is for."""
    from zoo.pipeline.load import looks_like_path, read_object, read_path
    from zoo.pipeline.readers.tfds import read_tfds

    if isinstance(data, str) and not data.startswith("tfds:"):
        entry = registry.find_dataset(data)
        if entry is not None:
            content = entry.load()
            if isinstance(content, str) and content.startswith("tfds:"):
                return _read(content, arguments, entry.task)[0], entry.task
            examples = read_object(content, arguments, data, task or entry.task)
            examples.name, examples.location = data, None
            return examples, entry.task
    if isinstance(data, str | os.PathLike):
        name = os.fspath(data)
        if not name:
            raise UsageError("Which data? Received: an empty name. Give a name or a path.")
        if not isinstance(data, str) or (not name.startswith("tfds:") and looks_like_path(name)):
            return read_path(name, arguments, task), None
        name = name.removeprefix("tfds:")
        entry = registry.find_dataset(name)
        return (
            read_tfds(
                name,
                arguments,
                offline_twin=entry.offline_twin if entry else None,
                known_names=registry.list_datasets(),
            ),
            None,
        )
    return read_object(data, arguments, "arrays", task), None


def _uncompiled(name: str, info: DataInfo | None, task: str | None, given: Mapping[str, Any]) -> tuple[keras.Model, Task, int]:
    """Return the model, its task, and the width of its output."""
    from zoo.config import check_values

    entry, variant = registry.find_model(name)
    given = check_values(entry.name, entry.annotations, entry.defaults, entry.arguments(None, given))
    from_data = {key: value for key, value in (info.model_arguments() if info else {}).items() if key in entry.defaults}
    arguments = {**entry.defaults, **entry.arguments(variant, {}), **from_data, **given}
    named = task or (info.task_name if info else None)
    chosen = find_task(named) if named else _implied_task(entry, arguments)
    if chosen.name not in entry.tasks:
        others = registry.list_models(task=chosen.name)
        raise UsageError(
            f"Model {entry.name!r} is not for {chosen.name}. Received: {name!r} with that task; it does "
            f"{', '.join(entry.tasks)}. Models for {chosen.name}: {', '.join(others)}."
        )
    lacking = {chosen.input_argument, chosen.output_argument} - set(arguments)
    if lacking:
        raise UsageError(
            f"A model for {chosen.name} takes {' and '.join(sorted(lacking))}. Received: {name!r}, which does not."
        )
    is_classifier = arguments.get("num_classes") is not None
    if is_classifier != (chosen.kind == "classification"):
        wanted = "num_classes= or data=" if not is_classifier else "num_outputs= in place of num_classes="
        raise UsageError(f"Task {chosen.name} needs {wanted}. Received: num_classes={arguments.get('num_classes')}.")
    width = arguments[chosen.output_argument]
    if info is not None:
        _check_fits(arguments, info)
    return entry.factory(**arguments), chosen, width


def _check_fits(arguments: Mapping[str, Any], info: DataInfo) -> None:
    """Refuse model arguments that the data contradict; a larger vocabulary or longer texts than theirs are fine."""
    for name, wanted in info.model_arguments().items():
        given = arguments.get(name, wanted)
        is_room = name in ("vocabulary_size", "max_sequence_length")
        is_statistic = name in info.statistics
        given = tuple(given) if isinstance(given, list | tuple) else given
        if not is_statistic and (given < wanted if is_room else given != wanted):
            raise UsageError(
                f"The arguments do not fit the data. Received: {name}={given}; the data have {wanted}. Leave it out"
                + (", or set data.vocabulary_size or data.max_length." if is_room else ".")
            )


def _implied_task(entry: registry.ModelEntry, arguments: Mapping[str, Any]) -> Task:
    """Return the first of a model's tasks that its arguments ask for."""
    kind = "classification" if arguments.get("num_classes") is not None else "regression"
    input_name = "image" if len(arguments.get("input_shape", ())) == 3 else "features"
    tasks = [find_task(name) for name in entry.tasks]
    fitting = [task for task in tasks if task.kind == kind and task.input_name == input_name]
    return (fitting or tasks)[0]


def _set_weights(model: keras.Model, weights: Any) -> None:
    from zoo.artefacts.run import Run

    source = (weights if isinstance(weights, Run) else Run.open(weights)).model
    theirs, ours = [tuple(w.shape) for w in source.weights], [tuple(w.shape) for w in model.weights]
    if theirs != ours:
        raise UsageError(
            f"The weights do not fit the model. Received: {len(theirs)} weights of shapes {theirs}; the model has "
            f"{len(ours)} of shapes {ours}. Build it with the run's own arguments."
        )
    model.set_weights(source.get_weights())


def _default_data(task: str | None) -> str:
    if task is None:
        raise UsageError("A model of your own needs data. Received: none. Give data=.")
    return find_task(task).default_data


def _name_of(data: Any) -> str:
    """Return what a run calls its data: the name or path, or "arrays" for what it cannot read again."""
    from zoo.pipeline.splits import Splits

    if isinstance(data, str | os.PathLike):
        return os.fspath(data)
    return data.info.name if isinstance(data, Splits) else "arrays"


def _data_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `load_data` among flat settings."""
    prefix = "data."
    return {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix) and value is not None}


def _own_data(run: Run) -> Splits:
    """Return the data that a run learned from, read again: from where they were, or by the name that they were given."""
    name = run.settings["data"]
    if name in ("arrays", "tf.data"):
        raise UsageError("This run learned from arrays, which it does not keep. Received: no data. Give data=.")
    location = run.info.location
    source = location if location is not None and Path(location).exists() else name
    splits = load_data(source, task=run.info.task_name, batch_size=256, **run.info.arguments)
    _check_unchanged(splits, run)
    return splits


def _check_unchanged(splits: Splits, run: Run) -> None:
    if splits.info.fingerprint != run.info.fingerprint:
        raise DataError(
            f"The data have changed since this run. Received: fingerprint {splits.info.fingerprint} of {splits.info.name!r}, "
            f"then {run.info.fingerprint}. Restore them; to score on what they are now, give them as data=."
        )
