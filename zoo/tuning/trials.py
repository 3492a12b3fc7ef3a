"""The work of a search's processes: survey the data, run a trial, and create the best run."""

from __future__ import annotations

import importlib
import math
import shutil
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artefacts.files import lock, new_directory, now, read_json, write_json, write_text
from zoo.artefacts.loading import own_data
from zoo.artefacts.run import Run, RunWriter, save_untrained
from zoo.errors import ArtefactError, CheckpointError, DataError, ZooError, one_line
from zoo.evaluation.scores import score
from zoo.settings import OF_SCHEDULES, resolve
from zoo.tasks import find_task
from zoo.training import auto  # noqa: F401 - imported before the server forks trials
from zoo.training.batches import check_batches
from zoo.training.construct import construct
from zoo.training.fit import Training, fit
from zoo.training.plan import Plan, plan_training
from zoo.training.session import begin_training, resume_training, score_once
from zoo.tuning.handover import load_shared
from zoo.tuning.search import RESULT_FILE, TRIAL_FILE, Search, elapsed
from zoo.tuning.space import objective_of, searched_space
from zoo.tuning.spec import SearchSpec, factory_hash, versions

if TYPE_CHECKING:
    import keras

    from zoo.pipeline.info import DataInfo
    from zoo.pipeline.splits import Splits

ATTEMPTS = 3  # how often a trial's process may be killed before the trial fails
WARM_UP, CALLS = 5, 30  # untimed and timed calls of a latency measurement
LOCK_SECONDS = 30.0  # how long to wait for another process that runs the same trial


class DataChangedError(DataError):
    """The data have changed since the search started."""


OF_THE_MACHINE = (ArtefactError, DataChangedError, OSError)
OF_MEMORY = ("MemoryError", "ResourceExhaustedError")  # names in Python and TensorFlow


class Infeasible(Exception):  # noqa: N818 - caught in this module
    """A model violates a constraint of the search."""


def survey(spec: SearchSpec, shared: str | None) -> SearchSpec:
    """Read the data and build the first model; return the spec with everything that depends on the data.

    Args:
        spec: specification of the search; if the search is new, its space is the user's.
        shared: file of data in memory.

    Raises:
        UsageError: the data do not fit the settings, the objective does not exist, or there is nothing to search.
    """
    override = spec.run_settings[0] if spec.folds else {}
    model, splits, settings, _ = plan_of(spec, override, shared).make()
    check_batches(splits, settings, None)
    with tempfile.TemporaryDirectory() as folder:
        save_untrained(model, Path(folder))
    found: dict[str, Any] = {}
    if not spec.fingerprint:
        task = find_task(settings.task)
        space, defaults = searched_space(spec.model, task, settings.to_flat(), spec.space, spec.settings)
        found = {"space": space, "defaults": defaults, "objective": objective_of(task, **spec.objective)}
    if override:
        splits = plan_of(spec, {}, shared).read()
    found |= {"task": settings.task, "fingerprint": splits.info.fingerprint, "max_epochs": settings.epochs}
    return spec.model_copy(update={**found, "versions": versions(), "factory": factory_hash(spec.model)})


def run_trial(
    search_directory: str, name: str, chosen: Mapping[str, Any], worker: str, died_of: str | None, shared: str | None
) -> dict[str, Any]:
    """Train and score a trial, resuming the work of an earlier process; return its result.

    Args:
        search_directory: directory of the search.
        name: name of the trial.
        chosen: settings of the trial.
        worker: name of the worker that runs the trial.
        died_of: how the trial's previous process died, if it died.
        shared: file of data in memory.

    Raises:
        KeyboardInterrupt: the search stops; the trial resumes from its checkpoint later.
    """
    search = Search.open(search_directory)
    directory = search.trial_directory(name)
    with lock(directory / ".lock", patience=LOCK_SECONDS) as is_held:  # a process of a killed search may still run it
        if not is_held:
            raise ZooError(f"Another process runs this trial. Received: {directory}. Wait for it, or stop it.")
        if (directory / RESULT_FILE).is_file():  # the trial has ended, but the oracle has not recorded it
            return read_json(directory / RESULT_FILE)
        before = read_json(directory / TRIAL_FILE) if (directory / TRIAL_FILE).is_file() else {"attempts": 0, "spent": 0.0}
        own = {"name": name, "settings": dict(chosen), "worker": worker, "attempts": before["attempts"] + 1}
        trial = {"begun": now(), **before, **own}
        write_json(directory / TRIAL_FILE, trial)
        started = time.monotonic()
        found: dict[str, Any] = {"each": []}
        try:
            if trial["attempts"] > ATTEMPTS:
                raise ZooError(
                    f"its process was killed {ATTEMPTS} times, last by {died_of}; a common cause is too little memory"
                )
            for number, override in enumerate(search.spec.run_settings, start=1):
                settings = {**chosen, **override}
                found["each"].append(_train_and_score(search.spec, directory / f"run-{number}", settings, found, shared))
            scores = {key: sum(each[key] for each in found["each"]) / len(found["each"]) for key in found["each"][0]}
            if not math.isfinite(scores[search.objective]):
                raise ZooError(f"its {search.objective} is {scores[search.objective]}")
            found |= {"status": "finished", "scores": scores, "objective": scores[search.objective]}
        except (KeyboardInterrupt, *OF_THE_MACHINE) as error:  # the trial has not failed and runs again
            error.__notes__ = []  # the notes say how to resume the run, not the search
            spent = trial["spent"] + time.monotonic() - started
            with suppress(ArtefactError):
                write_json(directory / TRIAL_FILE, {**trial, "attempts": before["attempts"], "spent": spent})
            raise
        except Infeasible as reason:
            found |= {"status": "infeasible", "reason": str(reason)}
        except ZooError as error:
            found |= {"status": "failed", "reason": one_line(error)}
        except Exception as error:
            reason_text = f"{type(error).__name__}: {one_line(error)}"
            if type(error).__name__ in OF_MEMORY:
                reason_text = f"out of memory; smaller batches or a smaller model may fit ({reason_text})"
            found |= {"status": "failed", "reason": reason_text, "traceback": traceback.format_exc()}
        result = {**trial, **found, "seconds": trial["spent"] + time.monotonic() - started, "ended_s": elapsed(search)}
        write_json(directory / RESULT_FILE, result)
        return result


def finish(search_directory: str, shared: str | None) -> str:
    """Create the best run, score it once on the test part, and return the name of the best trial.

    The best run is a copy of the trial's run, or a new one if the search has folds or `retrain`.

    Args:
        search_directory: directory of the search.
        shared: file of data in memory.
    """
    search = Search.open(search_directory)
    best, target, retrain = search.best_trial, search.directory / "best", bool(search.content["retrain"])
    if search.content.get("best") != [best.name, retrain] or not (target / "run.json").is_file():
        partial = search.directory / f".partial-best-{best.name}{'-retrained' if retrain else ''}"
        if retrain or search.spec.folds:
            _retrain(search, partial, shared, with_validation=retrain)
        else:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(best.directory / "run-1", partial)
        _score_run(partial, shared)
        shutil.rmtree(target, ignore_errors=True)  # written before the search was resumed
        partial.rename(target)
        for other in search.directory.glob(".partial-best-*"):  # left by an interrupted session
            shutil.rmtree(other)
    write_text(search.directory / "best.yaml", (target / "config.yaml").read_text(encoding="utf-8"))
    return best.name


def _train_and_score(
    spec: SearchSpec, path: Path, chosen: Mapping[str, Any], found: dict[str, Any], shared: str | None
) -> dict[str, float]:
    """Train one run of a trial, and return its validation scores; record the model's size and speed in `found`."""
    most_parameters, most_ms = spec.constraints["max_parameters"], spec.constraints["max_latency_ms"]
    plan = plan_of(spec, chosen, shared)

    def read() -> Splits:
        splits = plan.read()
        now = splits.info.fingerprint
        if now != spec.fingerprint and not any(key.startswith("data.") for key in chosen):
            raise DataChangedError(
                f"The data have changed since the search started. Received: fingerprint {now} of {spec.data}, expected "
                f"{spec.fingerprint}. Restore them, or start another search."
            )
        if most_parameters is not None and (count := count_parameters(plan, splits)) is not None:
            limit_size(count)
        return splits

    def limit_size(count: int) -> None:
        found["parameters"] = count
        if most_parameters is not None and count > most_parameters:
            raise Infeasible(f"{count:,} parameters, more than {most_parameters:,}")

    def check_model(model: keras.Model, splits: Splits) -> None:
        limit_size(int(model.count_params()))
        if most_ms is not None and "latency_ms" not in found:
            found["latency_ms"] = latency_ms(model, splits.info)
            if found["latency_ms"] > most_ms:
                raise Infeasible(f"{found['latency_ms']:.2f} ms for an example, more than {most_ms:g}")

    if (path / "run.json").is_file() and "validation" in (recorded := read_json(path / "run.json")):
        return dict(recorded["validation"])
    training = _trained(plan, path, shared, read, check_model)
    found["parameters"] = int(training.model.count_params())
    with training.writer:
        scores = dict(score(training.model, training.splits, "validation").metrics)
        training.writer.update(validation=scores, status="finished")
    return scores


def count_parameters(plan: Plan, splits: Splits) -> int | None:
    """Return the number of parameters of a plan's model without allocating them; None if building needs their values."""
    import keras

    _, settings = plan.settle(splits)
    try:
        with keras.StatelessScope(initialize_variables=False):
            model, *_ = construct(str(plan.model), splits.info, settings.task, settings.model_arguments, settings.precision)
        return int(model.count_params())
    except Exception:  # a real error shows again when the model is built
        return None
    finally:
        keras.utils.clear_session()  # discards the variables before they get values


def latency_ms(model: keras.Model, info: DataInfo) -> float:
    """Return the median time of one call of the model's compiled graph on one example, in milliseconds, on this machine.

    Texts have the maximum length of the data.
    """
    import tensorflow as tf

    example = tf.convert_to_tensor(info.preprocessor.example_batch(1, longest=True))
    call = tf.function(lambda batch: model(batch, training=False))
    seconds = []
    for _ in range(WARM_UP + CALLS):
        started = time.perf_counter()
        call(example).numpy()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[WARM_UP:])


def _trained(plan: Plan, path: Path, shared: str | None, read: Callable[[], Splits], check: Any = None) -> Training:
    """Train a run to its end, from its newest checkpoint if there is one.

    Args:
        plan: plan of the run.
        path: directory of the run.
        shared: file of data in memory.
        read: function that reads the data of a new run.
        check: function that rejects a new model and its data by an error; default None.
    """
    training = None
    if (path / "run.json").is_file():
        with suppress(ArtefactError):  # damaged runs start again
            training = resume_training(path, load_shared(shared))
    if training is None:
        shutil.rmtree(path, ignore_errors=True)
        splits = read()
        with new_directory(path):
            training = begin_training(plan, path, check=check, splits=splits, loads=True)  # the survey checks loading
    try:
        with training.writer:
            training.writer.update(timings=fit(training))
    except CheckpointError:
        if not training.is_resumed:
            raise
        shutil.rmtree(path)  # there is no intact checkpoint
        return _trained(plan, path, shared, read, check)
    return training


def _retrain(search: Search, target: Path, shared: str | None, *, with_validation: bool) -> None:
    """Train again with the settings of the best trial, optionally on train and validation together."""
    best, spec = search.best_trial, search.spec
    chosen = {**best.settings, "seed": spec.seed}
    if with_validation:
        epochs = [_epochs_of(path) for path in best.directory.glob("run-*")]
        chosen |= {"data.validation": 0, "keep": "last", "early_stopping": None, "epochs": round(sum(epochs) / len(epochs))}
        without = {"monitor", "data.fold"}
        if read_json(best.directory / "run-1" / "run.json")["settings"]["schedule"] == "plateau":
            chosen["schedule"], without = "constant", {*without, *OF_SCHEDULES}
        chosen = {name: value for name, value in {**spec.settings, **chosen}.items() if name not in without}
        spec = spec.model_copy(update={"settings": {}})
    plan = plan_of(spec, chosen, shared)
    _trained(plan, target, shared, plan.read)


def _score_run(path: Path, shared: str | None) -> None:
    """Score a trained run on the test part, once."""
    run = Run.open(path)
    settings = resolve(run.settings)
    splits = own_data(run, load_shared(shared)).with_batches(settings.batch_size, settings.seed)
    with RunWriter(path, run.content) as writer:
        score_once(Training(run.model, splits, writer, settings), run.content["timings"])


def plan_of(spec: SearchSpec, chosen: Mapping[str, Any], shared: str | None) -> Plan:
    """Return the training plan of a search with other settings, without settings that the schedule does not use."""
    importlib.import_module(spec.module)  # registers a user's model
    schedule = chosen.get("schedule")
    unused = {name for name, ones in OF_SCHEDULES.items() if name in chosen and schedule is not None and schedule not in ones}
    given = {name: value for name, value in {**spec.settings, "seed": spec.seed, **chosen}.items() if name not in unused}
    return plan_training(spec.model, spec.data if shared is None else load_shared(shared), given)


def _epochs_of(path: Path) -> int:
    """Return the epoch of the model that a run saved."""
    run = Run.open_unfinished(path)
    settings, history = run.settings, run.history
    if settings["keep"] != "best":
        return len(history["loss"])
    monitor = settings["monitor"] or run.info.task.monitor
    scores = history[f"val_{monitor}"]
    return 1 + scores.index(max(scores) if run.info.task.direction(monitor) == "max" else min(scores))
