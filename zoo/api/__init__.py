"""The verbs: each file joins models, data and stages in a few lines."""

from __future__ import annotations

from zoo.api.building import build
from zoo.api.comparing import compare
from zoo.api.exporting import export
from zoo.api.loading import load_data
from zoo.api.predicting import load, predict
from zoo.api.scoring import baseline, evaluate
from zoo.api.searching import tune
from zoo.api.sweeping import find_learning_rate
from zoo.api.training import train
from zoo.api.verifying import verify

__all__ = [
    "baseline",
    "build",
    "compare",
    "evaluate",
    "export",
    "find_learning_rate",
    "load",
    "load_data",
    "predict",
    "train",
    "tune",
    "verify",
]
