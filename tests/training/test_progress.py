"""The progress bar shows position, remaining time and speed, even on a narrow terminal."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from zoo.training import progress


@pytest.mark.parametrize(("width", "scores"), [(50, "acc[a-z]*…"), (110, "accuracy 0.5000  loss 1.2346")])
def test_the_bar_keeps_the_important_parts(monkeypatch: pytest.MonkeyPatch, width: int, scores: str) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=width)
    monkeypatch.setattr("rich.console.Console", lambda stderr: terminal)
    bars = progress.EpochBars(epochs=3, steps=10, batch_size=32)
    bars.set_params({"steps": 10})
    bars.on_train_begin()
    bars.on_epoch_begin(1)
    time.sleep(0.2)
    logs = {"accuracy": 0.5, "loss": 1.23456, "learning_rate": 0.1}
    bars.on_train_batch_end(3, logs)
    bars.on_epoch_end(1, logs)
    bars.close()
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue()))
    bar = next(line for line in lines if "4/10" in line)
    assert len(bar.rstrip()) <= width
    # 16 of 30 batches are left, and 4 took 0.2 s
    assert re.match(rf"Epoch 2/3 \S+ +4/10 0:01 left \d+/s +{scores}", bar)
    assert any(re.fullmatch(r"Epoch 2/3  0:00  0:00 left  [\d,]+/s  accuracy 0.5000  loss 1.2346", line) for line in lines)
