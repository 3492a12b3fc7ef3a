"""What the processes of a search do: look at the task once, run a trial each, and score the best in the end."""

from __future__ import annotations

import importlib
import math
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.planning import Plan, make_plan
from zoo.api.reading import check_unchanged, load_data
from zoo.api.training import Training, begin_training, resume_training, score_once
from zoo.artefacts.files import lock, new_directory, now, read_json, write_json, write_text
from zoo.errors import ArtefactError, CheckpointError, DataError, UsageError, ZooError, one_line
from zoo.tuning.nursery import NO_MORE, PRELOADED
from zoo.tuning.search import RESULT_FILE, TRIAL_FILE, Search

if TYPE_CHECKING:
    import keras

    from zoo.pipeline.splits import Splits

ATTEMPTS = 3  # of a trial whose process is killed, before it counts as failed
STRANGER = 30.0  # seconds that another process has to end which runs the same trial


class DataChangedError(DataError):
    """The data are not those that the search began with."""


OF_THE_MACHINE = (ArtefactError, DataChangedError, OSError)
OF_MEMORY = ("MemoryError", "ResourceExhaustedError")  # of Python and TensorFlow


class Infeasible(Exception):  # noqa: N818 - it is caught here
    """A model breaks a constraint of the search."""


def survey(request: Mapping[str, Any]) -> dict[str, Any]:
    """Read the data and build the model that a search begins with; return what is known then."""
    from zoo.artefacts.run import keep_untrained
    from zoo.training.batches import check_batches

    override = runs_of(request)[0] if request["folds"] else {}
    plan = _plan(request, override)
    model, splits, settings, _ = plan.make()
    if not splits.has_validation:
        raise UsageError("Trials are scored on the validation part. Received: data.validation=0. Ask for retrain in its place.")
    check_batches(splits, settings, None)
    for key, values in (request.get("samples") or {}).items():
        _check_range(request, key, values, override, splits)
    with tempfile.TemporaryDirectory() as folder:
        keep_untrained(model, Path(folder))
    if override:
        splits = _plan(request, {}).read()
    return {
        "task": settings.task,
        "fingerprint": splits.info.fingerprint,
        "defaults": settings.to_flat(),
    }


def _check_range(
    request: Mapping[str, Any], key: str, values: Sequence[Any], override: Mapping[str, Any], splits: Splits
) -> None:
    """Refuse a range of a setting of training without a value that these data take.

    Raises:
        UsageError: there is none.
    """
    from zoo.settings import OF_SCHEDULES
    from zoo.training.batches import check_batches

    if key.startswith(("data.", "model.")) or (key in OF_SCHEDULES and "schedule" in request["samples"]):
        return
    for number, value in enumerate(values, start=1):
        try:
            check_batches(*_plan(request, {**override, key: value}).settle(splits), None)
        except UsageError as error:
            if number == len(values):
                error.add_note(f"So it is with all of `{key}` in the space.")
                raise
        else:
            return


def work(directory: str, address: str, worker: str, died_of: str | None) -> int:
    """Run one trial, and return whether there was one.

    Args:
        directory: of the search.
        address: of the chief.
        worker: name of this worker.
        died_of: the signal that ended the process before this one, if one did.
    """
    from zoo.tuning.chief import Client
    from zoo.tuning.space import declare_space

    search = Search.open(directory)
    client = Client(search, address, worker)
    trial = client.next_trial()
    if trial is None:
        return NO_MORE
    chosen = declare_space(search.space, trial.hyperparameters)
    epochs = trial.hyperparameters.values.get("tuner/epochs")  # of Hyperband
    if epochs is not None:
        chosen["epochs"] = int(epochs)
    result = run_trial(search, trial.trial_id, chosen, worker, died_of)
    is_finished = result["status"] == "finished"
    client.end_trial(trial, "COMPLETED" if is_finished else "FAILED", result["scores"] if is_finished else {})
    return 0


def run_trial(search: Search, name: str, chosen: Mapping[str, Any], worker: str, died_of: str | None) -> dict[str, Any]:
    """Train and score with the settings of a trial, from where an earlier process left it; return its result.

    Raises:
        KeyboardInterrupt: the search is to stop; the trial goes on from its checkpoint later.
    """
    directory = search.trial_directory(name)
    with lock(directory / ".lock", patience=STRANGER) as is_held:  # a process of a search that was killed may still run it
        if not is_held:
            raise ZooError(f"Another process runs this trial. Received: {directory}. Wait for it, or end it.")
        return _run_held_trial(search, directory, chosen, worker, died_of)


def _run_held_trial(
    search: Search, directory: Path, chosen: Mapping[str, Any], worker: str, died_of: str | None
) -> dict[str, Any]:
    """Do what `run_trial` says, in a directory that nobody else writes to."""
    if (directory / RESULT_FILE).is_file():  # the chief did not hear of it
        return read_json(directory / RESULT_FILE)
    before = read_json(directory / TRIAL_FILE) if (directory / TRIAL_FILE).is_file() else {"attempts": 0, "spent": 0.0}
    own = {"name": directory.name, "settings": dict(chosen), "worker": worker, "attempts": before["attempts"] + 1}
    trial = {"begun": now(), **before, **own}
    write_json(directory / TRIAL_FILE, trial)
    begun = time.monotonic()
    found: dict[str, Any] = {"each": []}
    try:
        if trial["attempts"] > ATTEMPTS:
            raise ZooError(
                f"its process was ended {ATTEMPTS} times, at last by {died_of}; the system does so when memory is used up"
            )
        for number, override in enumerate(runs_of(search.content), start=1):
            settings = {**chosen, **override}
            found["each"].append(_train_and_score(search, directory / f"run-{number}", settings, found))
        scores = {key: sum(each[key] for each in found["each"]) / len(found["each"]) for key in found["each"][0]}
        if not math.isfinite(scores[search.objective]):
            raise ZooError(f"its {search.objective} is {scores[search.objective]}")
        found |= {"status": "finished", "scores": scores, "objective": scores[search.objective]}
    except (KeyboardInterrupt, *OF_THE_MACHINE) as error:  # no fault of the trial, which is run again
        error.__notes__ = []  # they tell how to go on with the run alone
        spent = trial["spent"] + time.monotonic() - begun
        with suppress(ArtefactError):
            write_json(directory / TRIAL_FILE, {**trial, "attempts": before["attempts"], "spent": spent})
        raise
    except Infeasible as reason:
        found |= {"status": "infeasible", "reason": str(reason)}
    except Exception as error:
        is_ours = isinstance(error, ZooError)
        said = one_line(error) if is_ours else f"{type(error).__name__}: {one_line(error)}"
        if type(error).__name__ in OF_MEMORY:
            said = f"memory was used up; smaller batches or a smaller model may fit ({said})"
        found |= {"status": "failed", "reason": said, **({} if is_ours else {"traceback": traceback.format_exc()})}
    result = {**trial, **found, "seconds": trial["spent"] + time.monotonic() - begun, "ended_s": search.elapsed()}
    write_json(directory / RESULT_FILE, result)
    return result


def finish(directory: str, *, retrain: bool) -> str:
    """Make the run of the best trial, and return the trial's name.

    It is the one that the trial was scored by, or one that is trained anew, and is scored on the test part, once.

    Args:
        directory: of the search.
        retrain: whether to train anew on train and validation together.
    """
    search = Search.open(directory)
    best, target = search.best_trial, search.directory / "best"
    if search.content.get("best") == [best.name, retrain] and (target / "run.json").is_file():
        _write_settings(search)
        return best.name
    partial = search.directory / f".partial-best-{best.name}{'-retrained' if retrain else ''}"
    if retrain or search.content["folds"]:
        _retrain(search, partial, with_validation=retrain)
    else:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(best.directory / "run-1", partial)
    _score_run(search, partial)
    before = search.directory / ".best-before"
    shutil.rmtree(before, ignore_errors=True)
    if target.is_dir():  # of this search, before it went on
        target.rename(before)
    partial.rename(target)
    for other in search.directory.glob(".partial-best-*"):  # of a search that was stopped here, before it went on
        shutil.rmtree(other)
    _write_settings(search)
    shutil.rmtree(before, ignore_errors=True)
    return best.name


def _write_settings(search: Search) -> None:
    """Write the settings of the best run where they are looked for."""
    write_text(search.directory / "best.yaml", (search.directory / "best" / "config.yaml").read_text(encoding="utf-8"))


def runs_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the settings in which the runs of a trial differ: seeds, or folds of each seed."""
    seeds = [{"seed": content["seed"] + number} for number in range(content["repeats"])]
    folds = [{"data.fold": [number, content["folds"]]} for number in range(1, (content["folds"] or 0) + 1)]
    return [{**seed, **fold} for seed in seeds for fold in (folds or [{}])]


def _train_and_score(search: Search, path: Path, chosen: Mapping[str, Any], found: dict[str, Any]) -> dict[str, float]:
    """Return the scores of one run of a trial on its validation part; note size and speed of its model in `found`."""
    from zoo.evaluation.scores import score
    from zoo.tuning.latency import latency_ms

    limits = search.content["constraints"]
    plan = _plan(search.content, chosen)

    def check_size(splits: Splits) -> None:
        if not any(key.startswith("data.") for key in chosen):
            check_data(search.content, splits)
        if limits["max_parameters"] is not None and (count := count_parameters(plan, splits)) is not None:
            limit_size(count)

    def limit_size(count: int) -> None:
        found["parameters"] = count
        if limits["max_parameters"] is not None and count > limits["max_parameters"]:
            raise Infeasible(f"{count:,} parameters, more than {limits['max_parameters']:,}")

    def check_built(model: keras.Model, splits: Splits) -> None:
        limit_size(int(model.count_params()))
        if limits["max_latency_ms"] is not None and "latency_ms" not in found:
            found["latency_ms"] = latency_ms(model, splits.info)
            if found["latency_ms"] > limits["max_latency_ms"]:
                raise Infeasible(f"{found['latency_ms']:.2f} ms for an example, more than {limits['max_latency_ms']:g}")

    if (path / "run.json").is_file():
        kept = read_json(path / "run.json")
        if "validation" in kept:
            return dict(kept["validation"])
    training = _trained(plan, path, _data(search.content, kept_only=True), check_size, check_built)
    found.setdefault("parameters", int(training.model.count_params()))
    with training.writer:
        scores = dict(score(training.model, training.splits, "validation").metrics)
        training.writer.update(validation=scores, status="finished")
    return scores


def count_parameters(plan: Plan, splits: Splits) -> int | None:
    """Return how many parameters the model of a plan has, without the memory for them; None if it needs their values."""
    import keras

    from zoo.api.building import uncompiled

    _, settings = plan.settle(splits)
    try:
        with keras.StatelessScope(initialize_variables=False):
            model, *_ = uncompiled(str(plan.model), splits.info, settings.task, settings.model_arguments, settings.precision)
        return int(model.count_params())
    except Exception:  # other people's models may do anything; what is wrong is told when the model is built
        return None
    finally:
        keras.utils.clear_session()  # which forgets its variables, before they are given values


def _trained(plan: Plan, path: Path, data: Any, *checks: Any) -> Training:
    """Train a run to its end, from its newest checkpoint where there is one, and return it with its model."""
    training = _begin_or_resume(plan, path, data, *checks)
    try:
        with training.writer:
            training.writer.update(timings=training.fit())
    except CheckpointError:
        if not training.is_resumed:
            raise
        shutil.rmtree(path)  # all are damaged
        return _trained(plan, path, data, *checks)
    return training


def _begin_or_resume(
    plan: Plan,
    path: Path,
    data: Any,
    check_size: Callable[[Splits], None] | None = None,
    check_built: Callable[[keras.Model, Splits], None] | None = None,
) -> Training:
    if (path / "run.json").is_file() and any((path / "checkpoints").glob("*.npz")):
        with suppress(ArtefactError):  # else it is damaged, and begins anew
            return resume_training(path, data)
    shutil.rmtree(path, ignore_errors=True)  # of a process that was killed before its first checkpoint
    splits = plan.read()
    if check_size is not None:
        check_size(splits)
    with new_directory(path):
        return begin_training(plan, path, check=check_built, splits=splits, loads=True)  # the survey has tried to load one


def _retrain(search: Search, target: Path, *, with_validation: bool) -> None:
    """Train with the settings of the best trial, on train and validation if asked, and score on the test part."""
    from zoo.settings import OF_SCHEDULES

    best, content = search.best_trial, dict(search.content)
    chosen = {**best.settings, "seed": content["seed"]}
    if with_validation:
        epochs = [_epochs_of(path) for path in best.directory.glob("run-*")]
        chosen |= {"data.validation": 0, "keep": "last", "early_stopping": None, "epochs": round(sum(epochs) / len(epochs))}
        without = {"monitor", "data.fold"}
        if read_json(best.directory / "run-1" / "run.json")["settings"]["schedule"] == "plateau":
            chosen["schedule"], without = "constant", {*without, *OF_SCHEDULES}
        chosen = {name: value for name, value in chosen.items() if name not in without}
        content["settings"] = {name: value for name, value in content["settings"].items() if name not in without}
    _trained(_plan(content, chosen), target, _data(content, kept_only=True))


def _score_run(search: Search, path: Path) -> None:
    """Score a trained run on the test part, once."""
    from zoo.artefacts.run import Run, RunWriter
    from zoo.settings import resolve

    run = Run.open(path)
    settings = resolve(run.settings)
    splits = load_data(_data(search.content), task=run.info.task_name, **run.info.arguments)
    check_unchanged(splits, run)
    splits = splits.with_batches(settings.batch_size, settings.seed)
    with RunWriter(path, run.content) as writer:
        score_once(run.model, splits, writer, settings, run.content["timings"], run.history)


def check_data(content: Mapping[str, Any], splits: Splits) -> None:
    """Refuse data that are not those that a search began with.

    Raises:
        DataChangedError: they are not.
    """
    if splits.info.fingerprint != content["fingerprint"]:
        raise DataChangedError(
            f"The data have changed since the search began. Received: fingerprint {splits.info.fingerprint} of "
            f"{content['data']}, then {content['fingerprint']}. Restore them, or begin another search."
        )


def _plan(content: Mapping[str, Any], chosen: Mapping[str, Any]) -> Plan:
    """Return what is to be trained with settings over those of the search, without those that others make useless."""
    from zoo.settings import OF_SCHEDULES

    importlib.import_module(content["module"])  # registers a model of other people
    given = {**content["settings"], "seed": content["seed"], **chosen}
    schedule = chosen.get("schedule")
    unused = {name for name, ones in OF_SCHEDULES.items() if name in chosen and schedule is not None and schedule not in ones}
    given = {name: value for name, value in given.items() if name not in unused}
    return make_plan(content["model"], _data(content), None, None, None, given)


def _data(content: Mapping[str, Any], *, kept_only: bool = False) -> Any:
    """Return the data of a search: what the process that began it holds in memory, else by name or path."""
    if PRELOADED:
        return _in_memory(PRELOADED[0])
    return None if kept_only else content["data"]


def _in_memory(data: Any) -> Any:
    """Return what was handed over; datasets of `tf.data` come as the folders that they were saved in."""
    import tensorflow as tf

    if isinstance(data, Mapping):
        return {part: _in_memory(value) for part, value in data.items()}
    return tf.data.Dataset.load(data.path) if isinstance(data, SavedDataset) else data


class SavedDataset:
    """A `tf.data.Dataset` that was saved to a folder, to reach another process."""

    def __init__(self, path: str) -> None:
        self.path = path


def _epochs_of(path: Path) -> int:
    """Return the epoch whose model a run kept."""
    from zoo.artefacts.run import Run

    run = Run.open_unfinished(path)
    settings, history = run.settings, run.history
    if settings["keep"] != "best":
        return len(history["loss"])
    monitor = settings["monitor"] or run.info.task.monitor
    scores = history[f"val_{monitor}"]
    return 1 + scores.index(max(scores) if run.info.task.direction(monitor) == "max" else min(scores))
