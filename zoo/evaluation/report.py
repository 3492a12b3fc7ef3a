"""`report.html`: a self-contained page with the results of a run."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.evaluation import pictures
from zoo.evaluation.page import cell, page, table
from zoo.tasks.answers import Mistake, Section

MAX_LETTERS = 600  # maximum length of a displayed text
TIMES = {"fit_s": "training", "epoch_s": "median epoch"}


def verdict(scores: Mapping[str, float], baseline: Mapping[str, Any]) -> tuple[str, bool]:
    """Return a sentence that compares a model's accuracy with the baseline's, and whether the model is better.

    Example:
        >>> verdict({"accuracy": 0.88}, {"name": "tfidf_logistic", "accuracy": 0.9})
        ('The baseline tfidf_logistic is better: accuracy 0.9000, against 0.8800 for the model.', False)
    """
    name, ours, theirs = baseline["name"], scores["accuracy"], float(baseline["accuracy"])
    if ours > theirs:
        return f"The model is better than the baseline {name}: accuracy {ours:.4f}, against {theirs:.4f}.", True
    if ours == theirs:
        return f"The model is as good as the baseline {name}: accuracy {ours:.4f}.", False
    return f"The baseline {name} is better: accuracy {theirs:.4f}, against {ours:.4f} for the model.", False


def report_page(
    content: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    sections: Sequence[Section] = (),
    mistakes: Sequence[Mistake] | None = None,
) -> str:
    """Return the report of a finished run as a page.

    Args:
        content: content of `run.json`: `settings`, `data`, `metrics`, `evaluation`, `timings` and, if they exist, `baseline`,
            `findings` and `learning_rates`.
        history: losses and metrics of each epoch.
        sections: the task's tables of scores; default `()`.
        mistakes: test examples that the model gets wrong; None omits this section; default None.
    """
    settings, evaluation, baseline = content["settings"], content["evaluation"], content.get("baseline")
    title = f"{settings['model']} on {settings['data']}"
    columns = ("score", "model", *([baseline["name"]] if baseline else []))
    rows = [(name, value, *([baseline[name]] if baseline else [])) for name, value in content["metrics"].items()]
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p>Test part, {evaluation['num_examples']:,} examples.</p>"]
    if baseline:
        sentence, won = verdict(content["metrics"], baseline)
        parts.append(f'<p class="verdict{"" if won else " lost"}">{html.escape(sentence)}</p>')
    parts += [f'<p class="finding">{html.escape(sentence)}</p>' for sentence in content.get("findings", ())]
    parts += [table(columns, rows), "<h2>Learning curves</h2>", _curves(history, content.get("learning_rates", ()))]
    for section in sections:
        parts += [f"<h2>{section.title}</h2>", *([f"<p>{section.note}</p>"] if section.note else [])]
        parts.append((_shaded if section.is_shaded else table)(section.columns, section.rows))
    if mistakes is not None:
        parts += ["<h2>Worst mistakes</h2>", _mistakes(mistakes)]
    parts += [
        "<h2>Timings, in seconds</h2>",
        table(("", ""), [(TIMES.get(name, name), value) for name, value in content["timings"].items()]),
    ]
    parts += ["<h2>Settings</h2>", table(("", ""), [(key, str(value)) for key, value in settings.items()])]
    return page(title, parts)


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    """Return misclassified examples: images in a grid, texts and rows in a list."""
    if not mistakes:
        return "<p>There are no mistakes.</p>"
    lines = "\n".join(map(_mistake, mistakes))
    return f'<div class="mistakes">\n{lines}\n</div>' if isinstance(mistakes[0].example, np.ndarray) else lines


def _mistake(mistake: Mistake) -> str:
    label, predicted = html.escape(mistake.label), html.escape(mistake.predicted)
    caption = f"test row {mistake.row}: <strong>{label}</strong>, predicted {predicted} ({mistake.probability:.3f})"
    if isinstance(mistake.example, np.ndarray):
        source = pictures.image_as_source(mistake.example)
        return f'<figure><img alt="test row {mistake.row}" src="{source}"><figcaption>{caption}</figcaption></figure>'
    if isinstance(mistake.example, str):
        text = mistake.example if len(mistake.example) <= MAX_LETTERS else f"{mistake.example[:MAX_LETTERS]} …"
    else:
        text = ", ".join(f"{name} {value:g}" for name, value in mistake.example.items())
    return f"<blockquote><p>{caption}</p><p>{html.escape(text)}</p></blockquote>"


def _shaded(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of counts, each shaded by its share of the row; HTML rather than a plot, for labels in any script."""
    lines = ["<tr>" + "".join(cell(name, "th") for name in columns) + "</tr>"]
    for name, *counts in rows:
        total = max(sum(counts), 1)
        cells = "".join(f'<td class="number" style="--share: {0.6 * count / total:.2f}">{count:,}</td>' for count in counts)
        lines.append(f"<tr>{cell(name, 'th')}{cells}</tr>")
    return '<div class="wide"><table class="confusion">\n' + "\n".join(lines) + "\n</table></div>"


def _curves(history: Mapping[str, Sequence[float]], learning_rates: Sequence[Sequence[float]]) -> str:
    """Return the training and validation curves of every metric, and the learning rate's, as embedded images."""
    curves: dict[str, dict[str, tuple[Sequence[float], Sequence[float]]]] = {}
    for name in history:
        if not name.startswith("val_") and name != "learning_rate":
            parts = {"train": history[name], "validation": history.get(f"val_{name}", ())}
            curves[name] = {part: (range(1, len(values) + 1), values) for part, values in parts.items() if values}
    if learning_rates:
        epochs, rates = zip(*learning_rates, strict=True)
        curves["learning rate"] = {"": (epochs, rates)}
    return "\n".join(
        f'<img class="curve" alt="{html.escape(name)} by epoch" src="{pictures.as_source(pictures.curves(name, lines))}">'
        for name, lines in curves.items()
    )
