"""`zoo info`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.cli import output
from zoo.errors import UnknownNameError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo info`."""
    parser.add_argument("name", help="model, variant (cnn/tiny), data set, recipe (cnn@mnist) or released model")


def run(arguments: argparse.Namespace) -> int:
    """Show the details of a model, a data set, a recipe or a released model.

    Example: zoo info cnn
    """
    try:
        content = registry.info(arguments.name).to_dict()
    except UnknownNameError:
        if "@" not in arguments.name:
            raise
        from zoo.artefacts.released import find_released

        released = find_released(arguments.name)
        card = released.directory() / ("card.json" if arguments.json else "README.md")
        if card.is_file():
            output.print_line(card.read_text(encoding="utf-8").rstrip())
        else:
            output.print_json({"name": released.name, "place": released.place, **released.model.model_dump()})
        return 0
    if "documentation" in content:  # only recipes have it
        content["card"], content["changes"] = _card_of(arguments.name)
    if arguments.json:
        output.print_json(content)
    elif "documentation" in content:
        output.print_line(f"{content['documentation']}\n")
        output.print_table(("setting", "value"), [(key, str(value)) for key, value in content["settings"].items()])
        if content["card"]:
            changes = ", ".join(f"{key}={value}" for key, value in content["changes"].items())
            output.print_line(
                f"\nThis recipe has a released model{changes and f', with {changes}'}. Its card: {content['card']}"
            )
    else:
        defaults = content.pop("arguments", {})
        output.print_table(("", ""), list(content.items()))
        if defaults:
            output.print_line()
            output.print_table(("setting", "default"), [(f"model.{key}", repr(value)) for key, value in defaults.items()])
    return 0


def _card_of(recipe: str) -> tuple[str | None, dict[str, Any]]:
    """Return the path of the card of a recipe's released model, and the settings that differ from the recipe's."""
    from zoo.artefacts.files import read_json
    from zoo.artefacts.released import CARD_FILE, by_name_and_recipe

    released = by_name_and_recipe().get(recipe)
    if released is None:
        return None, {}
    path = Path(released.place) / released.name / CARD_FILE
    changes = read_json(path).get("changes") if path.is_file() else None  # no download for this
    return f"{released.place}/{released.name}/README.md", (changes or {}).get("settings", {})
