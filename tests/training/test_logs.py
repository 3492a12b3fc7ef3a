"""TensorBoard's own reader reads the logs of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import zoo


@pytest.mark.slow
def test_tensorboard_reads_every_score_of_every_epoch(tmp_path: Path) -> None:
    run = zoo.train("linear", data="iris", epochs=4, out=tmp_path / "run", verbose=0)
    for part, prefix in (("train", ""), ("validation", "val_")):
        reader = EventAccumulator(str(run.directory / "logs" / part))
        reader.Reload()
        tags = reader.Tags()["tensors"]
        for name, values in run.history.items():
            if name == "learning_rate" and part == "train":
                assert "epoch_learning_rate" in tags
            elif name.startswith("val_") == bool(prefix) and name != "learning_rate":
                events = reader.Tensors(f"epoch_{name.removeprefix(prefix)}")
                assert [event.step for event in events] == [0, 1, 2, 3]
                logged = [float(tf.make_ndarray(event.tensor_proto)) for event in events]
                assert logged == pytest.approx(values, rel=1e-6)
