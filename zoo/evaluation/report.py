"""`report.html`: one page, complete in itself, that shows what a run gave."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; } img { width: 19rem; max-width: 100%; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #d5dae0; text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { padding: 0.75rem 1rem; border-left: 4px solid #2f6f4f; background: #eef6f1; }
.verdict.lost { border-color: #a4551e; background: #fbf1ea; }
"""


def verdict(scores: Mapping[str, float], baseline: Mapping[str, Any]) -> tuple[str, bool]:
    """Return a sentence that sets a model's accuracy beside the baseline's, and whether the model is the better one.

    Example:
        >>> verdict({"accuracy": 0.88}, {"name": "tfidf_logistic", "accuracy": 0.9})
        ('The baseline tfidf_logistic wins: accuracy 0.9000 against 0.8800 of the model.', False)
    """
    ours, theirs = scores["accuracy"], float(baseline["accuracy"])
    name = baseline["name"]
    if ours > theirs:
        return f"The model beats the baseline {name}: accuracy {ours:.4f} against {theirs:.4f}.", True
    if ours == theirs:
        return f"The model and the baseline {name} are level: accuracy {ours:.4f}.", False
    return f"The baseline {name} wins: accuracy {theirs:.4f} against {ours:.4f} of the model.", False


def report_page(content: Mapping[str, Any], history: Mapping[str, Sequence[float]]) -> str:
    """Return the page of a finished run.

    Args:
        content: of `run.json`: `settings`, `data`, `metrics`, `evaluation`, `timings`, and `baseline` where there is one.
        history: losses and metrics of each epoch.
    """
    settings, evaluation, baseline = content["settings"], content["evaluation"], content.get("baseline")
    title = f"{settings['model']} on {settings['data']}"
    columns = ("score", "model", *([baseline["name"]] if baseline else []))
    rows = [(name, value, *([baseline[name]] if baseline else [])) for name, value in content["metrics"].items()]
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p>Test part, {evaluation['num_examples']:,} examples.</p>"]
    if baseline:
        sentence, won = verdict(content["metrics"], baseline)
        parts.append(f'<p class="verdict{"" if won else " lost"}">{html.escape(sentence)}</p>')
    parts += [_table(columns, rows), "<h2>Learning curves</h2>", _curves(history)]
    if evaluation["per_class"]:
        names = list(evaluation["per_class"])
        scores = ("precision", "recall", "f1", "support")
        per_class = [(name, *(evaluation["per_class"][name][score] for score in scores)) for name in names]
        parts += ["<h2>Classes</h2>", _table(("class", *scores), per_class)]
        confusion = [(name, *counts) for name, counts in zip(names, evaluation["confusion"], strict=True)]
        parts += ["<h2>Confusion</h2>", "<p>Rows are labels, columns predictions.</p>", _table(("", *names), confusion)]
    parts += ["<h2>Timings, in seconds</h2>", _table(("", ""), content["timings"].items())]
    parts += ["<h2>Settings</h2>", _table(("", ""), [(key, str(value)) for key, value in settings.items()])]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["".join(_cell(name, "th") for name in columns)] if any(columns) else []
    lines += ["".join(_cell(cell, "td") for cell in row) for row in rows]
    return '<div class="wide"><table>\n' + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table></div>"


def _cell(value: Any, tag: str) -> str:
    if isinstance(value, float):
        return f'<{tag} class="number">{value:.4f}</{tag}>'
    if isinstance(value, int):
        return f'<{tag} class="number">{value:,}</{tag}>'
    return f"<{tag}>{html.escape(str(value))}</{tag}>"


def _curves(history: Mapping[str, Sequence[float]]) -> str:
    """Return training and validation curves of every metric, each an embedded picture."""
    names = [name for name in history if not name.startswith("val_")]
    return "\n".join(_curve(name, history[name], history.get(f"val_{name}", ())) for name in names)


def _curve(name: str, train: Sequence[float], validation: Sequence[float]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    for label, values in (("train", train), ("validation", validation)):
        if values:
            axes.plot(range(1, len(values) + 1), values, marker=".", label=label)
    axes.set_title(name)
    axes.set_xlabel("epoch")
    axes.locator_params(axis="x", integer=True)
    axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    content = base64.b64encode(picture.getvalue()).decode()
    return f'<img alt="{html.escape(name)} by epoch" src="data:image/png;base64,{content}">'
