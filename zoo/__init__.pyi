"""The public names of zoo. `__init__.py` imports each from its module on first use."""

from . import text as text
from .api.building import build as build
from .api.comparing import compare as compare
from .api.exporting import export as export
from .api.loading import load_data as load_data
from .api.predicting import load as load
from .api.predicting import predict as predict
from .api.scoring import baseline as baseline
from .api.scoring import evaluate as evaluate
from .api.searching import tune as tune
from .api.sweeping import find_learning_rate as find_learning_rate
from .api.training import train as train
from .api.verifying import verify as verify
from .artefacts.export import Export as Export
from .artefacts.predictor import Predictor as Predictor
from .artefacts.released import list_pretrained as list_pretrained
from .artefacts.run import Run as Run
from .errors import ArtefactError as ArtefactError
from .errors import DataError as DataError
from .errors import UnknownNameError as UnknownNameError
from .errors import UsageError as UsageError
from .errors import ZooError as ZooError
from .evaluation.baseline import Baseline as Baseline
from .evaluation.comparison import Comparison as Comparison
from .evaluation.verification import Verification as Verification
from .pipeline.info import DataInfo as DataInfo
from .pipeline.splits import Splits as Splits
from .registry import info as info
from .registry import list_datasets as list_datasets
from .registry import list_models as list_models
from .registry import register_dataset as register_dataset
from .registry import register_model as register_model
from .tasks.answers import Evaluation as Evaluation
from .tasks.answers import Predictions as Predictions
from .training.learning_rate import LearningRateSweep as LearningRateSweep
from .tuning.hypermodel import HyperModel as HyperModel
from .tuning.search import Search as Search

__version__: str
