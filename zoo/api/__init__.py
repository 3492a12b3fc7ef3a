"""The verbs: the only place that joins models, data, training and artefacts."""

from __future__ import annotations

from zoo.api.building import build
from zoo.api.exporting import export
from zoo.api.reading import load_data
from zoo.api.scoring import baseline, compare, evaluate, load
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
    "train",
    "tune",
    "verify",
]
