"""Texts on the command line: train, evaluate, predict and data check, with their exit codes."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

import zoo
from zoo.cli.main import main

TEXTS = [f"{'good, fine' if number % 2 else 'bad 很差'} film {number}" for number in range(48)]
LABELS = ["neg", "pos"] * 24


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """A run directory, the file it learned from, and what training printed."""
    folder = tmp_path_factory.mktemp("cli")
    with (folder / "rows.csv").open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows([("prose", "stars"), *zip(TEXTS, LABELS, strict=True)])
    words = ["train", "lstm/tiny", "--data", str(folder / "rows.csv"), "--out", str(folder / "run"), "--quiet"]
    columns = ["--data.text-column", "prose", "--data.label-column", "stars", "--data.encoding", "gb18030"]
    with pytest.MonkeyPatch.context() as patch:
        printed = io.StringIO()
        patch.setattr(sys, "stdout", printed)
        assert main([*words, *columns, "--set", "epochs=1", "--set", "data.max_length=16"]) == 0
    return str(folder / "run"), str(folder / "rows.csv"), printed.getvalue()


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_train_prints_the_verdict_and_how_to_predict(trained: tuple[str, str, str]) -> None:
    run, _, printed = trained
    assert "baseline tfidf_logistic" in printed
    assert f'predict {run} "your text"' in printed
    assert zoo.Run.open(run).settings["data.text_column"] == "prose"


def test_evaluate_reads_the_runs_own_file_and_others_like_it(
    trained: tuple[str, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, path, _ = trained
    assert main(["evaluate", run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == zoo.Run.open(run).metrics["accuracy"]
    assert main(["evaluate", run, "--data", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_examples"] == 48
    (tmp_path / "other.jsonl").write_text('{"body": "很差", "kind": "neg"}\n', encoding="utf-8")
    words = [
        "evaluate",
        run,
        "--data",
        str(tmp_path / "other.jsonl"),
        "--data.text-column",
        "body",
        "--data.label-column",
        "kind",
    ]
    assert main([*words, "--data.encoding", "utf-8"]) == 0
    assert "test part, 1 examples" in capsys.readouterr().out


def test_predict_one_text_or_several(trained: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    run = trained[0]
    texts = ["a good film", "", "很差\nthe plot " + "long " * 60]
    expected = zoo.load(run).predict(texts)
    assert main(["predict", run, *texts, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["text"], row["label"]) for row in rows] == list(zip(texts, expected.labels, strict=True))
    assert [sum(row["probabilities"].values()) for row in rows] == pytest.approx([1, 1, 1], rel=1e-5)
    assert main(["predict", run, *texts]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].split()[-2] == expected.labels[0]
    assert "…" in lines[3]


def test_a_text_with_invalid_unicode_is_predicted(
    trained: tuple[str, str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in ([], ["--json"]):
        assert main(["predict", trained[0], "bad \udcff film", *words]) == 0  # as Python gives the byte 0xff of an argument
        assert "bad \ufffd film" in capsys.readouterr().out
    pipe(monkeypatch, b"bad \xff film\n")
    assert main(["predict", trained[0]]) == 1
    assert "cannot be read as utf-8" in capsys.readouterr().err
    pipe(monkeypatch, b"caf\xe9\n")
    assert main(["predict", trained[0], "--data.encoding", "latin-1"]) == 0
    assert "café" in capsys.readouterr().out


def test_texts_may_come_from_a_pipe(
    trained: tuple[str, str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe(monkeypatch, "a good film\r\n\n很差\n".encode())
    assert main(["predict", trained[0], "--json"]) == 0
    assert [row["text"] for row in json.loads(capsys.readouterr().out)] == ["a good film", "", "很差"]
    pipe(monkeypatch, b"")
    assert main(["predict", trained[0]]) == 1
    assert "nothing to predict" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert main(["predict", trained[0]]) == 2
    assert "There is nothing to predict. Received: no texts." in capsys.readouterr().err


def test_a_pipe_and_arguments_give_the_same_texts(
    trained: tuple[str, str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["predict", trained[0], "a good film", "--json"]) == 0
    by_argument = json.loads(capsys.readouterr().out)
    pipe(monkeypatch, "\ufeffa good film\n".encode())
    assert main(["predict", trained[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == by_argument


def test_each_line_becomes_a_csv_row(trained: tuple[str, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["a good film", "", "很差"]
    (tmp_path / "lines.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    words = ["predict", trained[0], "--data", str(tmp_path / "lines.txt"), "--out", str(tmp_path / "p.csv")]
    assert main([*words, "--data.encoding", "utf-8"]) == 0
    assert "3 predictions in" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "p.csv")["label"].tolist() == zoo.load(trained[0]).predict(texts).labels
    assert main([*words, "--data.encoding", "utf-8"]) == 1
    assert "does not overwrite" in capsys.readouterr().err


def test_the_column_and_encoding_of_the_training_are_remembered(
    trained: tuple[str, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, path, _ = trained
    assert main(["predict", run, "--data", path, "--out", str(tmp_path / "p.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 48, "broken": [], "out": str(tmp_path / "p.csv")}
    assert pd.read_csv(tmp_path / "p.csv")["label"].tolist() == zoo.load(run).predict(TEXTS).labels
    words = ["predict", run, "--data", path, "--out", str(tmp_path / "q.csv"), "--data.text-column", "stars"]
    assert main(words) == 0
    assert pd.read_csv(tmp_path / "q.csv")["label"].tolist() == zoo.load(run).predict(LABELS).labels
    assert main([*words[:-3], str(tmp_path / "r.csv"), "--data.text-column", "text"]) == 1
    said = capsys.readouterr().err
    assert "not have this column. Received: 'text'." in said
    assert "Accepted: prose, stars." in said


def test_data_check_counts_texts_and_reports_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    rows = "".join(f"film {number},{['good', 'Good ', 'bad'][number % 3]}\n" for number in range(30))
    path.write_text("text,label\n" + rows + "film 0,bad\nfilm 1,Good \n")
    assert main(["data", "check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "text_classification" in said
    assert "- labels 'Good ', 'good' differ only in spaces or case; they are 2 separate classes" in said
    assert "- 2 of 32 rows in 'all' repeat an earlier row" in said
    assert "- 2 of 32 rows in 'all' also occur with another label" in said
    path.write_text("text,label\n" + rows + " ,bad\nfilm\n")
    assert main(["data", "check", str(path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["parts"]["all"]["broken"] == 2
    assert report["stops_training"].startswith("Examples that cannot be read: 2.")
    assert [line.partition(" of ")[0] for line in report["broken"]] == ["Line 32", "Line 33"]
    assert report["texts"]["train"]["median_tokens"] == 2
    assert sum(report["num_examples"].values()) == 30


def test_data_check_takes_columns_encoding_and_the_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{label},{text}" for text, label in zip(TEXTS, LABELS, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(row.replace(", ", " ") for row in rows), "gb18030")
    words = ["data", "check", str(tmp_path / "rows.csv"), "--data.text-column", "2", "--data.label-column", "1"]
    assert main([*words, "--data.encoding", "gb18030"]) == 0
    assert "without a header: column 2 is used as the text, column 1 as the label" in capsys.readouterr().out
    assert main(words) == 1
    assert "not encoded in utf-8" in capsys.readouterr().err
    assert main([*words[:3], "--task", "text_classification", "--data.encoding", "gb18030"]) == 0
