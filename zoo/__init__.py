"""A complete, small model zoo for Keras 3 on TensorFlow.

`import zoo` is instant: TensorFlow is imported by the first verb that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo.keras_import import register_with_keras
from zoo.version import __version__ as __version__
from zoo.version import warn_of_unrelated

if TYPE_CHECKING:
    from zoo import text
    from zoo.api import baseline, build, compare, evaluate, export, find_learning_rate, load, load_data, train, tune, verify
    from zoo.api.hypermodel import HyperModel
    from zoo.artefacts.export import Export
    from zoo.artefacts.predictor import Predictor
    from zoo.artefacts.released import list_pretrained
    from zoo.artefacts.run import Run
    from zoo.errors import ArtefactError, DataError, UnknownNameError, UsageError, ZooError
    from zoo.evaluation.baseline import Baseline
    from zoo.evaluation.comparison import Comparison
    from zoo.evaluation.verification import Verification
    from zoo.pipeline.info import DataInfo
    from zoo.pipeline.splits import Splits
    from zoo.registry import info, list_datasets, list_models, register_dataset, register_model
    from zoo.tasks.answers import Evaluation, Predictions
    from zoo.training.learning_rate import LearningRateSweep
    from zoo.tuning.search import Search

_HOME = {
    "baseline": "zoo.api",
    "build": "zoo.api",
    "compare": "zoo.api",
    "evaluate": "zoo.api",
    "export": "zoo.api",
    "find_learning_rate": "zoo.api",
    "load": "zoo.api",
    "load_data": "zoo.api",
    "train": "zoo.api",
    "tune": "zoo.api",
    "verify": "zoo.api",
    "Export": "zoo.artefacts.export",
    "Predictions": "zoo.tasks.answers",
    "Predictor": "zoo.artefacts.predictor",
    "Run": "zoo.artefacts.run",
    "ArtefactError": "zoo.errors",
    "DataError": "zoo.errors",
    "UnknownNameError": "zoo.errors",
    "UsageError": "zoo.errors",
    "ZooError": "zoo.errors",
    "Baseline": "zoo.evaluation.baseline",
    "Comparison": "zoo.evaluation.comparison",
    "Evaluation": "zoo.tasks.answers",
    "HyperModel": "zoo.api.hypermodel",
    "DataInfo": "zoo.pipeline.info",
    "LearningRateSweep": "zoo.training.learning_rate",
    "Splits": "zoo.pipeline.splits",
    "info": "zoo.registry",
    "list_datasets": "zoo.registry",
    "list_models": "zoo.registry",
    "list_pretrained": "zoo.artefacts.released",
    "register_dataset": "zoo.registry",
    "register_model": "zoo.registry",
    "Search": "zoo.tuning.search",
    "Verification": "zoo.evaluation.verification",
    "text": "zoo.text",
}

__all__ = [
    "ArtefactError",
    "Baseline",
    "Comparison",
    "DataError",
    "DataInfo",
    "Evaluation",
    "Export",
    "HyperModel",
    "LearningRateSweep",
    "Predictions",
    "Predictor",
    "Run",
    "Search",
    "Splits",
    "UnknownNameError",
    "UsageError",
    "Verification",
    "ZooError",
    "baseline",
    "build",
    "compare",
    "evaluate",
    "export",
    "find_learning_rate",
    "info",
    "list_datasets",
    "list_models",
    "list_pretrained",
    "load",
    "load_data",
    "register_dataset",
    "register_model",
    "text",
    "train",
    "tune",
    "verify",
]

register_with_keras()  # installs an import hook if Keras is not imported yet
warn_of_unrelated()


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    home = importlib.import_module(_HOME[name])
    value = home if home.__name__ == f"zoo.{name}" else getattr(home, name)  # `zoo.text` is a package
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
