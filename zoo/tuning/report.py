"""`report.html` of a search: one self-contained page."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from zoo.artefacts.files import write_text
from zoo.evaluation import pictures
from zoo.evaluation.page import page, table
from zoo.tuning.search import Search, Trial
from zoo.tuning.space import Range, ends_of
from zoo.tuning.table import clock, counts, short, trial_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEST, OTHER = "#a4551e", "#2f6f4f"
MOST_CURVES = 40
FEWEST_TRIALS = 10  # minimum for estimating the importance of settings
TREES, REPEATS = 300, 20
WHITE = {"color": "white", "alpha": 0.8, "pad": 0.6}  # background of a label


def write_report(directory: str) -> None:
    """Write the report of a finished or unfinished search."""
    search = Search.open(directory)
    write_text(search.directory / "report.html", report_page(search))


def report_page(search: Search) -> str:
    """Return the report of a search as a page."""
    content, trials, best = search.content, search.trials, search.best_trials
    title = f"Search: {content['model']} on {content['data']}"
    direction = "higher is better" if search.direction == "max" else "lower is better"
    count = f"{len(trials)} trials ({counts(trials) or 'none yet'})"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{content['algorithm']} search, seed {content['seed']}; objective: {search.objective} on the validation part, "
        f"{direction}. {count} in {clock(content['seconds'])}; {search.status}.</p>",
    ]
    if best:
        parts += [
            _verdict(search, trials, best),
            "<h2>Objective</h2>",
            _image(_progress(search, best), "objective by trial and by time"),
            "<h2>Importance</h2>",
            *_importance(search),
            "<h2>Settings and objective</h2>",
            f"<p>Each line is a trial; a darker line has a better {search.objective}, and the best one is thick. Among equal "
            "scores, fewer parameters rank first, then earlier trials.</p>",
            _image(_parallel(search, best), "parallel coordinates"),
            "<h2>Learning curves</h2>",
            *_curves(search, best),
        ]
    columns, rows = trial_rows(search, [*best, *(trial for trial in trials if trial.objective is None)])
    parts += ["<h2>Trials</h2>", table(columns, rows, upright=True)]
    if reasons := [(trial.name, trial.reason) for trial in trials if trial.reason]:
        parts += ["<h2>Reasons</h2>", table(("trial", "reason"), reasons)]
    space = [(key, _as_yaml(found), _as_yaml(content["defaults"][key])) for key, found in content["space"].items()]
    parts += ["<h2>Space</h2>", table(("setting", "range", "initial value"), space)]
    return page(title, parts)


def _verdict(search: Search, trials: list[Trial], best: list[Trial]) -> str:
    first, top = trials[0], best[0]
    verdict = f"Best: {search.objective} {top.objective:.4f} in trial {top.name}."
    if len(top.each) > 1:
        verdict += f" Its {len(top.each)} runs had {', '.join(f'{each[search.objective]:.4f}' for each in top.each)}."
    if first.objective is not None:
        verdict += f" The first trial, with the initial settings, had {first.objective:.4f}."
    link = ' <a href="best/report.html">Its report</a> has the scores on the test part.' if search.status == "finished" else ""
    return f'<p class="verdict">{html.escape(verdict)}{link}</p>'


def _image(figure: Figure, text: str) -> str:
    return f'<div class="wide"><img style="max-width: 100%" alt="{html.escape(text)}" src="{pictures.as_source(figure)}"></div>'


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def best_so_far(search: Search, scores: Sequence[float]) -> np.ndarray:
    """Return the best score so far at each position."""
    return (np.maximum if search.direction == "max" else np.minimum).accumulate(np.asarray(scores, float))


def _progress(search: Search, best: list[Trial]) -> Figure:
    finished = sorted(best, key=lambda trial: trial.ended_s or 0.0)
    scores = [trial.objective or 0.0 for trial in finished]
    minutes = [(trial.ended_s or 0.0) / 60 for trial in finished]
    figure = _figure(9, 3.2)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, places, label in ((left, range(1, len(finished) + 1), "finished trials"), (right, minutes, "minutes")):
        axes.plot(places, scores, ".", color=OTHER, label="trial")
        axes.step(places, best_so_far(search, scores), where="post", color=BEST, label="best so far")
        axes.set_xlabel(label)
        axes.legend()
    left.set_ylabel(search.objective)
    left.locator_params(axis="x", integer=True, min_n_ticks=1)
    return figure


def _importance(search: Search) -> list[str]:
    found = importance_of(search)
    if found is None:
        return ["<p>There are too few finished trials.</p>"]
    shares, explained = found
    verdict = f"A random forest explains {explained:.0%} of the variance of unseen trials."
    if explained <= 0:
        verdict = "A random forest explains no variance of unseen trials: these shares are random. Run more trials."
    figure = _figure(7, 0.6 + 0.26 * len(shares))
    axes = figure.subplots()
    axes.barh(list(shares), list(shares.values()), color=OTHER if explained > 0 else "#d5dae0")
    axes.invert_yaxis()
    axes.set_xlabel("share of the error when the setting's values are shuffled")
    return [f"<p>{verdict}</p>", _image(figure, "importance of each setting")]


def _parallel(search: Search, best: list[Trial]) -> Figure:
    """Return a parallel-coordinates plot with horizontal axes."""
    from matplotlib import colormaps

    space, scores = search.spec.varied, [float(trial.objective or 0.0) for trial in best]
    low, high = min(scores), max(scores)
    marks = {name: [(place_in(found, value), short(value)) for value in ends_of(found)] for name, found in space.items()}
    marks[search.objective] = [(0.0, f"{low:.4f}"), (1.0, f"{high:.4f}")]
    figure = _figure(9, 0.8 + 0.42 * len(marks))
    axes = figure.subplots()
    for number, (trial, score) in reversed([*enumerate(zip(best, scores, strict=True))]):
        place = (score - low) / (high - low) if high > low else 0.5
        places = [*(place_in(found, trial.settings[name]) for name, found in space.items()), place]
        shade = colormaps["Greens"](0.25 + 0.75 * (place if search.direction == "max" else 1 - place))
        axes.plot(places, range(len(places)), color=shade if number else BEST, linewidth=1.2 if number else 3)
    for height, ends in enumerate(marks.values()):
        axes.plot((0, 1), (height, height), color="#1b1f24", linewidth=0.8, zorder=0)
        for place, text in ends:
            axes.text(place, height + 0.3, f"{text:.14}", fontsize=8, ha="center", va="center", color="#57606a", bbox=WHITE)
    axes.set_yticks(range(len(marks)), list(marks))
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_frame_on(False)
    axes.tick_params(length=0)
    return figure


def _curves(search: Search, best: list[Trial]) -> list[str]:
    """Return the validation curves of each trial's first run."""
    import pandas as pd

    paths = {trial.name: trial.directory / "run-1" / "history.csv" for trial in best[:MOST_CURVES]}
    histories = {name: pd.read_csv(path) for name, path in paths.items() if path.is_file()}
    if not histories:
        return ["<p>There are no learning curves.</p>"]
    figure = _figure(9, 3.6)
    axes = figure.subplots()
    for name, history in reversed(histories.items()):
        shown = search.objective if f"val_{search.objective}" in history else "loss"
        style: dict[str, Any] = {"color": OTHER, "linewidth": 0.8, "alpha": 0.5}
        if name == best[0].name:
            style = {"color": BEST, "linewidth": 2.5, "label": f"best, {name}"}
        axes.plot(history["epoch"], history[f"val_{shown}"], marker="." if len(history) < 3 else "", **style)
        axes.set_ylabel(f"validation {shown}")
    axes.set_xlabel("epoch")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.legend()
    return [_image(figure, "learning curves")]


def _as_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).removesuffix("...\n").strip()


def importance_of(search: Search) -> tuple[dict[str, float], float] | None:
    """Estimate the importance of each setting with a random forest; None if there are too few trials, or all are equal.

    Returns:
        The share of each setting in the forest's error when its values are shuffled (the shares sum to 1), and the forest's
        R2 on out-of-bag trials: at most 1, and 0 or less if the forest has learned nothing.

    References:
        Breiman, Random forests, Machine Learning 2001, section 10 (permutation importance).
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    trials = [trial for trial in search.trials if trial.objective is not None]
    targets = np.array([trial.objective for trial in trials])
    space, names = search.spec.varied, list(search.spec.varied)
    if len(trials) < FEWEST_TRIALS or np.ptp(targets) == 0:
        return None
    places = np.array([[place_in(space[name], trial.settings[name]) for name in names] for trial in trials])
    forest = RandomForestRegressor(TREES, min_samples_leaf=2, oob_score=True, random_state=0).fit(places, targets)
    found = permutation_importance(forest, places, targets, n_repeats=REPEATS, random_state=0).importances_mean
    found = np.maximum(found, 0.0)
    total = found.sum() or 1.0
    shares = {name: float(share) for name, share in zip(names, found / total, strict=True)}
    return dict(sorted(shares.items(), key=lambda item: -item[1])), float(forest.oob_score_)


def place_in(found: Range, value: Any) -> float:
    """Return the position of a value in its range, in [0, 1]."""
    if isinstance(found, list):
        return found.index(value) / max(len(found) - 1, 1) if value in found else 0.0
    low, high = found["min"], found["max"]
    if found.get("sampling") == "log":
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float((value - low) / (high - low)) if high > low else 0.0
