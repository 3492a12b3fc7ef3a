"""The keywords of the verbs as types, for editors and type checkers. `zoo.settings` checks their values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from zoo.artefacts.run import Run

OptimizerName = Literal["adam", "adamw", "lazy_adam", "lion", "momentum", "nesterov", "rmsprop", "sgd"]
ScheduleName = Literal["constant", "cosine", "exponential", "one_cycle", "plateau", "step"]
MonitorName = Literal["loss", "accuracy", "macro_f1", "mae", "rmse", "r2"] | str  # or a score of a plug-in's task
PartName = Literal["train", "validation", "test"]
Verbosity = int | Literal["auto"]


class DataKeywords(TypedDict, total=False):
    """Arguments of `zoo.load_data`; `zoo.settings.DataArguments` describes them."""

    label_column: str | None
    text_column: str | None
    encoding: str
    parts: Mapping[PartName, str] | None
    ignore_columns: Sequence[str]
    image_size: tuple[int, int] | None
    channels: Literal[1, 3] | None
    validation: float
    fold: tuple[int, int] | None
    split_seed: int
    duplicates: Literal["keep", "drop"]
    overlap: Literal["keep", "drop"]
    conflicts: Literal["keep", "drop"]
    broken: Literal["refuse", "drop"]
    data_dir: str | None
    memory_budget_mb: int
    vocabulary_size: int
    min_frequency: int
    lower: bool
    char_level: bool
    max_length: int
    truncation: Literal["pre", "post", "middle"]
    padding: Literal["pre", "post"]
    buckets: bool
    vocabulary: str | None
    raw: bool


class SettingKeywords(TypedDict, total=False):
    """Settings of a training run; `zoo.settings.Settings` describes them."""

    task: str
    weights: str | os.PathLike[str] | Run | None
    epochs: int
    steps_per_epoch: int | None
    batch_size: int | Literal["auto"]
    optimizer: OptimizerName
    learning_rate: float | Literal["auto"]
    precision: Literal["float32", "mixed_bfloat16", "auto"] | None
    weight_decay: float | None
    schedule: ScheduleName
    warmup: float
    decay: float
    step_at: Sequence[float]
    plateau_patience: int
    clip_norm: float | None
    accumulation_steps: int
    ema: float
    label_smoothing: float
    class_weight: Literal["balanced"] | Mapping[str, float] | None
    monitor: MonitorName | None
    early_stopping: int | None
    keep: Literal["last", "best"]
    augment_shift: float
    augment_rotate: float
    augment_zoom: float
    augment_cutout: float
    augment_invert: float
    seed: int
    checkpoint_seconds: float
    auto_seconds: float
    keep_checkpoints: int
    baseline: bool


SETTING_NAMES = frozenset({"model", "data", *SettingKeywords.__annotations__})
