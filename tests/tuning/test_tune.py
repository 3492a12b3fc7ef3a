"""Whole searches in processes: parallel, killed, resumed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import tensorflow as tf

import zoo
from zoo.cli.main import main
from zoo.errors import ArtefactError, UnknownNameError, UsageError, ZooError
from zoo.tuning import execution
from zoo.tuning.request import read_request
from zoo.tuning.spec import Limits

QUICK = {"data": "iris", "epochs": 2, "verbose": 0, "space": {"*": "default", "learning_rate": [0.001, 0.01, 0.1]}}
COMMAND = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())", "tune"]
WORDS = [
    "linear",
    "--data",
    "iris",
    "--set",
    "epochs=60",
    "--space",
    "*=default",
    "--space",
    "learning_rate={min: 0.01, max: 0.1}",
]
WITHIN = 90.0  # seconds


def started(directory: Path, *words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *WORDS, "--out", str(directory), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition, what: str) -> None:
    until = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def results(directory: Path) -> dict[str, dict]:
    found = (path for path in directory.glob("trials/*/result.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in found}


def server_of(process: subprocess.Popen) -> psutil.Process:
    """Return the fork server of a search; the other child is Python's resource tracker."""
    return next(each for each in living_children(process.pid) if any("forkserver" in word for word in each.cmdline()))


def check_whole(directory: Path, count: int) -> None:
    """Check that all trials finished exactly once."""
    found = results(directory)
    assert sorted(found) == [f"{number:04}" for number in range(count)]
    assert {each["status"] for each in found.values()} == {"finished"}
    state = json.loads((directory / "oracle" / "oracle.json").read_text())
    assert sorted(state["end_order"]) == sorted(found)
    assert len({each["settings"]["learning_rate"] for each in found.values()}) == count


def is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def living_children(pid: int) -> list[psutil.Process]:
    """Return living child processes, without zombies."""
    return [child for child in psutil.Process(pid).children() if not is_gone(child)]


@pytest.mark.slow
def test_a_search_from_python(tmp_path):
    search = zoo.tune("linear", trials=3, workers=2, keep=1, out=tmp_path / "s", **QUICK)
    best = search.best_run
    assert best.metrics == zoo.Search.open(tmp_path / "s").best_run.metrics == zoo.evaluate(best).metrics
    assert not psutil.Process().children() or "resource_tracker" in str(psutil.Process().children()[0].cmdline())
    assert [trial.status for trial in search.trials] == ["finished"] * 3
    assert search.trials[0].settings == {"learning_rate": 0.01}
    assert {trial.worker for trial in search.trials} == {"worker-0", "worker-1"}
    assert [path.parent.parent.name for path in sorted(search.directory.glob("trials/*/run-1/model.keras"))] == [
        search.best_trial.name
    ]
    assert (search.directory / "report.html").is_file()
    assert {path.name for path in search.directory.iterdir()} == {
        "search.json", "trials", "oracle", "best", "best.yaml", "report.html", ".lock",
    }  # fmt: skip
    assert zoo.tune(resume=search.directory, verbose=0).best_run.metrics == best.metrics  # it has finished
    with pytest.raises(UsageError, match="model: then linear, now mlp"):
        zoo.tune("mlp", trials=3, out=search.directory, **QUICK)


@pytest.mark.slow
def test_killed_trials_and_a_killed_fork_server_lose_nothing(tmp_path):
    process = started(tmp_path / "s", "--trials", "6", "--workers", "2")
    begun = tmp_path / "s" / "trials"
    wait_for(lambda: len([*begun.glob("*/run-1/checkpoints/*.npz")]) >= 2, "no trial began")
    victim = server_of(process).children()[0]
    victim.kill()
    wait_for(lambda: is_gone(victim), "the trial's process lives")
    wait_for(lambda: len(results(tmp_path / "s")) >= 2, "no trial finished")
    server_of(process).kill()
    out, err = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, err
    check_whole(tmp_path / "s", 6)
    assert "Test part" in out
    assert max(each["attempts"] for each in results(tmp_path / "s").values()) >= 2


@pytest.mark.slow
def test_a_killed_search_leaves_no_process_and_is_resumed(tmp_path):
    process = started(tmp_path / "s", "--trials", "4", "--workers", "2")
    wait_for(lambda: len(results(tmp_path / "s")) >= 1, "no trial finished")
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    for each in family:
        wait_for(lambda each=each: is_gone(each), "a process of the search lives on")
    before = results(tmp_path / "s")
    assert main(["tune", "--resume", str(tmp_path / "s"), "--quiet"]) == 0
    check_whole(tmp_path / "s", 4)
    after = results(tmp_path / "s")
    assert {name: after[name] for name in before} == before


@pytest.mark.slow
def test_a_stopped_search_says_how_to_resume_and_the_same_command_does(tmp_path):
    process = started(tmp_path / "s", "--trials", "3")
    wait_for(lambda: [*(tmp_path / "s").glob("trials/*/run-1/checkpoints/*.npz")], "no trial began")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=WITHIN)
    assert process.returncode == 1
    assert f"To resume: zoo tune --resume {tmp_path / 's'}" in err
    assert json.loads((tmp_path / "s" / "search.json").read_text())["status"] == "interrupted"
    with pytest.raises(UsageError, match="settings epochs: then 60, now 61"):
        zoo.tune(
            "linear",
            data="iris",
            epochs=61,
            space={"*": "default", "learning_rate": {"min": 0.01, "max": 0.1}},
            out=tmp_path / "s",
        )
    again = started(tmp_path / "s", "--trials", "3")
    _, err = again.communicate(timeout=WITHIN)
    assert again.returncode == 0, err
    check_whole(tmp_path / "s", 3)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["arrays", "frame", "tf.data"])
def test_data_in_memory_reach_the_trials(tmp_path, form):
    data = zoo.load_data("iris")
    features, labels = (np.concatenate(part) for part in zip(*data.train.as_numpy_iterator(), strict=True))
    given = {"arrays": (features, labels), "tf.data": tf.data.Dataset.from_tensor_slices((features, labels)).batch(10)}
    if form == "frame":
        import pandas as pd

        given["frame"] = pd.DataFrame(features).assign(label=labels.astype(str))
    out = tmp_path / "s"
    search = zoo.tune("linear", trials=1, out=out, **{**QUICK, "data": given[form]}, task="tabular_classification")
    assert search.best_run.status == "finished"
    with pytest.raises(UsageError, match="but not data in memory"):
        zoo.tune(resume=out, trials=2)
    assert zoo.tune(resume=out, trials=2, data=given[form], verbose=0).status == "finished"
    assert len(zoo.Search.open(out).trials) == 2


@pytest.mark.slow
def test_too_many_failures_end_a_search_with_the_reason(tmp_path):
    space = {"*": "default", "model.num_heads": [3, 5, 7], "model.hidden_dim": [32, 64]}
    with pytest.raises(ZooError, match=r"No trial finished: 5 failed.*`num_heads` must divide"):
        zoo.tune(
            "transformer",
            data="reviews_sample",
            epochs=1,
            trials=20,
            space=space,
            model_arguments={"intermediate_dim": 8},
            out=tmp_path / "s",
            verbose=0,
        )
    assert zoo.Search.open(tmp_path / "s").status == "failed"


@pytest.mark.slow
def test_a_fork_server_that_is_killed_before_the_first_trial_is_started_again(tmp_path):
    process = started(tmp_path / "s", "--trials", "2")
    wait_for(lambda: [each for each in living_children(process.pid) if "forkserver" in str(each.cmdline())], "nothing forks")
    server = server_of(process)
    wait_for(lambda: server.children(), "nothing is forked")  # it reads the data
    server.kill()
    _, err = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, err
    check_whole(tmp_path / "s", 2)


@pytest.mark.slow
def test_deleted_or_damaged_files_are_recreated(tmp_path):
    words = {**QUICK, "data": None, "out": tmp_path / "s"}
    written = tmp_path / "search.yaml"
    written.write_text("model: linear\ndata: iris\nalgorithm: grid\ntrials: 2\n")
    search = zoo.tune(config=written, **words)
    best = search.best_run
    assert (search.spec.algorithm, len(search.trials)) == ("grid", 2)
    shutil.rmtree(search.directory / "best")
    assert zoo.tune(resume=search.directory, verbose=0).best_run.metrics == best.metrics
    (search.directory / "best.yaml").unlink()
    zoo.tune(config=written, **words)
    assert (search.directory / "best.yaml").is_file()
    shutil.rmtree(search.trial_directory("0001"))
    (search.trial_directory("0000") / "result.json").write_text("")
    zoo.tune(config=written, **{**words, "trials": 3})
    assert [trial.status for trial in zoo.Search.open(search.directory).trials] == ["finished"] * 3
    (search.directory / "oracle" / "oracle.json").write_text("")
    with pytest.raises(ArtefactError, match=r"oracle/oracle\.json"):
        zoo.tune(config=written, **{**words, "trials": 4})


@pytest.mark.slow
def test_a_constraint_that_no_trial_meets_is_named(tmp_path):
    space = {"*": "default", "model.units": [[units] for units in range(16, 96)]}
    with pytest.raises(ZooError, match=r"0 failed, 5[01] violated.*for example: \d{3} parameters, more than 10\b"):
        zoo.tune("mlp", data="iris", space=space, max_parameters=10, out=tmp_path / "s", workers=2, verbose=0)


@pytest.mark.parametrize(("trials", "is_done"), [(None, True), (1, True), (2, False), (3, False)])
def test_a_trial_stopped_by_the_time_limit_is_finished_on_resume(tmp_path, trials, is_done):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "run.json").write_text("{}")
    (tmp_path / "best.yaml").write_text("")
    there = [SimpleNamespace(status=status) for status in ("finished", "stopped", "infeasible")]
    search = SimpleNamespace(directory=tmp_path, trials=there, status="finished")
    assert execution._is_done(search, Limits(trials=trials)) is is_done


@pytest.mark.slow
def test_a_time_limit_ends_a_search_and_more_time_resumes_it(tmp_path):
    begun = time.monotonic()
    zoo.tune(
        "linear",
        minutes=0.3,
        out=tmp_path / "s",
        **{**QUICK, "epochs": 300, "space": {"*": "default", "learning_rate": {"min": 0.01, "max": 0.1}}},
    )
    assert time.monotonic() - begun < WITHIN
    search = zoo.Search.open(tmp_path / "s")
    running = [trial.name for trial in search.trials if trial.status == "stopped"]
    assert search.status == "finished"
    assert search.best_trials
    zoo.tune(resume=tmp_path / "s", trials=len(search.trials), verbose=0)
    assert {trial.status for trial in zoo.Search.open(tmp_path / "s").trials} == {"finished"}
    assert all(name in results(tmp_path / "s") for name in running)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"algorithm": "annealing"}, "algorithm: Input should be 'random', 'bayesian', 'hyperband' or 'grid'"),
        ({"algorithm": "hyperband", "space": {"epochs": [1, 2]}}, "Hyperband chooses the epochs"),
        ({"repeats": 0}, "repeats: Input should be greater than or equal to 1. Received: 0"),
        ({"trail": 3}, "Did you mean 'trials'"),
        ({"config": {"algoritm": "grid"}}, "Did you mean 'algorithm'"),
        ({"config": 3}, "Pass a YAML file or a mapping"),
        ({"config": {"trials": 0}}, "trials: Input should be greater than 0"),
        ({"space": {"batch_size": {"min": 16, "max": 33.5}}}, "`batch_size` is not accepted"),
        ({"address": "127.0.0.1:9999"}, "pass ray='HOST:PORT', or run: zoo tune MODEL --ray HOST:PORT"),
        ({"join": "127.0.0.1:9999"}, "pass ray='HOST:PORT', or run: zoo tune MODEL --ray HOST:PORT"),
        ({"trials": 0}, "trials: Input should be greater than 0"),
        ({"minutes": -1}, "minutes: Input should be greater than 0"),
        ({"folds": 1}, "folds: Input should be greater than or equal to 2"),
        ({"workers": 0}, "workers: Input should be greater than 0"),
        ({"config": {"workers": 2}}, "Received: 'workers'"),
        ({"max_parameters": 0}, "max_parameters"),
        ({"space": [1]}, "A space must map settings"),
        ({"space": {"model.unitss": [1, 2]}}, "Unknown setting"),
        ({"space": {"model.dropout": [0.1, 1.5]}}, "`dropout` of model 'mlp' is not accepted"),
        ({"space": {"batch_size": [0, 8]}}, "`batch_size` is not accepted"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
        ({"folds": 3, "data_arguments": {"fold": (1, 2)}}, "Folds divide train and validation"),
        ({"data_arguments": {"validation": 0}}, "Trials are scored on the validation part"),
        ({"seed": 2**32 - 1}, "seed: Input should be less than"),
        ({"trials": True}, "trials: Input should be a valid integer. Received: True"),
        ({"minutes": "3"}, "minutes: Input should be a valid number. Received: '3'"),
        ({"config": {"repeats": 3.0}}, "repeats: Input should be a valid integer. Received: 3.0"),
        ({"model_arguments": {"dropout": None}}, "`dropout` of model 'mlp' is not accepted"),
        ({"keep": "worst"}, "`keep` is not accepted"),
    ],
)
def test_a_wrong_call_is_rejected_before_anything_starts(tmp_path, arguments, message):
    with pytest.raises(UsageError) as refused:
        zoo.tune("mlp", data="iris", out=tmp_path / "s", **arguments)
    assert message in str(refused.value)
    assert not (tmp_path / "s").exists()


def test_keep_is_a_number_of_trials_or_the_epoch_that_each_keeps(tmp_path, monkeypatch):
    file = tmp_path / "config.yaml"
    file.write_text("keep: best")
    spec, limits = read_request("mlp", "iris", file, {"keep": 2})
    assert (spec.settings["keep"], limits.keep) == ("best", 2)
    seen = []

    def stop(spec, *_, **__):
        seen.append(spec)
        raise ZooError("stopped before the search")

    monkeypatch.setattr("zoo.tuning.execution.run_search", stop)
    assert main(["tune", "mlp", "--data", "iris", "--set", "keep=best"]) == 1
    assert seen[0].settings == {"keep": "best"}


def test_unsearchable_models_and_data_are_rejected(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'lstm'"):
        zoo.tune("lstmm", data="iris", out=tmp_path / "s")
    with pytest.raises(UsageError, match="A search builds models by name"):
        zoo.tune(zoo.build("linear"), data="iris", out=tmp_path / "s")
    with pytest.raises(UsageError, match="Pass their source, for example data='iris'"):
        zoo.tune("linear", data=zoo.load_data("iris"), out=tmp_path / "s")
    endless = tf.data.Dataset.from_tensor_slices(([[1.0]], [1])).repeat()
    with pytest.raises(UsageError, match="The data must be finite"):
        zoo.tune("linear", data=endless, out=tmp_path / "s")
    with pytest.raises(UsageError, match="cannot be sent to other processes"):
        zoo.tune("linear", data=(row for row in [1]), out=tmp_path / "s")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "mine.txt").touch()
    with pytest.raises(ZooError, match="zoo does not overwrite it"):
        zoo.tune("linear", data="iris", out=tmp_path / "s")


def test_a_resumed_search_accepts_no_other_settings(tmp_path):
    with pytest.raises(UsageError, match="epochs with resume"):
        zoo.tune(resume=tmp_path, epochs=3)


def test_the_former_options_for_several_machines_name_ray(tmp_path, capsys):
    assert main(["tune", "--join", str(tmp_path), "--address", "127.0.0.1:1"]) == 2
    assert "zoo tune MODEL --ray HOST:PORT" in capsys.readouterr().err
