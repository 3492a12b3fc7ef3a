"""The settings of a training run, checked once, from the verb to the engine.

Settings are flat: `epochs`, `learning_rate`, ..., `model.NAME` for a factory's arguments and `data.NAME` for reading data.
The same keys serve YAML files, the command line and `run.json`. In Python, `model_arguments` and `data_arguments` replace the
prefixes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FiniteFloat,
    NonNegativeFloat,
    PositiveFloat,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from zoo.arguments import Count, Natural, Rate
from zoo.errors import UnknownNameError, UsageError
from zoo.keywords import SETTING_NAMES as SETTING_NAMES
from zoo.keywords import MonitorName, OptimizerName, PartName, ScheduleName
from zoo.registry import MODELS, ModelEntry

Checked = TypeVar("Checked", bound=BaseModel)
UNNAMED = ("arrays", "tf.data")  # names of data in memory, which cannot be read again by name


def _check_encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError as error:
        raise ValueError(f"no encoding has this name: {error}") from error
    return name


def _check_fold(fold: tuple[int, int]) -> tuple[int, int]:
    if fold[0] > fold[1] or fold[1] < 2:
        raise ValueError("[number, folds], from [1, folds] to [folds, folds], with 2 folds or more")
    return fold


def _check_class_weight(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    if not all(isinstance(weight, int | float) and 0 <= weight < math.inf for weight in given.values()):
        raise ValueError('"balanced", or a number of at least 0 for each label')
    if given and not any(given.values()):
        raise ValueError("at least one label has a weight above 0")
    return {str(label): weight for label, weight in given.items()}


def _check_learning_rate(rate: float, info: ValidationInfo) -> float:
    if rate == 0 and info.data.get("optimizer") != "own":  # the user's own schedule may start at 0
        raise ValueError("Input should be greater than 0")
    return rate


Share = Annotated[float, Gt(0), Lt(1)]
Portion = Annotated[float, Ge(0), Le(1)]
Seed = Annotated[int, Ge(0), Lt(2**32)]
Encoding = Annotated[str, AfterValidator(_check_encoding)]
Fold = Annotated[tuple[Count, Count], AfterValidator(_check_fold)]
ClassWeight = Annotated[Literal["balanced"] | dict[str, float] | None, BeforeValidator(_check_class_weight)]
LearningRate = Annotated[FiniteFloat, Ge(0), AfterValidator(_check_learning_rate)]


class DataArguments(BaseModel):
    """How to read, clean and split the data; on the command line and in YAML with the prefix `data.`.

    Args:
        label_column: tables and text files: column to predict.
        text_column: text files and tables of texts: column that holds the texts.
        encoding: text files: character encoding, for example gb18030.
        parts: folders: file or subfolder of each part.
        ignore_columns: tables: columns to leave out.
        image_size: images: height and width to resize to; default: 96 x 96 for a folder of mixed sizes.
        channels: image folders: 1 for greyscale, 3 for RGB.
        validation: fraction of the training part to validate on if there is no validation part; 0 trains on both parts.
        fold: cross-validation: [2, 5] validates on the second of five folds of the training and validation parts.
        split_seed: seed for splitting the data.
        duplicates: what to do with rows that repeat an earlier row of their part.
        overlap: what to do with training rows that also occur in validation or test, and validation rows in test.
        conflicts: what to do with rows that also occur in their part with another label.
        broken: what to do with unreadable images, and rows without a label or text.
        data_dir: folder of prepared TensorFlow Datasets.
        memory_budget_mb: maximum megabytes of images or tf.data to keep in memory.
        vocabulary_size: texts: maximum number of token ids, including padding and the unknown token.
        min_frequency: texts: minimum frequency of a word; rarer words become the unknown token.
        lower: texts: convert to lower case.
        char_level: texts: make each character a token; Chinese characters always are.
        max_length: texts: maximum number of tokens; longer texts are truncated.
        truncation: texts: where to truncate longer texts.
        padding: texts: where to pad shorter texts.
        buckets: texts: batch texts of similar length; otherwise pad every text to max_length.
        vocabulary: texts: run or released model to copy the vocabulary and length from; default: learn them.
        raw: texts: yield strings instead of token ids, for a model that takes raw text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)  # a column's name may be 1

    label_column: str | None = None
    text_column: str | None = None
    encoding: Encoding = "utf-8"
    parts: dict[PartName, str] | None = None
    ignore_columns: tuple[str, ...] = ()
    image_size: tuple[Count, Count] | None = None
    channels: Literal[1, 3] | None = None
    validation: Rate = 0.1
    fold: Fold | None = None
    split_seed: Seed = 0
    duplicates: Literal["keep", "drop"] = "keep"
    overlap: Literal["keep", "drop"] = "drop"
    conflicts: Literal["keep", "drop"] = "keep"
    broken: Literal["refuse", "drop"] = "refuse"
    data_dir: str | None = None
    memory_budget_mb: Natural = 256
    vocabulary_size: Annotated[int, Ge(3)] = 20_000
    min_frequency: Count = 1
    lower: bool = True
    char_level: bool = False
    max_length: Count = 256
    truncation: Literal["pre", "post", "middle"] = "middle"
    padding: Literal["pre", "post"] = "post"
    buckets: bool = True
    vocabulary: str | None = None
    raw: bool = False

    @model_validator(mode="after")
    def _check_together(self) -> DataArguments:
        if self.fold is not None and not self.validation:
            raise ValueError("data.fold creates a validation part and data.validation=0 removes it: omit one of them")
        names = ("vocabulary_size", "min_frequency", "lower", "char_level", "max_length", "truncation", "padding", "raw")
        fields = type(self).model_fields  # `config.yaml` lists the defaults too
        changed = [f"data.{name}" for name in names if getattr(self, name) != fields[name].default]
        if self.vocabulary is not None and changed:
            raise ValueError(f"data.vocabulary or the weights of a text model determine these: omit {', '.join(changed)}")
        return self


class Settings(BaseModel):
    """Everything that determines a training run.

    Args:
        model: name of a model or variant.
        data: name of a data set, or a path.
        task: task, for example image_classification; default: the task of the data.
        weights: weights to start from: a run, a released model (lstm@imdb), or its data (imdb).
        epochs: passes over the training part; default: the task's.
        steps_per_epoch: batches per epoch; default: the whole training part.
        batch_size: examples per step, over all devices; auto chooses a size; default: the task's.
        optimizer: optimizer; own is the one that your keras.Model was compiled with.
        learning_rate: peak learning rate, above 0; auto chooses one; default: the task's.
        precision: numeric precision; default: Keras' global policy; auto chooses one.
        weight_decay: weight decay; default: the optimizer's own (0.004 for adamw, none for the others).
        schedule: learning-rate schedule; default: the task's.
        warmup: fraction of all steps over which the learning rate rises; default: the task's.
        decay: factor for the learning rate: at each drop (step, plateau) or in total (exponential).
        step_at: schedule=step: when the learning rate drops, as fractions of all steps.
        plateau_patience: schedule=plateau: epochs without improvement before a drop.
        clip_norm: maximum global gradient norm.
        accumulation_steps: number of batches to average gradients over before each step.
        ema: momentum of the moving average that replaces the trained weights; 0 turns it off.
        label_smoothing: fraction of each label to spread over all classes.
        class_weight: loss weight of each label; balanced gives each class the same total weight.
        monitor: validation score for early stopping and keep=best; default: the task's.
        early_stopping: epochs without improvement before training stops.
        keep: epoch whose model is kept.
        augment_shift: images: maximum shift, as a fraction of the side.
        augment_rotate: images: maximum rotation in either direction, in degrees.
        augment_zoom: images: maximum zoom in or out, as a fraction.
        augment_cutout: images: side of a blank square, as a fraction of the image's side.
        augment_invert: images: fraction of images to invert.
        seed: seed for weights, dropout, augmentation and the order of training examples.
        checkpoint_seconds: seconds between checkpoints; 0 writes one after every batch.
        auto_seconds: time budget for choosing settings given as auto, in seconds.
        keep_checkpoints: number of checkpoints to keep.
        baseline: texts: also score a baseline.
        model_arguments: names of the factory's arguments; None accepts any; default None.
        data_arguments: how to read, clean and split the data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str
    data: str
    task: str
    weights: str | None = None
    epochs: Count = 5
    steps_per_epoch: Count | None = None
    batch_size: Count = 128
    optimizer: Literal[OptimizerName, "own"] = "adam"
    learning_rate: LearningRate = 0.001
    precision: Literal["float32", "mixed_bfloat16"] | None = None
    weight_decay: NonNegativeFloat | None = None
    schedule: ScheduleName = "constant"
    warmup: Rate = 0.0
    decay: Share = 0.1
    step_at: Annotated[tuple[Share, ...], MinLen(1)] = (0.5, 0.75)
    plateau_patience: Count = 3
    clip_norm: PositiveFloat | None = None
    accumulation_steps: Count = 1
    ema: Rate = 0.0
    label_smoothing: Rate = 0.0
    class_weight: ClassWeight = None
    monitor: MonitorName | None = None
    early_stopping: Count | None = None
    keep: Literal["last", "best"] = "last"
    augment_shift: Rate = 0.0
    augment_rotate: Annotated[float, Ge(0), Le(180)] = 0.0
    augment_zoom: Rate = 0.0
    augment_cutout: Portion = 0.0
    augment_invert: Portion = 0.0
    seed: Seed = 0
    checkpoint_seconds: NonNegativeFloat = 60.0
    auto_seconds: PositiveFloat = 60.0
    keep_checkpoints: Count = 2
    baseline: bool = True
    model_arguments: dict[str, Any] = {}
    data_arguments: DataArguments = DataArguments()

    @property
    def follows_score(self) -> bool:
        """Whether the settings need a validation score."""
        return self.keep == "best" or self.early_stopping is not None or self.schedule == "plateau"

    def to_flat(self) -> dict[str, Any]:
        """Return the settings as plain flat keys, as in `config.yaml`."""
        plain = self.model_dump(mode="json")
        return flatten(plain, plain.pop("model_arguments"), plain.pop("data_arguments"))


AUTO_NAMES = ("precision", "batch_size", "learning_rate")  # settings that accept "auto"
OF_SCHEDULES = {"decay": ("step", "exponential", "plateau"), "step_at": ("step",), "plateau_patience": ("plateau",)}


def flatten(
    settings: Mapping[str, Any], model_arguments: Mapping[str, Any] | None, data_arguments: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the keywords of a verb as flat keys.

    Raises:
        UsageError: a keyword is an argument of a model or of the data, with the prefix of YAML and the command line or without.
        UnknownNameError: a keyword resembles `model_arguments` or `data_arguments`.
    """
    for key, value in settings.items():
        if prefix := _prefix_of(key):
            raise UsageError(
                f"In Python, model and data arguments are mappings. Received: {key}={value!r}. "
                f"Write {prefix}_arguments={{{key.removeprefix(f'{prefix}.')!r}: {value!r}}}."
            )
        if key.startswith(("model_", "data_")):
            raise UnknownNameError("argument", key, ("model_arguments", "data_arguments"))
    flat = dict(settings)
    for prefix, given in (("model", model_arguments), ("data", data_arguments)):
        if not isinstance(given, Mapping | None):
            raise UsageError(f"`{prefix}_arguments` must be a mapping of names to values. Received: {given!r}. Pass a mapping.")
        flat |= {f"{prefix}.{name}": value for name, value in (given or {}).items()}
    return flat


def arguments_under(prefix: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments in flat settings, without their prefix "model" or "data"."""
    return {key.removeprefix(f"{prefix}."): value for key, value in settings.items() if key.startswith(f"{prefix}.")}


def _prefix_of(key: str) -> str:
    """Return "model" or "data" for an argument of a model or of the data, with or without this prefix; otherwise ""."""
    prefix, dot, _ = key.partition(".")
    if dot or key in SETTING_NAMES:
        return prefix if dot and prefix in ("model", "data") else ""
    if key in DataArguments.model_fields:
        return "data"
    return "model" if any(key in entry.defaults for entry in MODELS.values()) else ""


def resolve(*layers: Mapping[str, Any], model_arguments: Collection[str] | None = None) -> Settings:
    """Merge flat settings, and check names and values; later layers override earlier ones.

    Args:
        *layers: flat settings.
        model_arguments: names of the factory's arguments; None accepts any; default None.

    Raises:
        UnknownNameError: a key is unknown; the message suggests the nearest one.
        UsageError: a value is missing or not accepted.
    """
    merged = {key: value for layer in layers for key, value in layer.items()}
    known = {*SETTING_NAMES, *(f"data.{name}" for name in DataArguments.model_fields)}
    known |= {f"model.{name}" for name in model_arguments or ()}
    nested: dict[str, Any] = {"model_arguments": {}, "data_arguments": {}}
    for key, value in merged.items():
        prefix, _, name = key.partition(".")
        if key not in known and not (prefix == "model" and name and model_arguments is None):
            raise UnknownNameError("setting", key, known)
        if not name:
            nested[key] = value
        else:
            nested[f"{prefix}_arguments"][name] = value
    return _validated(Settings, nested)


def check_used(settings: Settings, explicit: Collection[str]) -> None:
    """Reject a setting that has no effect with the others, unless it has its default value, as in `config.yaml`.

    Raises:
        UsageError: there is such a setting; the message names the settings that use it.
    """
    needed = {name: f"schedule={' or '.join(ones)}" for name, ones in OF_SCHEDULES.items() if settings.schedule not in ones}
    if not settings.follows_score:
        needed["monitor"] = "early_stopping, keep=best or schedule=plateau"
    for name, users in needed.items():
        value = getattr(settings, name)
        if name in explicit and value != Settings.model_fields[name].default:
            raise UsageError(
                f"`{name}` is for {users}. Received: {name}={value} with schedule={settings.schedule}. "
                "Omit it, or set one of these."
            )


def data_arguments(given: Mapping[str, Any]) -> DataArguments:
    """Return checked data arguments.

    Raises:
        UnknownNameError: a name is not accepted; the message suggests the nearest one.
        UsageError: a value is not accepted.
    """
    for name in given:
        if name not in DataArguments.model_fields:
            raise UnknownNameError("data argument", name, DataArguments.model_fields)
    return _validated(DataArguments, given)


def check_values(model: ModelEntry, given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert arguments to the annotated types of a model factory: "1e-4" and NumPy numbers become plain numbers.

    Raises:
        UsageError: a value does not fit its annotation.
    """
    annotations, checked = model.annotations, {}
    for name, value in given.items():
        plain = value.tolist() if hasattr(value, "tolist") else value
        try:
            checked[name] = TypeAdapter(annotations[name]).validate_python(plain)
        except ValidationError as error:
            default = model.defaults[name]
            shell = f" (on the command line '{[*default]}')" if isinstance(default, tuple) else ""
            raise UsageError(
                f"`{name}` of model {model.name!r} is not accepted: {error.errors()[0]['msg']}. Received: {value!r}. "
                f"Pass a value like the default, {default!r}{shell}."
            ) from error
    return checked


def _validated(kind: type[Checked], given: Mapping[str, Any]) -> Checked:
    try:
        return kind(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"]).replace("data_arguments", "data")
        message = problem["msg"].removeprefix("Value error, ")
        if name in ("", "data") and problem["type"] == "value_error":  # raised by a validator of the whole model
            raise UsageError(f"Settings contradict each other: {message}.") from error
        raise UsageError(
            f"The setting `{name}` is not accepted: {message}. Received: {problem['input']!r}. "
            f"See {'zoo.load_data' if kind is DataArguments else 'zoo.train, or zoo train MODEL --help,'} for accepted values."
        ) from error
