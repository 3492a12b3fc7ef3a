"""One trial: scored on validation, stored, resumed, or failed with a reason."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest

import zoo
from zoo.errors import ArtefactError, DataError
from zoo.training.plan import plan_training
from zoo.tuning import execution, trials
from zoo.tuning.search import RESULT_FILE, TRIAL_FILE, Search
from zoo.tuning.trials import count_parameters, finish, run_trial, survey


def run(search, name="0000", **chosen):
    return run_trial(str(search.directory), name, {"batch_size": 32, **chosen}, "worker-0", "SIGKILL", None)


def asked(begin, space):
    """Return the spec of a new search before the survey."""
    return begin(space=space, defaults={}, fingerprint="", objective={"name": None, "direction": None}).spec


@pytest.mark.slow
def test_a_trial_equals_zoo_train_scored_on_validation(begin, tmp_path):
    search = begin()
    result = run(search)
    same = zoo.train("linear", data="iris", epochs=2, batch_size=32, out=tmp_path / "run", verbose=0)
    assert result["scores"] == zoo.evaluate(same, split="validation").metrics
    assert result["objective"] == result["scores"]["accuracy"]
    assert (result["status"], result["parameters"]) == ("finished", same.model.count_params())
    written = json.loads((search.trial_directory("0000") / RESULT_FILE).read_text())
    assert written["settings"] == {"batch_size": 32}
    (trial,) = search.trials
    assert trial.objective == result["objective"]
    assert zoo.Run.open(trial.directory / "run-1").metrics == {}  # the test part was not used


def test_a_finished_trial_is_not_run_again(begin, monkeypatch):
    search = begin()
    first = run(search)
    monkeypatch.setattr(trials, "begin_training", None)
    assert run(search) == first


@pytest.mark.slow
def test_repeats_and_folds_are_means_over_seeds_and_parts(begin):
    repeated = begin(repeats=2, seed=3)
    assert repeated.spec.run_settings == [{"seed": 3}, {"seed": 4}]
    result = run(repeated)
    assert len(result["each"]) == 2
    assert result["objective"] == sum(each["accuracy"] for each in result["each"]) / 2
    folds = repeated.spec.model_copy(update={"repeats": 1, "folds": 3}).run_settings
    assert [each["data.fold"] for each in folds] == [[1, 3], [2, 3], [3, 3]]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_parameters": 10, "max_latency_ms": None}, "15 parameters, more than 10"),
        ({"max_parameters": None, "max_latency_ms": 1e-6}, "ms for an example, more than 1e-06"),
    ],
)
def test_a_model_that_violates_a_constraint_is_not_trained(begin, limits, reason):
    search = begin(constraints=limits)
    result = run(search)
    assert result["status"] == "infeasible"
    assert reason in result["reason"]
    assert not (search.trial_directory("0000") / "run-1" / "run.json").exists()


@pytest.mark.parametrize(
    ("model", "data"), [("mlp", "diabetes"), ("cnn", "digits"), ("gru", "reviews_sample"), ("transformer", "reviews_sample")]
)
def test_parameters_are_counted_without_allocating_them(model, data):
    plan = plan_training(model, data, {})
    assert count_parameters(plan, plan.read()) == plan.make()[0].count_params()


def test_a_model_that_needs_its_values_is_counted_when_built(begin, monkeypatch):
    def needs_values(*_):
        raise ValueError("You are attempting to create a variable while in a stateless scope.")

    search = begin(constraints={"max_parameters": 10, "max_latency_ms": None})
    monkeypatch.setattr(trials, "construct", needs_values)  # not while models are built
    assert run(search)["reason"] == "15 parameters, more than 10"


def test_a_huge_model_violates_the_constraint_without_failing(begin):
    search = begin(model="mlp", module="zoo.models.mlp", constraints={"max_parameters": 10**6, "max_latency_ms": None})
    result = run(search, **{"model.units": [10**12]})
    assert (result["status"], result["reason"]) == ("infeasible", "8,000,000,000,003 parameters, more than 1,000,000")


@pytest.mark.slow
def test_a_latency_within_its_limit_is_recorded(begin):
    result = run(begin(constraints={"max_parameters": 15, "max_latency_ms": 10_000.0}))
    assert (result["status"], 0 < result["latency_ms"] < 10_000) == ("finished", True)


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"learning_rate": 1e30, "optimizer": "sgd"}, "Training diverged: the loss"),
        ({"optimizer": "lazy_adam", "clip_norm": 1.0}, "lazy_adam does not support accumulation"),
    ],
)
def test_a_failure_has_its_reason_and_does_not_end_the_search(begin, chosen, reason):
    search = begin()
    result = run(search, **chosen)
    assert result["status"] == "failed"
    assert reason in result["reason"]
    assert run(search, name="0001")["status"] == "finished"


@pytest.mark.slow
def test_out_of_memory_is_a_failure(begin, monkeypatch):
    def grow(*_, **__):
        raise MemoryError("no more")

    monkeypatch.setattr(trials, "begin_training", grow)
    expected = "out of memory; smaller batches or a smaller model may fit (MemoryError: no more)"
    assert run(begin())["reason"] == expected


def test_a_trial_whose_process_is_killed_repeatedly_fails(begin):
    search = begin()
    for attempt in range(1, 4):
        directory = search.trial_directory("0000")
        directory.mkdir(parents=True, exist_ok=True)
        trial = {"name": "0000", "settings": {}, "worker": "worker-0", "attempts": attempt, "spent": 1.0}
        (directory / TRIAL_FILE).write_text(json.dumps(trial))
    result = run(search)
    assert result["reason"] == "its process was killed 3 times, last by SIGKILL; a common cause is too little memory"


@pytest.mark.slow
def test_a_stopped_trial_resumes(begin, monkeypatch, tmp_path):
    search = begin()
    straight = run(search, epochs=4)
    from zoo.training.checkpointing import Checkpointing

    end_of_epoch = Checkpointing.on_epoch_end

    def interrupt(self, epoch, logs=None):
        end_of_epoch(self, epoch, logs)
        if epoch == 1:
            self._save_all()
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpointing, "on_epoch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(search, name="0001", epochs=4)
    (_, stopped) = search.trials
    assert stopped.status == "running"
    began = []
    monkeypatch.setattr(trials, "begin_training", lambda *_, **__: began.append(1))
    resumed = run(search, name="0001", epochs=4)
    assert not began
    assert resumed["scores"] == straight["scores"]
    assert resumed["attempts"] == 1  # a stop is not a failure


@pytest.mark.slow
def test_the_best_run_is_an_ordinary_run_tested_once(begin, tmp_path):
    search = begin()
    run(search)
    run(search, name="0001", learning_rate=1e-6)
    finish(str(search.directory), None)
    best = Search.open(search.directory).best_run
    assert best.status == "finished"
    assert best.metrics == zoo.evaluate(best).metrics
    again = zoo.train(config=search.directory / "best.yaml", out=tmp_path / "again", verbose=0)
    assert again.metrics == best.metrics
    assert (best.directory / "report.html").is_file()


@pytest.mark.slow
def test_the_best_settings_can_be_retrained_on_train_and_validation(begin, tmp_path):
    search = begin(folds=2, retrain=True)
    run(search)
    finish(str(search.directory), None)
    best = search.best_run
    assert dict(best.info.num_examples) == {"train": 128, "test": 22}
    assert best.settings["data.validation"] == 0
    again = zoo.train(config=search.directory / "best.yaml", out=tmp_path / "again", verbose=0)
    assert again.metrics == best.metrics


def test_a_survey_knows_task_data_and_settings(begin):
    known = survey(asked(begin, {"*": "default", "learning_rate": [0.1, 0.01]}), None)
    assert known.task == "tabular_classification"
    assert known.fingerprint == zoo.load_data("iris").info.fingerprint
    assert (known.max_epochs, known.space) == (2, {"learning_rate": [0.01, 0.1]})


def test_changed_data_end_the_worker_but_not_the_trial(begin):
    search = begin(fingerprint="of other data")
    with pytest.raises(DataError, match="have changed since the search started"):
        run(search)
    assert [trial.status for trial in search.trials] == ["running"]


def test_a_full_disk_ends_the_worker_but_not_the_trial(begin, monkeypatch):
    def full(*_, **__):
        raise OSError("No space left on device")

    search = begin()
    with monkeypatch.context() as patched:
        patched.setattr(trials, "begin_training", full)
        for _ in range(4):
            with pytest.raises(OSError, match="No space"):
                run(search)
    assert run(search)["status"] == "finished"


def test_a_full_disk_says_how_to_resume_the_search_rather_than_the_run(begin, monkeypatch):
    def full(*_, **__):
        raise ArtefactError("A file could not be written: No space left on device.")

    search = begin()
    monkeypatch.setattr(trials, "fit", full)
    with pytest.raises(ArtefactError) as told:
        run(search)
    assert not told.value.__notes__
    monkeypatch.setattr(execution, "start_engine", lambda *_: nullcontext())
    monkeypatch.setattr(execution, "call", full)
    with pytest.raises(ArtefactError) as told:
        zoo.tune(resume=search.directory)
    assert told.value.__notes__ == [f"All trials are saved. To resume: zoo tune --resume {search.directory}"]


@pytest.mark.slow
def test_a_damaged_checkpoint_restarts_the_run(begin, monkeypatch):
    search = begin()
    with monkeypatch.context() as patched:
        patched.setattr(trials, "fit", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(search)
    (search.trial_directory("0000") / "run-1" / "checkpoints" / "00000001-0.npz").write_bytes(b"damaged")
    assert run(search)["status"] == "finished"


def interrupt(*_):
    raise KeyboardInterrupt


def test_an_unexpected_error_keeps_its_traceback(begin, monkeypatch):
    monkeypatch.setattr(trials, "begin_training", lambda *_, **__: 1 / 0)
    result = run(begin())
    assert result["reason"] == "ZeroDivisionError: division by zero"
    assert "begin_training" in result["traceback"]


@pytest.mark.slow
def test_settings_that_a_chosen_schedule_does_not_use_are_omitted(begin):
    result = run(begin(settings={"epochs": 2}), schedule="cosine", plateau_patience=2)
    assert result["status"] == "finished"


@pytest.mark.slow
def test_a_plateau_schedule_does_not_prevent_retraining(begin):
    search = begin(settings={"epochs": 2, "schedule": "plateau", "plateau_patience": 2, "monitor": "loss"}, retrain=True)
    run(search)
    finish(str(search.directory), None)
    assert search.best_run.settings["schedule"] == "constant"


@pytest.mark.slow
def test_retraining_uses_the_epochs_of_the_scored_model(begin):
    search = begin(settings={"epochs": 5, "keep": "best", "monitor": "loss"}, retrain=True)
    run(search, learning_rate=0.5, schedule="constant", warmup=0.0)
    history = zoo.Run.open(search.trial_directory("0000") / "run-1").history["val_loss"]
    finish(str(search.directory), None)
    assert search.best_run.settings["epochs"] == 1 + history.index(min(history))
