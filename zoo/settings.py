"""Settings: what decides a training run, checked once, from the verb to the engine.

Settings are flat: `epochs`, `learning_rate`, ..., `model.NAME` for a factory's arguments and `data.NAME` for reading data.
The same keys serve YAML files, the command line and `run.json`. In Python, `model_arguments` and `data_arguments` replace the
prefixes.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from zoo.errors import UnknownNameError, UsageError
from zoo.keywords import SETTING_NAMES as SETTING_NAMES
from zoo.keywords import MonitorName, OptimizerName, PartName, ScheduleName

UNNAMED = ("arrays", "tf.data")  # names in settings for data in memory, which cannot be read again by name
Share = Annotated[float, Field(gt=0, lt=1)]


class DataArguments(BaseModel):
    """How data are read, cleaned and split; on the command line and in YAML with the prefix `data.`."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)  # a column may be called 1

    label_column: str | None = Field(default=None, description="tables and text files: the column to predict")
    text_column: str | None = Field(default=None, description="text files and tables of texts: the column with the texts")
    encoding: str = Field(default="utf-8", description="text files: the encoding, for example gb18030")
    parts: dict[PartName, str] | None = Field(default=None, description="folders: the file or subfolder that holds each part")
    ignore_columns: tuple[str, ...] = Field(default=(), description="tables: columns to leave out")
    image_size: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description="images: height and width to resize to; default 96 x 96 for a folder of mixed sizes"
    )
    channels: Literal[1, 3] | None = Field(default=None, description="image folders: 1 for grey, 3 for RGB")
    validation: float = Field(
        default=0.1, ge=0, lt=1, description="share of train for a missing validation part; 0 trains on validation too"
    )
    fold: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description="cross-validation: [2, 5] validates on the second fifth of train and validation together"
    )
    split_seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the splits")
    duplicates: Literal["keep", "drop"] = Field(default="keep", description="what to do with repeated rows within train")
    overlap: Literal["keep", "drop"] = Field(
        default="drop", description="what to do with train rows that are also in validation or test"
    )
    conflicts: Literal["keep", "drop"] = Field(
        default="keep", description="what to do with train rows that have another label elsewhere"
    )
    broken: Literal["refuse", "drop"] = Field(
        default="refuse", description="what to do with unreadable examples and rows without a label"
    )
    data_dir: str | None = Field(default=None, description="folder of prepared TensorFlow Datasets")
    memory_budget_mb: int = Field(default=256, ge=0, description="most megabytes of images or token ids to keep in memory")
    vocabulary_size: int = Field(default=20_000, ge=3, description="texts: most token ids, including padding and unknown")
    min_frequency: int = Field(default=1, ge=1, description="texts: rarer words become the unknown token")
    lower: bool = Field(default=True, description="texts: convert to lower case")
    char_level: bool = Field(default=False, description="texts: make each character a token; Chinese characters always are")
    max_length: int = Field(default=256, ge=1, description="texts: most tokens to keep of each text")
    truncation: Literal["pre", "post", "middle"] = Field(default="middle", description="texts: where longer texts are cut")
    padding: Literal["pre", "post"] = Field(default="post", description="texts: where shorter texts are padded")
    buckets: bool = Field(
        default=True, description="texts: batch texts of similar length; otherwise pad every text to max_length"
    )
    vocabulary: str | None = Field(
        default=None, description="texts: run or released model to take the vocabulary and length from; default: learn them"
    )
    raw: bool = Field(default=False, description="texts: yield strings, not token ids, for a model that takes raw text")

    @model_validator(mode="after")
    def _either_fold_or_none(self) -> DataArguments:
        if self.fold is not None and not self.validation:
            raise ValueError("data.fold makes a validation part and data.validation=0 removes it: leave one of them out")
        return self

    @model_validator(mode="after")
    def _either_vocabulary_or_how_to_learn_one(self) -> DataArguments:
        names = ("vocabulary_size", "min_frequency", "lower", "char_level", "max_length", "truncation", "padding", "raw")
        fields = type(self).model_fields  # `config.yaml` lists the defaults too
        changed = [f"data.{name}" for name in names if getattr(self, name) != fields[name].default]
        if self.vocabulary is not None and changed:
            raise ValueError(f"data.vocabulary, or the weights of a text model, set these: leave out {', '.join(changed)}")
        return self

    @field_validator("fold")
    @classmethod
    def _fold_of_all(cls, fold: tuple[int, int] | None) -> tuple[int, int] | None:
        if fold is not None and not (fold[0] <= fold[1] and fold[1] >= 2):
            raise ValueError("[number, folds], from [1, folds] to [folds, folds], with 2 folds or more")
        return fold

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            "".encode(name)
        except LookupError as error:
            raise ValueError(f"no encoding of this name: {error}") from error
        return name


class Settings(BaseModel):
    """Everything that decides a training run."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str = Field(description="name of a model or variant")
    data: str = Field(description="name of a data set, or a path")
    task: str = Field(description="task, for example image_classification; default: that of the data")
    weights: str | None = Field(
        default=None, description="trained weights to start from: a run, or a released model by its data or name"
    )
    epochs: int = Field(default=5, ge=1, description="passes over the training part")
    steps_per_epoch: int | None = Field(default=None, ge=1, description="batches in an epoch; default: the whole training part")
    batch_size: int = Field(default=128, ge=1, description="examples in a step, over all devices; auto chooses one")
    optimizer: Literal[OptimizerName, "own"] = Field(
        default="adam", description="optimizer; own: the one that a keras.Model was compiled with"
    )
    learning_rate: float = Field(
        default=0.001, ge=0, allow_inf_nan=False, description="peak of the schedule, above 0; auto chooses one"
    )
    precision: Literal["float32", "mixed_bfloat16"] | None = Field(
        default=None, description="numeric precision; default: Keras' global policy; auto chooses one"
    )
    weight_decay: float | None = Field(
        default=None, ge=0, description="weight decay; default: the optimizer's own, 0.004 for adamw and none for others"
    )
    schedule: ScheduleName = Field(default="constant", description="learning-rate schedule")
    warmup: float = Field(default=0.0, ge=0, lt=1, description="share of all steps in which the learning rate rises")
    decay: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="learning-rate factor: of each drop (step, plateau) or in total (exponential)",
    )
    step_at: tuple[Share, ...] = Field(
        default=(0.5, 0.75), min_length=1, description="schedule=step: the drops, as shares of all steps"
    )
    plateau_patience: int = Field(default=3, ge=1, description="schedule=plateau: epochs without a better score before a drop")
    clip_norm: float | None = Field(default=None, gt=0, description="upper limit of the global gradient norm")
    accumulation_steps: int = Field(default=1, ge=1, description="batches whose gradients are averaged into one step")
    ema: float = Field(
        default=0.0, ge=0, lt=1, description="momentum of averaged weights, which replace the trained ones; 0 turns them off"
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="share of each label that is spread over all classes")
    class_weight: Literal["balanced"] | dict[str, float] | None = Field(
        default=None, description="loss weight of each label; balanced gives each class the same total weight"
    )
    monitor: MonitorName | None = Field(
        default=None, description="validation score for early stopping and keep=best; default: the task's"
    )
    early_stopping: int | None = Field(default=None, ge=1, description="epochs without a better score after which to stop")
    keep: Literal["last", "best"] = Field(default="last", description="epoch whose model the run keeps")
    augment_shift: float = Field(default=0.0, ge=0, lt=1, description="images: largest shift, as a share of a side")
    augment_rotate: float = Field(default=0.0, ge=0, le=180, description="images: largest rotation to either side, in degrees")
    augment_zoom: float = Field(default=0.0, ge=0, lt=1, description="images: largest zoom in or out, as a share")
    augment_cutout: float = Field(default=0.0, ge=0, le=1, description="images: side of a blank square, as a share of a side")
    augment_invert: float = Field(default=0.0, ge=0, le=1, description="images: share of images that are inverted")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of weights, dropout, augmentation and training order")
    checkpoint_seconds: float = Field(
        default=60.0, ge=0, description="seconds between checkpoints; 0 writes one after each batch"
    )
    auto_seconds: float = Field(default=60.0, gt=0, description="time budget, in seconds, for choosing settings given as auto")
    keep_checkpoints: int = Field(default=2, ge=1, description="number of newest checkpoints to keep")
    baseline: bool = Field(default=True, description="texts: score a baseline next to the model")
    model_arguments: dict[str, Any] = {}
    data_arguments: DataArguments = DataArguments()

    @field_validator("class_weight", mode="before")
    @classmethod
    def _weights_by_label(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        if not all(isinstance(weight, int | float) and 0 <= weight < math.inf for weight in given.values()):
            raise ValueError('"balanced", or a number of at least 0 for each label')
        if given and not any(given.values()):
            raise ValueError("at least one label has a weight above 0")
        return {str(label): weight for label, weight in given.items()}

    @field_validator("learning_rate")
    @classmethod
    def _rate_above_zero(cls, rate: float, info: ValidationInfo) -> float:
        if rate == 0 and info.data.get("optimizer") != "own":  # an own schedule may start at 0
            raise PydanticCustomError("greater_than", "Input should be greater than 0")
        return rate

    @property
    def follows_score(self) -> bool:
        """Whether anything depends on a validation score."""
        return self.keep == "best" or self.early_stopping is not None or self.schedule == "plateau"

    def to_flat(self) -> dict[str, Any]:
        """Return the settings as plain flat keys, as `config.yaml` has them."""
        plain = self.model_dump(mode="json")
        model_arguments = plain.pop("model_arguments")
        data_arguments = plain.pop("data_arguments")
        return {
            **plain,
            **{f"model.{key}": value for key, value in model_arguments.items()},
            **{f"data.{key}": value for key, value in data_arguments.items()},
        }


AUTO_NAMES = ("precision", "batch_size", "learning_rate")  # settings that accept "auto"
OF_SCHEDULES = {"decay": ("step", "exponential", "plateau"), "step_at": ("step",), "plateau_patience": ("plateau",)}


def flatten(
    settings: Mapping[str, Any], model_arguments: Mapping[str, Any] | None, data_arguments: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the keywords of a verb as flat keys.

    Raises:
        UsageError: a keyword has a prefix, which belongs to YAML and the command line.
    """
    for key, value in settings.items():
        prefix, dot, name = key.partition(".")
        if dot and prefix in ("model", "data"):
            raise UsageError(
                f"In Python, model and data arguments are mappings. Received: {key}={value!r}. "
                f"Write {prefix}_arguments={{{name!r}: {value!r}}}."
            )
    nested = {"model": model_arguments, "data": data_arguments}
    for prefix, given in nested.items():
        if given is not None and not isinstance(given, Mapping):
            raise UsageError(f"`{prefix}_arguments` is a mapping of names to values. Received: {given!r}. Give a mapping.")
    own = {f"{prefix}.{name}": value for prefix, given in nested.items() for name, value in (given or {}).items()}
    return {**settings, **own}


def resolve(*layers: Mapping[str, Any], model_arguments: Collection[str] | None = None) -> Settings:
    """Merge flat settings, later layers over earlier ones, and check names and values.

    Args:
        *layers: flat settings.
        model_arguments: names of the factory's arguments; None accepts any; default None.

    Raises:
        UnknownNameError: a key is not known; the message has the nearest one.
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
        elif prefix == "model" or value is not None:
            nested[f"{prefix}_arguments"][name] = value
    settings: Settings = _validated(Settings, nested)
    return settings


def check_used(settings: Settings, explicit: Collection[str]) -> None:
    """Refuse a setting that has no effect with the others, unless it has its default value, as in `config.yaml`.

    Raises:
        UsageError: the message names the settings that use it.
    """
    if "monitor" in explicit and settings.monitor and not settings.follows_score:
        raise UsageError(
            f"Nothing uses the monitored score. Received: monitor={settings.monitor} without early_stopping, keep=best or "
            "schedule=plateau. Set one of these, or leave it out."
        )
    for name, schedules in OF_SCHEDULES.items():
        value = getattr(settings, name)
        if name in explicit and settings.schedule not in schedules and value != Settings.model_fields[name].default:
            raise UsageError(
                f"`{name}` is for schedule={' or '.join(schedules)}. "
                f"Received: {name}={value} with schedule={settings.schedule}. Leave it out, or set the schedule."
            )


def check_unchanged(path: Path, settings: Settings) -> None:
    """Refuse a `config.yaml` that differs from the settings of its run; a missing file is accepted.

    Raises:
        UsageError: the message names the keys that differ.
    """
    if not path.is_file():
        return
    try:
        written, own = resolve(read_yaml(path)).to_flat(), settings.to_flat()
    except UsageError as error:
        raise UsageError(f"{error} This is in {path}, which must stay as the run wrote it: restore or delete it.") from error
    changed = sorted(key for key in written.keys() | own.keys() if written.get(key) != own.get(key))
    if changed:
        raise UsageError(
            f"A run resumes with its own settings. Received: {path} and run.json that differ in {', '.join(changed)}. "
            f"Change them back, or start a new run: zoo train --config {path}"
        )


def data_arguments(given: Mapping[str, Any]) -> DataArguments:
    """Return checked data arguments.

    Raises:
        UnknownNameError: a name is not accepted; the message has the nearest.
        UsageError: a value is not accepted.
    """
    for name in given:
        if name not in DataArguments.model_fields:
            raise UnknownNameError("data argument", name, DataArguments.model_fields)
    arguments: DataArguments = _validated(DataArguments, given)
    return arguments


def data_arguments_in(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data arguments among flat settings, without those that have their default value."""
    defaults = DataArguments().model_dump(mode="json")
    found = {name: flat.get(f"data.{name}", default) for name, default in defaults.items()}
    return {name: value for name, value in found.items() if value != defaults[name]}


def check_values(
    model: str, annotations: Mapping[str, Any], defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return arguments as the types of a model factory's annotations: "1e-4" and NumPy numbers become plain numbers.

    Raises:
        UsageError: a value does not fit its annotation.
    """
    checked = {}
    for name, value in given.items():
        plain = value.tolist() if hasattr(value, "tolist") else value
        try:
            checked[name] = TypeAdapter(annotations[name]).validate_python(plain)
        except ValidationError as error:
            problem = error.errors()[0]
            raise UsageError(
                f"`{name}` of model {model!r} is not accepted: {problem['msg']}. Received: {value!r}. "
                f"Give a value like its default, {defaults[name]!r}."
            ) from error
    return checked


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the flat settings of a YAML file.

    Raises:
        UsageError: the file is missing, is not YAML, or is not a mapping of flat keys.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file cannot be read. Received: {path} ({error}). Give a YAML file.") from error
    loaded = _parse_yaml(text, source=str(path))
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise UsageError(
            f"A configuration file holds `key: value` lines. Received: {type(loaded).__name__} in {path}. "
            "Write for example `epochs: 3`."
        )
    return loaded


def read_config(config: object) -> dict[str, Any]:
    """Return the flat settings of a YAML file or a mapping; none for None.

    Raises:
        UsageError: it is neither, or the file cannot be read.
    """
    if isinstance(config, Mapping):
        return dict(config)
    if not isinstance(config, str | os.PathLike | None):
        raise UsageError(f"`config` is a YAML file or a mapping. Received: {type(config).__name__}. Give one of them.")
    return read_yaml(config) if config else {}


def parse_assignments(assignments: list[str]) -> dict[str, Any]:
    """Return the settings in `["epochs=3", "model.filters=[8, 16]"]`; values are YAML.

    Raises:
        UsageError: an assignment has no `=`, or its value is not YAML.

    Example:
        >>> parse_assignments(["learning_rate=1e-3", "model.units=64"])
        {'learning_rate': 0.001, 'model.units': 64}
    """
    settings = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"A setting is KEY=VALUE. Received: {assignment!r}. Write for example epochs=3.")
        settings[key.strip()] = _parse_yaml(value, source=assignment)
    return settings


def write_yaml(settings: Settings) -> str:
    """Return the settings as the text of a `config.yaml`."""
    text: str = yaml.dump(settings.to_flat(), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Loader(yaml.SafeLoader):
    """YAML 1.1 with the floats of YAML 1.2: PyYAML alone reads 1e-3 as a string."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse duplicate keys; PyYAML silently takes the last one."""
        keys = [key.value for key, _ in node.value]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate keys: {', '.join(twice)}", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


class _Dumper(yaml.SafeDumper):
    """Quotes strings that `_Loader` would read as floats."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789"))


def _parse_yaml(text: str, source: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
        raise UsageError(f"This is not YAML. Received: {source} ({error}). Quote text that has `:` or `[`.") from error


def _validated(kind: type[Any], given: Mapping[str, Any]) -> Any:
    try:
        return kind(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"]).replace("data_arguments", "data")
        if name in ("", "data") and problem["type"] == "value_error":  # raised by a validator of the whole
            raise UsageError(f"Settings do not go together: {problem['msg'].removeprefix('Value error, ')}.") from error
        raise UsageError(
            f"The setting `{name}` is not accepted: {problem['msg']}. Received: {problem['input']!r}. "
            f"See {'zoo.load_data' if kind is DataArguments else 'zoo.train'} for what it takes."
        ) from error
