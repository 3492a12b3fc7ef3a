"""Settings as YAML: configuration files, and `KEY=VALUE` on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.settings import Settings


def read_config(config: object) -> dict[str, Any]:
    """Return the flat settings in a YAML file or a mapping; an empty dictionary for None.

    Raises:
        UsageError: the value is neither, cannot be read, is not YAML, or is not a mapping of flat keys.
    """
    if isinstance(config, Mapping | None):
        return _flat(config or {}, "a mapping")
    try:
        text = Path(config).read_text(encoding="utf-8")  # type: ignore[arg-type] # others raise a TypeError
    except (OSError, TypeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The configuration file cannot be read. Received: {config} ({error}). Pass a YAML file or a mapping."
        ) from error
    loaded = _parse_yaml(text, source=str(config))
    if not isinstance(loaded, dict | None) or not all(isinstance(key, str) for key in loaded or ()):
        raise UsageError(
            f"A configuration file must contain `key: value` lines. Received: {type(loaded).__name__} in {config}. "
            "Write, for example, `epochs: 3`."
        )
    return _flat(loaded or {}, str(config))


def _flat(settings: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the settings; reject nested arguments of the model or the data."""
    for prefix in ("model", "data"):
        nested = settings.get(prefix)
        if isinstance(nested, Mapping) and nested and "train" not in nested:  # else the parts of data in memory
            name, value = next(iter(nested.items()))
            raise UsageError(
                f"Settings are flat. Received: {name} under {prefix} in {place}. Write `{prefix}.{name}: {value}`."
            )
    return dict(settings)


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
            raise UsageError(f"A setting must be KEY=VALUE. Received: {assignment!r}. Write, for example, epochs=3.")
        settings[key.strip()] = _parse_yaml(value, source=assignment)
    return settings


def write_yaml(settings: Settings) -> str:
    """Return the settings as the text of a `config.yaml`."""
    text: str = yaml.dump(settings.to_flat(), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Loader(yaml.SafeLoader):
    """YAML 1.1 with the floats of YAML 1.2: plain PyYAML reads 1e-3 as a string."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Reject duplicate keys; PyYAML silently uses the last one."""
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
