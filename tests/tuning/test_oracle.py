"""Trials that an oracle hands out, and its recovery after a kill between any two files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from zoo.artefacts.files import write_json
from zoo.errors import ArtefactError
from zoo.tuning import oracle as oracles
from zoo.tuning.oracle import make_oracle
from zoo.tuning.search import ALL_TRIED, Search


def ask(oracle, worker="worker-0"):
    return oracle.create_trial(worker)


@pytest.fixture
def finish(end):
    """Return a function that ends a trial as a worker does."""

    def finished(oracle, search, trial, objective=0.5, status="finished"):
        end(search, trial.trial_id, objective if status == "finished" else None, status, reason=f"it is {status}")
        oracle.finish_trial(trial, objective if status == "finished" else None)

    return finished


def again(search):
    """Return the oracle of a search that is resumed."""
    return make_oracle(Search.open(search.directory))


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_the_first_trial_has_the_initial_settings(begin, algorithm, finish):
    trial = ask(make_oracle(begin(algorithm=algorithm, max_epochs=9)))
    assert trial.hyperparameters.values["batch_size"] == 32


@pytest.mark.parametrize("seed", [0, 7])
def test_the_seed_determines_the_trials(begin, seed, tmp_path, finish):
    search = begin(seed=seed, space={"learning_rate": {"min": 0.1, "max": 1.0}}, defaults={"learning_rate": 0.1})

    def values():
        oracle = make_oracle(search)
        found = [ask(oracle, f"worker-{number}").hyperparameters.values["learning_rate"] for number in range(3)]
        shutil.rmtree(search.directory / "oracle")
        return found

    assert values() == values()
    assert len(set(values())) == 3


@pytest.mark.parametrize(("trials", "random"), [(4, 3), (20, 6), (100, 10), (None, 10)])
def test_a_bayesian_search_starts_with_some_random_trials(begin, trials, random):
    search = begin(algorithm="bayesian", trials=trials, minutes=None if trials else 1)
    assert make_oracle(search).num_initial_points == random


def test_a_search_ends_after_its_trials_without_counting_infeasible_ones(begin, finish):
    search = begin(trials=2)
    oracle = make_oracle(search)
    finish(oracle, search, ask(oracle), status="infeasible")
    finish(oracle, search, ask(oracle))
    assert oracle.end_reason() is None
    finish(oracle, search, ask(oracle))
    assert ask(oracle).status == "STOPPED"
    assert oracle.end_reason() == "the limit of 2 trials was reached"


def test_too_many_failures_in_a_row_end_a_search_but_not_a_resumed_one(begin, monkeypatch, finish):
    monkeypatch.setattr(oracles, "FAILURES", 2)
    search = begin(trials=None, minutes=1)
    oracle = make_oracle(search)
    finish(oracle, search, ask(oracle), status="failed")
    finish(oracle, search, ask(oracle), status="infeasible")
    finish(oracle, search, ask(oracle), status="failed")
    assert oracle.end_reason() == "2 trials in a row failed"
    assert ask(oracle).status == "STOPPED"
    assert again(search).end_reason() is None


def test_a_constraint_that_no_trial_meets_ends_every_session(begin, monkeypatch, end):
    monkeypatch.setattr(oracles, "INFEASIBLE", 3)
    search = begin(trials=9, space={"batch_size": list(range(1, 40))})
    oracle = make_oracle(search)
    for _ in range(3):
        trial = ask(oracle)
        end(search, trial.trial_id, status="infeasible")
        trial.status = "FAILED"
        oracle.end_trial(trial)
    for each in (oracle, again(search)):
        assert ask(each).status == "STOPPED"
        assert each.end_reason() == "3 trials in a row violated a constraint"


def test_a_trial_with_a_lost_result_runs_again(begin, finish):
    search = begin()
    oracle = make_oracle(search)
    for _ in range(2):
        finish(oracle, search, ask(oracle))
    shutil.rmtree(search.trial_directory("0001"))
    oracle = again(search)
    trial = ask(oracle)
    assert (trial.trial_id, trial.status) == ("0001", "RUNNING")
    finish(oracle, search, trial)
    assert ask(oracle).trial_id == "0002"


@pytest.mark.parametrize("damaged", ["oracle.json", "trial_0000/trial.json", "trial_0000"])
def test_a_damaged_state_of_keras_tuner_is_named(begin, finish, damaged):
    search = begin()
    oracle = make_oracle(search)
    finish(oracle, search, ask(oracle))
    path = search.directory / "oracle" / damaged
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_text("{")
    with pytest.raises(ArtefactError, match="damaged") as caught:
        again(search)
    assert str(search.directory / "oracle") in str(caught.value)


def test_trials_without_a_state_of_keras_tuner_are_refused(begin, finish):
    search = begin()
    oracle = make_oracle(search)
    finish(oracle, search, ask(oracle))
    shutil.rmtree(search.directory / "oracle")
    with pytest.raises(ArtefactError, match=r"oracle\.json is missing"):
        again(search)


def test_no_trial_starts_after_the_deadline(begin, finish):
    oracle = make_oracle(begin())
    oracle.deadline = 1.0
    assert ask(oracle).status == "STOPPED"


def test_a_worker_that_asks_again_gets_the_same_trial(begin, finish):
    oracle = make_oracle(begin())
    assert ask(oracle).trial_id == ask(oracle).trial_id == "0000"
    assert ask(oracle, "worker-1").trial_id == "0001"


def test_a_resumed_search_hands_unfinished_trials_to_any_worker(begin, finish):
    search = begin()
    oracle = make_oracle(search)
    ask(oracle, "worker-3")
    new = again(search)
    assert ask(new, "worker-0").trial_id == "0000"
    assert ask(new, "worker-1").trial_id == "0001"


def test_a_kill_between_any_two_files_neither_loses_nor_repeats_a_trial(begin, monkeypatch, tmp_path, finish):
    """Runs two trials once for each file written meanwhile; kills the search at that file, and resumes it."""
    search = begin(trials=3)
    writes = 0
    limit = 0

    def write(path: Path, content):
        nonlocal writes
        writes += 1
        if writes == limit:
            raise KeyboardInterrupt  # later files are not written
        write_json(path, content)

    monkeypatch.setattr(oracles, "write_json", write)

    def run_until_killed():
        oracle = make_oracle(search)
        while (trial := ask(oracle)).status == "RUNNING":
            ran.append(trial.trial_id) if not (search.trial_directory(trial.trial_id) / "result.json").is_file() else None
            finish(oracle, search, trial)
        return oracle

    whole = 0
    for limit in range(1, 100):
        shutil.rmtree(search.directory / "oracle", ignore_errors=True)
        shutil.rmtree(search.directory / "trials", ignore_errors=True)
        ran: list[str] = []
        writes = 0
        from keras_tuner.src.engine import oracle as engine

        try:
            oracle = run_until_killed()
        except KeyboardInterrupt:
            engine.LOCKS.clear()  # by the killed process
            engine.THREADS.clear()
            oracle = run_until_killed()
        else:
            whole += 1
        assert ran == ["0000", "0001", "0002"], limit
        assert sorted(oracle.end_order) == ran
        assert [trial.status for trial in oracle.trials.values()] == ["COMPLETED"] * 3
        if whole:
            break
    assert limit > 9  # it was killed in many places


def test_hyperband_starts_with_rounds_that_its_trials_fill(begin, finish):
    search = begin(
        algorithm="hyperband",
        defaults={"learning_rate": 0.1},
        max_epochs=100,
        trials=20,
        space={"learning_rate": {"min": 0.1, "max": 1.0}},
    )
    oracle = make_oracle(search)
    epochs = []
    while (trial := ask(oracle)).status == "RUNNING":
        epochs.append(trial.hyperparameters.values["tuner/epochs"])
        finish(oracle, search, trial, objective=trial.hyperparameters.values["learning_rate"])
    assert len(epochs) == 20
    assert max(epochs) == 100


def test_hyperband_reserves_its_last_trials_for_started_rounds(begin, finish):
    search = begin(
        algorithm="hyperband",
        defaults={"learning_rate": 0.1},
        max_epochs=3,
        trials=4,
        space={"learning_rate": {"min": 0.1, "max": 1.0}},
    )
    oracle = make_oracle(search)
    first, second = ask(oracle, "worker-0"), ask(oracle, "worker-1")
    finish(oracle, search, first, objective=0.9)
    third = ask(oracle, "worker-0")
    finish(oracle, search, second, objective=0.1)
    assert ask(oracle, "worker-1").status == "IDLE"  # a new round would take the last trials of this one
    finish(oracle, search, third, objective=0.1)
    fourth = ask(oracle, "worker-1")
    assert fourth.hyperparameters.values["tuner/epochs"] == 3
    assert fourth.hyperparameters.values["learning_rate"] == first.hyperparameters.values["learning_rate"]
    assert ask(oracle, "worker-0").status == "STOPPED"


def test_hyperband_replaces_failed_trials(begin, finish):
    search = begin(
        algorithm="hyperband",
        defaults={"learning_rate": 0.1},
        max_epochs=9,
        trials=None,
        space={"learning_rate": {"min": 0.1, "max": 1.0}},
    )
    oracle = make_oracle(search)
    epochs = []
    for number in range(24):
        trial = ask(oracle)
        is_bad = number % 2 and trial.hyperparameters.values["tuner/epochs"] == 1
        epochs.append(trial.hyperparameters.values["tuner/epochs"])
        finish(oracle, search, trial, status="infeasible" if is_bad else "finished")
    assert 9 in epochs


@pytest.mark.parametrize("ongoing", [0, 1])
def test_a_grid_search_resumes_at_its_position(begin, finish, ongoing):
    search = begin(
        algorithm="grid", trials=None, space={"batch_size": [16, 32], "epochs": [1, 2, 3]},
        defaults={"batch_size": 16, "epochs": 1},
    )  # fmt: skip
    seen = set()
    oracle = make_oracle(search)
    while True:
        trial = ask(oracle)
        if trial.status != "RUNNING":
            break
        seen.add(tuple(trial.hyperparameters.values.values()))
        if ongoing:  # killed while it runs
            oracle = again(search)
            assert ask(oracle).trial_id == trial.trial_id
        finish(oracle, search, trial)
        oracle = again(search)
    assert len(seen) == len(oracle.trials) == 6


def test_the_reason_for_the_end_is_recorded(begin, finish):
    search = begin(trials=None, space={"batch_size": [16, 32]})
    oracle = make_oracle(search)
    while (trial := ask(oracle)).status == "RUNNING":
        finish(oracle, search, trial)
    assert oracle.ended_because == ALL_TRIED
    assert again(search).ended_because == ""


def test_hyperband_gives_more_epochs_to_the_best(begin, finish):
    search = begin(
        algorithm="hyperband",
        defaults={"learning_rate": 0.1},
        max_epochs=9,
        trials=None,
        space={"learning_rate": {"min": 0.1, "max": 1.0}},
    )
    oracle = make_oracle(search)
    epochs = {}
    for _ in range(14):
        trial = ask(oracle)
        values = trial.hyperparameters.values
        epochs.setdefault(values["tuner/epochs"], []).append(values["learning_rate"])
        finish(oracle, search, trial, objective=values["learning_rate"])
    assert epochs[9] == [max(epochs[1])]


def test_a_grid_search_covers_the_grid(begin, finish):
    search = begin(
        algorithm="grid",
        trials=None,
        space={"batch_size": [16, 32], "epochs": [1, 2]},
        defaults={"batch_size": 16, "epochs": 1},
    )
    oracle = make_oracle(search)
    seen = []
    while (trial := ask(oracle)).status == "RUNNING":
        seen.append(tuple(trial.hyperparameters.values.values()))
        finish(oracle, search, trial)
    assert sorted(seen) == [(16, 1), (16, 2), (32, 1), (32, 2)]
