"""Settings: task defaults, then the recipe, then a YAML file, then what the caller sets, checked in one place.

Settings are flat: `epochs`, `learning_rate`, ..., `model.NAME` for a factory's arguments and `data.NAME` for reading data.
The same keys serve YAML files, `--set` and `run.json`.
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

OptimizerName = Literal["adam", "adamw", "lazy_adam", "lion", "momentum", "nesterov", "rmsprop", "sgd"]
ScheduleName = Literal["constant", "cosine", "exponential", "one_cycle", "plateau", "step"]
MonitorName = Literal["loss", "accuracy", "macro_f1", "mae", "rmse", "r2"]
UNNAMED = ("arrays", "tf.data")  # what settings call data that nobody finds again by their name
Share = Annotated[float, Field(gt=0, lt=1)]


class DataArguments(BaseModel):
    """How data are read, cleaned and split; on the command line and in YAML with the prefix `data.`."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)  # a column may be called 1

    label_column: str | None = Field(default=None, description="tables and text files: the column to predict")
    text_column: str | None = Field(default=None, description="text files and tables of texts: the column of texts")
    encoding: str = Field(default="utf-8", description="text files: their encoding, for example gb18030")
    parts: dict[Literal["train", "validation", "test"], str] | None = Field(
        default=None, description="folders: the file or folder in it that is each part"
    )
    ignore_columns: tuple[str, ...] = Field(default=(), description="tables: columns to leave out")
    image_size: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description="height and width that images are resized to; in a folder of several sizes 96 x 96"
    )
    channels: Literal[1, 3] | None = Field(default=None, description="image folders: 1 for grey, 3 for RGB")
    validation: float = Field(
        default=0.1, ge=0, lt=1, description="share of train that becomes a missing validation part; 0 trains on validation too"
    )
    fold: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, description="[2, 5]: validation is the second fifth of train and validation together, and train the rest"
    )
    split_seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the splits")
    duplicates: Literal["keep", "drop"] = Field(default="keep", description="repeated rows within train")
    overlap: Literal["keep", "drop"] = Field(default="drop", description="train rows that also stand in validation or test")
    conflicts: Literal["keep", "drop"] = Field(default="keep", description="train rows that stand there with other labels too")
    broken: Literal["refuse", "drop"] = Field(default="refuse", description="unreadable images, rows without a label")
    data_dir: str | None = Field(default=None, description="where TensorFlow Datasets are prepared")
    memory_budget_mb: int = Field(default=256, ge=0, description="more images or token ids are not kept in memory")
    vocabulary_size: int = Field(default=20_000, ge=3, description="texts: ids at most, with 0 for padding and 1 for unknown")
    min_frequency: int = Field(default=1, ge=1, description="texts: rarer words are unknown")
    lower: bool = Field(default=True, description="texts: whether upper and lower case are the same")
    char_level: bool = Field(default=False, description="texts: every letter is a token; Chinese letters always are")
    max_length: int = Field(default=256, ge=1, description="texts: tokens that are kept of each")
    truncation: Literal["pre", "post", "middle"] = Field(default="middle", description="texts: where longer ones are cut")
    padding: Literal["pre", "post"] = Field(default="post", description="texts: where shorter ones are filled up")
    buckets: bool = Field(
        default=True, description="texts: training batches hold texts of about one length; else all are filled up to max_length"
    )
    vocabulary: str | None = Field(
        default=None, description="texts: the run or released model whose words and lengths are taken; else they are learned"
    )
    raw: bool = Field(default=False, description="texts: give strings in place of ids, for a model that takes raw text")

    @model_validator(mode="after")
    def _either_fold_or_none(self) -> DataArguments:
        if self.fold is not None and not self.validation:
            raise ValueError("data.fold makes a validation part, and data.validation=0 none: leave one of them out")
        return self

    @model_validator(mode="after")
    def _either_vocabulary_or_how_to_learn_one(self) -> DataArguments:
        names = ("vocabulary_size", "min_frequency", "lower", "char_level", "max_length", "truncation", "padding", "raw")
        fields = type(self).model_fields  # defaults may stand beside it, as `config.yaml` has them
        beside = [f"data.{name}" for name in names if getattr(self, name) != fields[name].default]
        if self.vocabulary is not None and beside:
            raise ValueError(f"data.vocabulary, or weights of texts, bring these: leave out {', '.join(beside)}")
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
    task: str = Field(description="image_classification, text_classification, tabular_classification or regression")
    weights: str | None = Field(
        default=None, description="trained weights to begin with: a released model, by its data or name, or a run"
    )
    epochs: int = Field(default=5, ge=1, description="passes over the training part")
    steps_per_epoch: int | None = Field(default=None, ge=1, description="batches; None is the whole training part")
    batch_size: int = Field(default=128, ge=1, description="examples a step, of all devices together")
    optimizer: Literal[OptimizerName, "own"] = Field(default="adam", description="own: that of a model that came compiled")
    learning_rate: float = Field(default=0.001, ge=0, allow_inf_nan=False, description="above 0; the highest of the schedule")
    precision: Literal["float32", "mixed_bfloat16"] | None = Field(default=None, description="None is Keras' global policy")
    weight_decay: float | None = Field(
        default=None, ge=0, description="None is the optimizer's own: 0.004 for adamw, else none"
    )
    schedule: ScheduleName = Field(default="constant", description="course of the learning rate")
    warmup: float = Field(default=0.0, ge=0, lt=1, description="share of all steps over which the learning rate rises")
    decay: float = Field(
        default=0.1, gt=0, lt=1, description="factor of the learning rate: step and plateau at each fall, exponential in all"
    )
    step_at: tuple[Share, ...] = Field(default=(0.5, 0.75), min_length=1, description="step: the falls, as shares of all steps")
    plateau_patience: int = Field(default=3, ge=1, description="plateau: epochs without a better score before a fall")
    clip_norm: float | None = Field(default=None, gt=0, description="largest norm of all gradients together")
    accumulation_steps: int = Field(default=1, ge=1, description="batches whose gradients are averaged into one step")
    ema: float = Field(default=0.0, ge=0, lt=1, description="momentum of averaged weights, which are scored and kept; 0 is off")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="share of each label that is spread over all classes")
    class_weight: Literal["balanced"] | dict[str, float] | None = Field(
        default=None, description="weight of each label's loss; balanced gives each class the same share"
    )
    monitor: MonitorName | None = Field(default=None, description="validation score that stops and keeps; None is the task's")
    early_stopping: int | None = Field(default=None, ge=1, description="epochs without a better score after which to stop")
    keep: Literal["last", "best"] = Field(default="last", description="the epoch whose model is the run's")
    augment_shift: float = Field(default=0.0, ge=0, lt=1, description="images: share of a side")
    augment_rotate: float = Field(default=0.0, ge=0, le=180, description="images: degrees to either side")
    augment_zoom: float = Field(default=0.0, ge=0, lt=1, description="images: share by which they grow or shrink")
    augment_cutout: float = Field(default=0.0, ge=0, le=1, description="images: side of a blank square, as a share")
    augment_invert: float = Field(default=0.0, ge=0, le=1, description="images: share whose light and dark change places")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of weights, dropout, augmentation and the order of examples")
    checkpoint_seconds: float = Field(default=60.0, ge=0, description="time between checkpoints; 0 writes one after each batch")
    auto_seconds: float = Field(default=60.0, gt=0, description="budget of the probes for settings that are given as auto")
    keep_checkpoints: int = Field(default=2, ge=1, description="how many of the newest stay")
    baseline: bool = Field(default=True, description="texts: whether the baseline is scored beside the model")
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
        if rate == 0 and info.data.get("optimizer") != "own":  # whose schedule may begin at 0
            raise PydanticCustomError("greater_than", "Input should be greater than 0")
        return rate

    @property
    def follows_score(self) -> bool:
        """Whether a validation score decides on something."""
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


AUTO_NAMES = ("precision", "batch_size", "learning_rate")  # settings that may be given as "auto"
OF_SCHEDULES = {"decay": ("step", "exponential", "plateau"), "step_at": ("step",), "plateau_patience": ("plateau",)}
SETTING_NAMES = frozenset(Settings.model_fields) - {"model_arguments", "data_arguments"}


def check_keys(keys: Mapping[str, Any], model_arguments: Mapping[str, Any]) -> None:
    """Refuse a key that no setting, model argument or data argument has.

    Raises:
        UnknownNameError: the message has the nearest accepted key.
    """
    accepted = {
        *SETTING_NAMES,
        *(f"model.{name}" for name in model_arguments),
        *(f"data.{name}" for name in DataArguments.model_fields),
    }
    for key in keys:
        if key not in accepted:
            raise UnknownNameError("setting", key, accepted)


def resolve(*layers: Mapping[str, Any]) -> Settings:
    """Merge flat settings, later layers over earlier ones, and check every value.

    Raises:
        UsageError: a value is missing or not accepted.
    """
    merged = {key: value for layer in layers for key, value in layer.items()}
    nested: dict[str, Any] = {"model_arguments": {}, "data_arguments": {}}
    for key, value in merged.items():
        prefix, dot, name = key.partition(".")
        if dot and f"{prefix}_arguments" not in nested:
            raise UnknownNameError("setting", key, [*SETTING_NAMES, "model.NAME", "data.NAME"])
        if dot:
            nested[f"{prefix}_arguments"][name] = value
        else:
            nested[key] = value
    nested["data_arguments"] = data_arguments(nested["data_arguments"])
    settings: Settings = _validated(Settings, nested)
    return settings


def check_used(settings: Settings, explicit: Collection[str]) -> None:
    """Refuse a setting that does nothing beside the others, unless it is the default, as `config.yaml` has it.

    Raises:
        UsageError: the message has the settings that use it.
    """
    if "monitor" in explicit and settings.monitor and not settings.follows_score:
        raise UsageError(
            f"No score is followed. Received: monitor={settings.monitor} without early_stopping, keep=best or "
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
    """Refuse a `config.yaml` that no longer has the settings of its run; one that is gone is no matter.

    Raises:
        UsageError: the message has the keys that differ.
    """
    if not path.is_file():
        return
    try:
        written, own = resolve(read_yaml(path)).to_flat(), settings.to_flat()
    except UsageError as error:
        raise UsageError(
            f"{error} That stands in {path}, which a run goes on with as it wrote it: mend or delete it."
        ) from error
    changed = sorted(key for key in written.keys() | own.keys() if written.get(key) != own.get(key))
    if changed:
        raise UsageError(
            f"A run goes on with the settings that it began with. Received: {path} and run.json that differ in "
            f"{', '.join(changed)}. Change them back, or begin a new run: zoo train --config {path}"
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


def check_values(
    model: str, annotations: Mapping[str, Any], defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return arguments as the types that a model factory's annotations ask for ("1e-4" and NumPy numbers become plain).

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
                f"Give one of the kind of its default, {defaults[name]!r}."
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
    """YAML 1.1 with YAML 1.2's floats: PyYAML alone reads 1e-3 as a string."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands there twice; PyYAML takes the last without a word."""
        keys = [key.value for key, _ in node.value]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"keys stand there twice: {', '.join(twice)}", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


class _Dumper(yaml.SafeDumper):
    """Quotes a text that `_Loader` would read as a float."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789"))


def _parse_yaml(text: str, source: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that there is not
        raise UsageError(f"This is not YAML. Received: {source} ({error}). Quote text that has `:` or `[`.") from error


def _validated(kind: type[Any], given: Mapping[str, Any]) -> Any:
    try:
        return kind(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"])
        if not name:  # settings that do not go together
            raise UsageError(f"Settings do not go together: {problem['msg'].removeprefix('Value error, ')}.") from error
        raise UsageError(
            f"The setting `{name}` is not accepted: {problem['msg']}. Received: {problem['input']!r}. "
            f"See {'zoo.load_data' if kind is DataArguments else 'zoo.train'} for what it takes."
        ) from error
