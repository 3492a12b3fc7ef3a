"""Registers the recipes in this folder's YAML files."""

from __future__ import annotations

from pathlib import Path

import yaml

from zoo.registry import add_recipe

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # six times as fast if PyYAML was built with libyaml

for path in sorted(Path(__file__).parent.glob("*.yaml")):
    add_recipe(**yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER))  # noqa: S506 - a SafeLoader
