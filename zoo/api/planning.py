"""Old names of `zoo.training.plan`, which the search and Ray still use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.settings import flatten
from zoo.training import plan
from zoo.training.plan import Plan, check_resumed_alone, plan_training

__all__ = ["Plan", "check_resumed_alone", "make_plan", "planned_directory"]


def make_plan(
    model: Any, data: Any, config: plan.Config, model_arguments: Any, data_arguments: Any, settings: dict[str, Any]
) -> Plan:
    """Return what `plan_training` does."""
    own = {key: value for key, value in settings.items() if "." not in key}
    prefixed = {key: value for key, value in settings.items() if "." in key}
    return plan_training(model, data, {**flatten(own, model_arguments, data_arguments), **prefixed}, config)


def planned_directory(
    model: Any, data: Any, config: plan.Config, out: Any, settings: Any, model_arguments: Any = None, data_arguments: Any = None
) -> Path:
    """Return where `train` would keep a run."""
    return plan.planned_directory(make_plan(model, data, config, model_arguments, data_arguments, settings), out)
