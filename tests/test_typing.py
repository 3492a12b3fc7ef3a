"""Type checkers see the keywords of the verbs."""

from __future__ import annotations

import subprocess
import sys

import pytest

RIGHT = """
import zoo
zoo.train("cnn", data="digits", epochs=3, batch_size="auto", data_arguments={"validation": 0.2}, model_arguments={"units": 3})
zoo.load_data("iris", split_seed=3)
"""
WRONG = """
import zoo
zoo.train("cnn", epoch=3)
zoo.train("cnn", epochs="three")
zoo.find_learning_rate("cnn", optimizer="adamm")
zoo.evaluate("run", data_arguments={"lable_column": "x"})
zoo.load_data("iris", chanels=3)
"""


@pytest.mark.slow
def test_mypy_accepts_right_keywords_and_refuses_wrong_ones(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    words = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--ignore-missing-imports", "--cache-dir"]
    done = subprocess.run(
        [*words, str(tmp_path / "cache"), str(tmp_path / "right.py"), str(tmp_path / "wrong.py")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.partition("wrong.py:")[2].partition(":")[0] for line in done.stdout.splitlines() if "error:" in line]
    assert set(lines) == {"3", "4", "5", "6", "7"}, done.stdout + done.stderr
