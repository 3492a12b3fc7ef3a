"""Shell completion proposes verbs, options, and zoo's models and data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

import zoo
from zoo.cli import completion
from zoo.cli.main import _parser, main

ZOO = shutil.which("zoo", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))


def proposed(line):
    """Return the completions at the end of a command line, requested as shells do."""
    script = f'exec 8>&1 1>/dev/null; exec "{sys.executable}" -m zoo'
    environment = {
        **os.environ, "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9",
    }  # fmt: skip
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=False)
    return [word.strip() for word in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("zoo tra", {"train"}),
        ("zoo train cnn/", {"cnn/accurate", "cnn/fast", "cnn/tiny", "cnn/wide"}),
        ("zoo train cnn --data mnist_", {"mnist_sample"}),
        ("zoo train cnn --set epo", {"epochs="}),
        ("zoo train cnn --set model.filt", {"model.filters="}),
        ("zoo train lstm --set model.filt", {"model.filters="}),
        ("zoo train linear --set model.filt", set()),
        ("zoo train cnn --epo", {"--epochs"}),
        ("zoo train cnn --model.filt", {"--model.filters"}),
        ("zoo evaluate x --data.label", {"--data.label-column"}),
        ("zoo predict lstm@", {"lstm@imdb"}),
        ("zoo verify transformer@i", {"transformer@imdb"}),
        ("zoo info lenet@", {"lenet@mnist"}),
        ("zoo export x --format on", {"onnx"}),
        ("zoo list --task text", {"text_classification"}),
        ("zoo completion f", {"fish"}),
    ],
)
def test_words_are_proposed(line, expected):
    assert {*proposed(line)} == expected


def test_folders_are_proposed_where_runs_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert "runs/" in proposed("zoo evaluate ru")


def test_every_proposer_belongs_to_an_existing_argument():
    there = {action.dest for parser in completion.verb_parsers(_parser()).values() for action in parser._actions}
    assert set(completion.PROPOSED) <= there
    assert set(completion.OR_FILES) <= set(completion.PROPOSED)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_reads_its_code(shell, capsys):
    assert main(["completion", shell]) == 0
    code = capsys.readouterr().out
    assert "zoo" in code
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=code, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(ZOO is None, reason="the command is not installed")
def test_bash_completes_after_the_line_in_the_help(tmp_path):
    script = f"""
        PATH="{os.path.dirname(ZOO)}:$PATH"
        eval "$(zoo completion bash)"
        COMP_LINE="zoo train cnn --data mnist_s"; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9
        COMP_WORDS=(zoo train cnn --data mnist_s); COMP_CWORD=4
        _python_argcomplete zoo mnist_s --data
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.split() == ["mnist_sample"], done.stderr


def test_models_of_a_plug_in_are_proposed_too():
    assert set(completion.PROPOSED["model"](_parser())) == {*zoo.list_models()}
