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
    from zoo.api import (
        baseline,
        build,
        compare,
        evaluate,
        export,
        find_learning_rate,
        load,
        load_data,
        predict,
        train,
        tune,
        verify,
    )
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
    from zoo.tuning.hypermodel import HyperModel
    from zoo.tuning.search import Search

_HOME = {
    name: home
    for home, names in {
        "zoo.api": "baseline build compare evaluate export find_learning_rate load load_data predict train tune verify",
        "zoo.tuning.hypermodel": "HyperModel",
        "zoo.artefacts.export": "Export",
        "zoo.artefacts.predictor": "Predictor",
        "zoo.artefacts.released": "list_pretrained",
        "zoo.artefacts.run": "Run",
        "zoo.errors": "ArtefactError DataError UnknownNameError UsageError ZooError",
        "zoo.evaluation.baseline": "Baseline",
        "zoo.evaluation.comparison": "Comparison",
        "zoo.evaluation.verification": "Verification",
        "zoo.pipeline.info": "DataInfo",
        "zoo.pipeline.splits": "Splits",
        "zoo.registry": "info list_datasets list_models register_dataset register_model",
        "zoo.tasks.answers": "Evaluation Predictions",
        "zoo.text": "text",
        "zoo.training.learning_rate": "LearningRateSweep",
        "zoo.tuning.search": "Search",
    }.items()
    for name in names.split()
}

__all__ = [
    "ArtefactError", "Baseline", "Comparison", "DataError", "DataInfo", "Evaluation", "Export", "HyperModel",
    "LearningRateSweep", "Predictions", "Predictor", "Run", "Search", "Splits", "UnknownNameError", "UsageError",
    "Verification", "ZooError", "baseline", "build", "compare", "evaluate", "export", "find_learning_rate", "info",
    "list_datasets", "list_models", "list_pretrained", "load", "load_data", "predict", "register_dataset", "register_model",
    "text", "train", "tune", "verify",
]  # fmt: skip

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
