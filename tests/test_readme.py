"""Python blocks in README and docs run in order, and their commands parse."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from zoo.cli import main as command_line

ROOT = Path(__file__).resolve().parent.parent
RUN = [
    ROOT / "README.md",
    ROOT / "docs" / "training.md",
    ROOT / "docs" / "search.md",
    ROOT / "docs" / "export.md",
    ROOT / "docs" / "pretrained.md",
    ROOT / "docs" / "building.md",
    ROOT / "docs" / "evaluating.md",
    ROOT / "docs" / "predicting.md",
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text, *languages):
    """Return the line number and the content of each fenced block in one of these languages."""
    pattern = rf"^```(?:{'|'.join(languages)})[^\n]*\n(.*?)^```"
    return [(text[: found.start()].count("\n") + 2, found[1]) for found in re.finditer(pattern, text, re.DOTALL | re.MULTILINE)]


def commands(text):
    """Return the words of each `zoo ...` line in a shell block, without prompts, comments and pipes."""
    found = []
    for _, block in blocks(text, "bash", "console", "sh", "shell"):
        for line in block.replace("\\\n", " ").splitlines():
            bare = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if bare.startswith("zoo "):
                words = shlex.split(bare, comments=True)
                found.append(words[1 : next((place for place, word in enumerate(words) if word in "|>&&;"), None)])
    return found


TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
COMMANDS = [words for text in TEXTS.values() for words in commands(text)]


def promises(text):
    """Return the labels or counts that lines such as `print(...)  # ['a', 'b']` or `# 8 of 10` state."""
    return re.findall(r"^print\(.*\)  # (\[[^]]*\]|\d+ of \d+)", text, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("path", RUN, ids=lambda path: path.name)
def test_python_blocks_run_in_order_and_print_the_stated_output(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    python = blocks(TEXTS[path], "python")
    assert python
    namespace = {"__name__": "page"}
    for line, block in python:
        code = "\n" * (line - 1) + block  # so that a traceback has the page's own line
        exec(compile(code, str(path), "exec"), namespace)
        printed = capsys.readouterr().out.splitlines()
        assert [promised for promised in promises(block) if not any(row.startswith(promised) for row in printed)] == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_parse(words):
    if "--help" in words or words == ["--version"]:
        with pytest.raises(SystemExit) as end:
            command_line._parser().parse_args(words)
        assert end.value.code == 0
    else:
        assert callable(command_line._parse(words).run)


def test_promises_are_found():
    text = "print(x)  # ['a', 'b'] [[0.1 0.9]]\nprint(y)  # as it was\nprint(z)  # 8 of 10\n"
    assert promises(text) == ["['a', 'b']", "8 of 10"]
    assert len(promises(TEXTS[ROOT / "README.md"])) == 2


def test_there_are_commands():
    assert COMMANDS
    assert all(commands(TEXTS[path]) for path in RUN)


def test_shell_lines_are_parsed_like_a_shell():
    text = "x\n```bash\n$ zoo list '*net*'  # all\nmake test\nzoo info cnn --json | head\n.venv/bin/zoo train \\\n  cnn\n```\n"
    assert commands(text) == [["list", "*net*"], ["info", "cnn", "--json"], ["train", "cnn"]]


def test_python_blocks_are_found_with_their_line():
    assert blocks("a\n```python\nx = 1\n```\n```bash\ny\n```\n", "python") == [(3, "x = 1\n")]
