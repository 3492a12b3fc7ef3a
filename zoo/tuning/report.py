"""`report.html` of a search: one self-contained page."""

from __future__ import annotations

import csv
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from zoo.artefacts.files import read_json, write_text
from zoo.evaluation import pictures
from zoo.evaluation.page import page, table
from zoo.tuning.importance import best_so_far, importance_of, place_in
from zoo.tuning.search import Search, Trial
from zoo.tuning.table import clock, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEST, OTHER = "#a4551e", "#2f6f4f"
MOST_CURVES = 40
WHITE = {"color": "white", "alpha": 0.8, "pad": 0.6}  # behind a value
MOST_LETTERS = 14  # of a value next to an axis


def write_report(directory: str) -> None:
    """Write the report of a search, finished or not."""
    search = Search.open(directory)
    write_text(search.directory / "report.html", report_page(search))


def report_page(search: Search) -> str:
    """Return the page."""
    content, trials, best = search.content, search.trials, search.best_trials
    title = f"Search: {content['model']} on {content['data']}"
    direction = "higher is better" if search.direction == "max" else "lower is better"
    kinds = [trial.status for trial in trials]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{content['algorithm']} search, seed {content['seed']}; objective: {search.objective} on the validation part, "
        f"{direction}. {len(trials)} trials ({counts or 'none yet'}) in {clock(content['seconds'])}; {search.status}.</p>",
    ]
    if best:
        parts += [_verdict(search, trials, best), *_test(search)]
        finished = sorted((trial for trial in best), key=lambda trial: trial.ended_s or 0.0)
        parts += [
            "<h2>Objective</h2>",
            _image(_progress(search, finished), "objective by trial and by time"),
            "<h2>Importance</h2>",
            *_importance(search),
            "<h2>Settings and objective</h2>",
            f"<p>Each line is a trial; the darker, the better its {search.objective}; the best one is thick. Of trials with "
            "the same score the one with fewer parameters is better, then the earlier one.</p>",
            _image(_parallel(search, best), "parallel coordinates"),
            "<h2>Learning curves</h2>",
            *_curves(search, best),
        ]
    parts += ["<h2>Trials</h2>", _trials(search, trials, best)]
    parts += [
        "<h2>Space</h2>",
        table(
            ("setting", "range", "starts with"),
            [(key, _as_yaml(found), _as_yaml(content["defaults"][key])) for key, found in content["space"].items()],
        ),
    ]
    return page(title, parts)


def _verdict(search: Search, trials: list[Trial], best: list[Trial]) -> str:
    first, top = trials[0], best[0]
    said = f"Best: {search.objective} {top.objective:.4f} in trial {top.name}."
    if first.objective is not None:
        epochs = ""
        if search.content["algorithm"] == "hyperband":
            count = first.settings["epochs"]
            epochs = f" and {count} epoch{'s' if count != 1 else ''}"
        said += (
            f" The first trial, with the settings that the search starts with{epochs}, had {first.objective:.4f}."
            if top.name != first.name
            else f" That is the first trial, with the settings that the search starts with{epochs}: nothing better was found."
        )
    spread = [each[search.objective] for each in top.each]
    if len(spread) > 1:
        said += f" Its {len(spread)} runs had {', '.join(f'{value:.4f}' for value in spread)}."
    return f'<p class="verdict">{html.escape(said)}</p>'


def _test(search: Search) -> list[str]:
    path = search.directory / "best" / "run.json"
    metrics: Mapping[str, float] = read_json(path).get("metrics", {}) if path.is_file() else {}
    if not metrics:
        return []
    return [
        '<p>Scores on the test part, of the best trial only (<a href="best/report.html">its report</a>):</p>',
        table(("score", "best"), metrics.items()),
    ]


def _image(figure: Figure, text: str) -> str:
    return f'<div class="wide"><img style="max-width: 100%" alt="{html.escape(text)}" src="{pictures.as_source(figure)}"></div>'


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _progress(search: Search, finished: list[Trial]) -> Figure:
    figure = _figure(9, 3.2)
    scores = [trial.objective for trial in finished]
    lines = best_so_far(finished, is_better_high=search.direction == "max")
    minutes = [(trial.ended_s or 0.0) / 60 for trial in finished]
    for axes, places, label in zip(
        figure.subplots(1, 2, sharey=True), (range(1, len(finished) + 1), minutes), ("finished trials", "minutes"), strict=True
    ):
        axes.plot(places, scores, ".", color=OTHER, label="trial")
        axes.step(places, lines, where="post", color=BEST, label="best so far")
        axes.set_xlabel(label)
        axes.set_ylabel(search.objective if label != "minutes" else "")
        axes.locator_params(axis="x", integer=label != "minutes", min_n_ticks=1)
        axes.legend()
    return figure


def _importance(search: Search) -> list[str]:
    found = importance_of(search)
    if found is None:
        return ["<p>There are too few finished trials.</p>"]
    said = (
        f"A random forest explains {found.explained:.0%} of the variance of trials that it has not seen."
        if found.explained > 0
        else "A random forest explains no variance of trials that it has not seen: these shares are chance. Run more trials."
    )
    names, shares = list(found.shares)[::-1], list(found.shares.values())[::-1]
    figure = _figure(7, 0.6 + 0.26 * len(names))
    axes = figure.subplots()
    axes.barh(names, shares, color=OTHER if found.explained > 0 else "#d5dae0")
    axes.set_xlabel("share of the error when the setting's values are shuffled")
    return [f"<p>{said}</p>", _image(figure, "importance of each setting")]


def _parallel(search: Search, best: list[Trial]) -> Figure:
    """Return parallel coordinates with one axis below the other."""
    from matplotlib import colormaps

    space, names = search.spec.varied, list(search.spec.varied)
    scores = [float(trial.objective or 0.0) for trial in best]
    low, high = min(scores), max(scores)
    figure = _figure(9, 0.8 + 0.42 * (len(names) + 1))
    axes = figure.subplots()
    heights = range(len(names) + 1)
    for trial, score in list(zip(best, scores, strict=True))[::-1]:
        place = (score - low) / (high - low) if high > low else 0.5
        places = [*(place_in(space[name], trial.settings[name]) for name in names), place]
        is_best = trial.name == best[0].name
        shade = colormaps["Greens"](0.25 + 0.75 * (place if search.direction == "max" else 1 - place))
        axes.plot(places, heights, color=BEST if is_best else shade, linewidth=3 if is_best else 1.2)
    for height, name in zip(heights, names, strict=False):
        found = space[name]
        _axis(axes, height, [(place_in(found, value), short(value)) for value in found.ends()])
    _axis(axes, len(names), [(0.0, f"{low:.4f}"), (1.0, f"{high:.4f}")])
    axes.set_yticks(heights, [*names, search.objective])
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_frame_on(False)
    axes.tick_params(length=0)
    return figure


def _axis(axes: Axes, height: int, marks: list[tuple[float, str]]) -> None:
    axes.plot((0, 1), (height, height), color="#1b1f24", linewidth=0.8, zorder=0)
    for place, text in marks:
        text = text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
        axes.text(place, height + 0.3, text, fontsize=8, ha="center", va="center", color="#57606a", zorder=5, bbox=WHITE)


def _curves(search: Search, best: list[Trial]) -> list[str]:
    """Return the validation curves of each trial's first run."""
    found: dict[str, list[float]] = {}
    shown = search.objective
    for trial in best[:MOST_CURVES]:
        rows = _history(trial)
        if rows and f"val_{shown}" not in rows[0]:
            shown = "loss"
        values = [float(row[f"val_{shown}"]) for row in rows if f"val_{shown}" in row]
        if values:
            found[trial.name] = values
    if not found:
        return ["<p>There are none.</p>"]
    figure = _figure(9, 3.6)
    axes = figure.subplots()
    for name in reversed(found):
        is_best = name == best[0].name
        values = found[name]
        axes.plot(
            range(1, len(values) + 1), values, marker="." if len(values) < 3 else "", color=BEST if is_best else OTHER,
            linewidth=2.5 if is_best else 0.8, alpha=1.0 if is_best else 0.5, label=f"best, {name}" if is_best else None,
        )  # fmt: skip
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {shown}")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.legend()
    return [_image(figure, "learning curves")]


def _history(trial: Trial) -> list[dict[str, str]]:
    path = trial.directory / "run-1" / "history.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _trials(search: Search, trials: list[Trial], best: list[Trial]) -> str:
    order = {trial.name: number for number, trial in enumerate(best)}
    names = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    rows: list[tuple[Any, ...]] = [
        (
            trial.name, trial.status, trial.objective if trial.objective is not None else "",
            clock(trial.seconds), trial.parameters if trial.parameters is not None else "",
            *(short(trial.settings.get(name, "")) for name in names),
        )
        for trial in sorted(trials, key=lambda trial: (order.get(trial.name, len(order)), trial.name))
    ]  # fmt: skip
    reasons = [(trial.name, trial.reason) for trial in trials if trial.reason]
    return table(("trial", "status", search.objective, "time", "parameters", *names), rows, upright=True) + (
        "\n<h2>Reasons</h2>\n" + table(("trial", "reason"), reasons) if reasons else ""
    )


def _as_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).removesuffix("...\n").strip()
