"""The report of a run: self-contained, with a verdict on the baseline, and safe to open."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.evaluation.pictures import image_as_source
from zoo.evaluation.report import report_page, verdict
from zoo.tasks.answers import Mistake

WORDS = ["good fine great", "bad dull poor", "so so"]
TEXTS = [f"{WORDS[number % 3]} film {number}" for number in range(90)]
LABELS = ["<b>", "a & b", 'q"<script>alert(1)</script>']


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("<i>&report")
    path = folder / "<b>rows & more.jsonl"
    path.write_text("".join(json.dumps({"text": text, "label": LABELS[n % 3]}) + "\n" for n, text in enumerate(TEXTS)))
    return zoo.train("lstm/tiny", data=path, epochs=1, out=folder / "run", verbose=0)


class Tags(HTMLParser):
    """Every tag with its attributes, and whether each is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_text_run_records_the_baseline_and_its_report_has_the_verdict(run: zoo.Run) -> None:
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    baseline = run.content["baseline"]
    assert set(run.metrics) < set(baseline)
    assert baseline["accuracy"] == zoo.baseline(run.info.location).metrics["accuracy"] == 1.0
    assert html.escape(verdict(run.metrics, baseline)[0]) in page
    for name, value in run.metrics.items():
        assert f'<td>{name}</td><td class="number">{value:.4f}</td><td class="number">{baseline[name]:.4f}</td>' in page


def test_the_report_is_self_contained_and_well_formed(run: zoo.Run) -> None:
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.open == []
    pictures = [attributes for tag, attributes in tags.found if tag == "img"]
    curves = [name for name in run.history if not name.startswith("val_")]  # one of them is the learning rate
    assert [picture["alt"] for picture in pictures] == [f"{name.replace('_rate', ' rate')} by epoch" for name in curves]
    for picture in pictures:
        assert picture["src"].startswith("data:image/png;base64,")
        assert picture["alt"]
        page = page.replace(picture["src"], "")
    assert not {tag for tag, _ in tags.found} & {"script", "link", "iframe", "b", "i"}
    assert "http" not in page
    assert not {name for tag, attributes in tags.found if tag != "img" for name in attributes} & {"src", "href"}


def test_the_report_shows_the_worst_mistakes_with_their_texts(run: zoo.Run) -> None:
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    predictions = run.predict(list(zoo.load_data(run.info.location).texts("test")))
    truth = [run.info.labels[number] for number in zoo.load_data(run.info.location).targets("test")]
    wrong = [row for row, (found, label) in enumerate(zip(predictions.labels, truth, strict=True)) if found != label]
    assert wrong  # one epoch is not enough
    assert page.count("<blockquote>") == min(len(wrong), 12)
    for row in wrong[:12]:
        assert f"test row {row}: <strong>{html.escape(truth[row])}</strong>" in page or len(wrong) > 12


def test_images_are_shown_unchanged_and_findings_are_escaped() -> None:
    image = np.zeros((2, 2, 1), np.uint8)
    content = {
        "settings": {"model": "m", "data": "d"}, "metrics": {"accuracy": 0.5}, "timings": {"total": 1.0},
        "evaluation": {"num_examples": 2},
        "findings": ["<nothing>"], "learning_rates": [[0.0, 0.1], [1.0, 0.0]],
    }  # fmt: skip
    page = report_page(content, {"loss": [1.0]}, mistakes=[Mistake(7, "<a>", "b", 0.75, image)])
    assert "test row 7: <strong>&lt;a&gt;</strong>, predicted b (0.750)" in page
    assert image_as_source(image) in page
    assert '<p class="finding">&lt;nothing&gt;</p>' in page
    assert Tags(page).open == []


def test_labels_and_file_names_are_escaped(run: zoo.Run) -> None:
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    for label in LABELS:
        assert f"<td>{html.escape(label)}</td>" in page
        assert f"<th>{html.escape(label)}</th>" in page
        assert label not in page
    title = html.escape(f"lstm/tiny on {run.settings['data']}")
    assert f"<h1>{title}</h1>" in page
    assert f"<title>{title}</title>" in page
    assert "&lt;i&gt;&amp;report" in page


def test_the_report_has_the_evaluations_confusion_matrix(run: zoo.Run) -> None:
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    evaluation = zoo.evaluate(run)
    for label, counts in zip(evaluation.per_class, evaluation.confusion, strict=True):
        shares = [0.6 * count / sum(counts) for count in counts]
        row = "".join(
            f'<td class="number" style="--share: {share:.2f}">{count}</td>' for count, share in zip(counts, shares, strict=True)
        )
        assert f"<th>{html.escape(label)}</th>{row}" in page
    assert f"Test part, {evaluation.num_examples} examples." in page


@pytest.mark.parametrize(
    ("ours", "theirs", "words", "won"),
    [
        (0.9, 0.8, "The model is better than the baseline tfidf_logistic: accuracy 0.9000, against 0.8000.", True),
        (0.8, 0.9, "The baseline tfidf_logistic is better: accuracy 0.9000, against 0.8000 for the model.", False),
        (0.85, 0.85, "The model is as good as the baseline tfidf_logistic: accuracy 0.8500.", False),
    ],
)
def test_the_verdict_compares_model_and_baseline(ours: float, theirs: float, words: str, won: bool) -> None:
    baseline = {"name": "tfidf_logistic", "accuracy": theirs}
    assert verdict({"accuracy": ours}, baseline) == (words, won)
    content: dict[str, Any] = {
        "settings": {"model": "m", "data": "d"},
        "metrics": {"accuracy": ours},
        "evaluation": {"num_examples": 1234},
        "baseline": baseline,
        "timings": {"total": 1.0},
    }
    page = report_page(content, {"loss": [1.0]})
    assert f'<p class="verdict{"" if won else " lost"}">{words}</p>' in page
    assert re.search("Test part, 1,234 examples", page)
