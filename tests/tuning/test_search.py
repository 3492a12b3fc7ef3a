"""A search directory: its content, errors, and the models that it keeps."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest

import zoo
from zoo.artefacts.files import read_json, write_json
from zoo.errors import ArtefactError, UsageError
from zoo.tuning.search import Search, elapsed, keep_best_only, locked, seconds_before, update_search
from zoo.tuning.spec import SearchSpec, check_same


def test_best_trials_come_first_and_equal_ones_by_size(begin, end):
    search = begin()
    for name, objective, parameters in (("0000", 0.5, 10), ("0001", 0.9, 20), ("0002", 0.9, 10)):
        end(search, name, objective, parameters=parameters)
    end(search, "0003", status="failed", reason="it is broken")
    assert [trial.name for trial in search.best_trials] == ["0002", "0001", "0000"]
    assert search.best_trial.name == "0002"
    assert [trial.status for trial in search.trials] == ["finished"] * 3 + ["failed"]


def test_the_lowest_score_is_best_for_direction_min(begin, end):
    search = begin(objective={"name": "loss", "direction": "min"})
    end(search, "0000", 0.5)
    end(search, "0001", 0.4)
    assert search.best_trial.name == "0001"


def test_a_search_without_a_finished_trial_has_no_best(begin):
    with pytest.raises(ArtefactError, match="No trial has finished"):
        _ = begin().best_trial


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("space", {"batch_size": [16, 32]}, "space batch_size: then [16, 32, 64, 128], now [16, 32]"),
        ("fingerprint", "def", "fingerprint: then"),
        ("settings", {"epochs": 3}, "settings epochs: then 2, now 3"),
        ("objective", {"name": "loss", "direction": "min"}, "objective direction: then max, now min"),
        ("seed", 1, "seed: then 0, now 1"),
        ("folds", 5, "folds: then None, now 5"),
    ],
)
def test_a_different_search_in_the_directory_is_rejected_with_the_difference(begin, name, value, shown):
    search = begin()
    check_same(search.spec, search.spec, search.directory)
    with pytest.raises(UsageError) as refused:
        check_same(search.spec, search.spec.model_copy(update={name: value}), search.directory)
    assert shown in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("versions", {"keras": "4"}, "versions keras: then 3, now 4"), ("factory", "2", "factory: then 1, now 2")],
)
def test_other_packages_and_another_factory_are_a_warning(begin, caplog, name, value, shown):
    search = begin()
    check_same(search.spec, search.spec.model_copy(update={name: value}), search.directory)
    assert shown in caplog.text


def test_a_search_of_version_0_1_opens_and_resumes(begin, caplog):
    search = begin()
    content = {**search.content, "code": {"zoo/a.py": "1"}}
    del content["factory"]
    write_json(search.directory / "search.json", content)
    check_same(Search.open(search.directory).spec, search.spec, search.directory)
    assert caplog.text == ""


def test_a_search_is_frozen_and_the_former_name_of_its_run_is_explained(begin):
    search = begin()
    with pytest.raises(FrozenInstanceError):
        search.directory = search.directory / "other"
    with pytest.raises(AttributeError, match=r"Use `Search\.best_run`"):
        _ = search.best
    assert SearchSpec.model_validate(search.content) == search.spec


def test_only_the_best_keep_their_models(begin, end):
    search = begin(keep=2)
    for name, objective in (("0000", 0.1), ("0001", 0.3), ("0002", 0.2)):
        end(search, name, objective)
    end(search, "0003", status="failed")
    for name in ("0000", "0001", "0002", "0003", "0004"):
        run = search.trial_directory(name) / "run-1"
        (run / "checkpoints").mkdir(parents=True)
        for part in ("model.keras", "history.csv", "checkpoints/1.npz"):
            (run / part).touch()
    keep_best_only(search)
    kept = sorted(path.parent.parent.name for path in search.directory.rglob("model.keras"))
    assert kept == ["0001", "0002", "0004"]  # the last trial is running
    assert sorted(path.parent.parent.parent.name for path in search.directory.rglob("1.npz")) == kept
    assert len([*search.directory.rglob("history.csv")]) == 5


def test_a_directory_without_a_search_is_rejected(tmp_path, begin):
    with pytest.raises(ArtefactError, match="There is no search here"):
        zoo.Search.open(tmp_path)
    search = begin()
    path = search.directory / "search.json"
    path.write_text(json.dumps({**search.content, "format": 2}))
    with pytest.raises(ArtefactError, match=r"another format: format: .*Received: 2"):
        Search.open(search.directory)


def test_time_accumulates_over_sessions(begin, monkeypatch):
    search = begin(seconds=100.0)
    assert elapsed(search) == 100.0
    monkeypatch.setattr("time.time", lambda: 1010.0)
    assert elapsed(update_search(search, session_begun=1000.0)) == 110.0


def test_only_one_process_may_search_in_a_directory(begin):
    search = begin()
    with locked(search), pytest.raises(UsageError, match="Another process uses this"), locked(search):
        pass
    with locked(search):  # released
        pass


def test_a_killed_session_counts_up_to_its_last_trial(begin, end):
    search = begin(seconds=5.0)
    assert seconds_before(search) == 5.0
    end(search, "0000", 0.5, ended_s=17.0)
    assert seconds_before(search) == 17.0


def test_damaged_files_of_trials_are_renamed(begin, end):
    search = begin()
    for name in ("0000", "0001"):
        end(search, name, 0.5)
    (search.trial_directory("0001") / "result.json").write_text("")
    with locked(search):
        assert not (search.trial_directory("0001") / "result.json").exists()
    assert (search.trial_directory("0001") / "result.json.damaged").read_text() == ""
    assert [trial.status for trial in Search.open(search.directory).trials] == ["finished", "running"]


def test_an_unfinished_trial_of_an_ended_search_is_stopped(begin, end):
    search = begin()
    end(search, "0000", 0.5)
    (search.trial_directory("0000") / "result.json").unlink()
    search = update_search(search, status="finished")
    assert search.trials[0].status == "stopped"


def test_a_damaged_search_says_what_is_missing(begin):
    search = begin()
    content = read_json(search.directory / "search.json")
    del content["space"]
    write_json(search.directory / "search.json", content)
    with pytest.raises(ArtefactError, match=r"damaged: space: Field required.*search\.json"):
        Search.open(search.directory)
    write_json(search.directory / "search.json", {**content, "format": 2})
    with pytest.raises(ArtefactError, match=r"another format: format: .*Received: 2"):
        Search.open(search.directory)


def test_what_varies_is_the_space_and_with_hyperband_the_epochs(begin):
    assert set(begin(algorithm="hyperband", max_epochs=9).spec.varied) == {"batch_size", "epochs"}
