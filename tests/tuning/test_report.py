"""A search's report, the importance of settings, and the live table."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from zoo.tuning.report import best_so_far, importance_of, report_page, write_report
from zoo.tuning.table import clock, shown_trials

SPACE = {
    "space": {
        "learning_rate": {"min": 1e-4, "max": 1e-2, "sampling": "log"},
        "model.units": [[8], [16]],
        "optimizer": ["a", "b"],
    },
    "defaults": {"learning_rate": 1e-3, "model.units": [8], "optimizer": "a"},
}


@pytest.fixture
def searched(begin, end):
    """A search of 30 trials in which only the learning rate affects the objective."""
    search = begin(**SPACE)
    generator = np.random.default_rng(0)
    for number in range(30):
        rate = float(10 ** generator.uniform(-4, -2))
        settings = {"learning_rate": rate, "model.units": [[8], [16]][number % 2], "optimizer": "ab"[generator.integers(2)]}
        end(search, f"{number:04}", (np.log10(rate) + 4) / 2, settings=settings, parameters=100, ended_s=float(number))
    return search


def test_the_only_relevant_setting_is_the_most_important(searched):
    shares, explained = importance_of(searched)
    assert next(iter(shares)) == "learning_rate"
    assert shares["learning_rate"] > 0.9
    assert sum(shares.values()) == pytest.approx(1.0)
    assert explained > 0.7


@pytest.mark.slow
def test_random_scores_explain_nothing(begin, end):
    search = begin(**SPACE)
    generator = np.random.default_rng(1)
    for number in range(30):
        settings = {"learning_rate": float(10 ** generator.uniform(-4, -2)), "model.units": [8], "optimizer": "a"}
        end(search, f"{number:04}", float(generator.uniform()), settings=settings)
    assert importance_of(search)[1] < 0.2


def test_few_trials_give_no_importance(begin, end):
    search = begin(**SPACE)
    end(search, "0000", 0.5, settings=SPACE["defaults"])
    assert importance_of(search) is None
    assert "too few finished trials" in report_page(search)


def test_the_best_so_far_follows_the_direction(begin):
    search = begin()
    assert best_so_far(search, [0.2, 0.1, 0.3]).tolist() == [0.2, 0.2, 0.3]
    falling = replace(search, spec=search.spec.model_copy(update={"objective": {"name": "loss", "direction": "min"}}))
    assert best_so_far(falling, [0.2, 0.1, 0.3]).tolist() == [0.2, 0.1, 0.1]


def test_the_page_has_every_part_and_escapes_the_users_markup(searched, end):
    end(searched, "0030", status="failed", reason="<b>broken</b>", settings=SPACE["defaults"])
    write_report(str(searched.directory))
    page = (searched.directory / "report.html").read_text(encoding="utf-8")
    for title in ("Objective", "Importance", "Settings and objective", "Learning curves", "Trials", "Space"):
        assert f"<h2>{title}</h2>" in page
    assert page.count("data:image/png;base64") == 3  # no histories here, so no curves
    assert "&lt;b&gt;broken&lt;/b&gt;" in page
    assert "31 trials (30 finished, 1 failed)" in page
    assert "{max: 0.01, min: 0.0001, sampling: log}" in page


def test_learning_curves_are_those_of_the_objective(begin, end):
    search = begin()
    end(search, "0000", 0.5)
    run = search.trial_directory("0000") / "run-1"
    run.mkdir()
    (run / "history.csv").write_text("epoch,loss,val_loss,val_accuracy\n1,0.5,0.6,0.4\n2,0.4,0.5,0.5\n")
    assert 'alt="learning curves"' in report_page(search)


def test_a_search_without_trials_has_a_page(begin):
    assert "0 trials (none yet)" in report_page(begin())


def lines_of(search, monkeypatch, **console):
    """Return the output of the table for a search whose trials end one by one."""
    written = io.StringIO()
    monkeypatch.setattr("zoo.tuning.table.Console", lambda **_: Console(file=written, **console))
    return written


def test_without_a_terminal_each_trial_has_a_line(begin, end, monkeypatch):
    search = begin()
    written = lines_of(search, monkeypatch, width=200)
    with shown_trials(search, 1, "auto") as show:
        end(search, "0000", 0.5)
        show()
        show()
        end(search, "0001", status="failed", reason="its loss became nan")
        show()
    first, second = written.getvalue().splitlines()
    assert first == "Trial 0000  accuracy 0.5000  (best so far)  0:01  0:03 left  batch_size 16"
    assert second.startswith("Trial 0001  failed: its loss became nan  0:01  0:02 left")


def test_a_terminal_has_a_table_with_the_time_left(begin, end, monkeypatch):
    search = begin()
    written = lines_of(search, monkeypatch, width=100, height=20, force_terminal=True)
    end(search, "0000", 0.5)
    with shown_trials(search, 2, 1) as show:
        show()
    text = written.getvalue()
    assert "accuracy (max)" in text
    row = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert re.search(r"0000 +finished +0.5000 +0:01 +batch_size 16", row)  # other columns leave room for the settings
    assert "1 finished of 4 trials; best accuracy 0.5000 in trial 0000  0:02 left" in text


def test_quiet_is_quiet(begin, end, monkeypatch):
    search = begin()
    written = lines_of(search, monkeypatch)
    with shown_trials(search, 1, 0) as show:
        end(search, "0000", 0.5)
        show()
    assert written.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (7.4, "0:07"), (3723, "1:02:03")])
def test_time_is_formatted_readably(seconds, text):
    assert clock(seconds) == text
