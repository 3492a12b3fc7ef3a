"""`zoo list`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.cli import output
from zoo.errors import UsageError, nearest

if TYPE_CHECKING:
    from zoo.artefacts.released import ReleasedModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo list`."""
    parser.add_argument("pattern", nargs="?", default="*", help="shell pattern for names, for example '*net*'")
    parser.add_argument("--task", help="list only entries for this task")
    parser.add_argument("--max-params", type=int, metavar="N", help="list only models with at most N parameters")
    parser.add_argument("--tag", action="append", default=[], help="list only entries with this tag; can be repeated")
    parser.add_argument("--sort", default="name", help="sort models by name (default) or params")
    shelf = parser.add_mutually_exclusive_group()
    shelf.add_argument("--datasets", action="store_true", help="list data sets instead of models")
    shelf.add_argument("--pretrained", action="store_true", help="list released models instead of models")


def run(arguments: argparse.Namespace) -> int:
    """List models, data sets or released models with their size and task.

    Example: zoo list "*net*" --task image_classification --sort params
    """
    if (arguments.datasets or arguments.pretrained) and (arguments.max_params is not None or arguments.sort != "name"):
        raise UsageError(
            "--max-params and --sort are for models only. Received: one of them with --datasets or --pretrained. Omit it."
        )
    columns: tuple[str, ...]
    if arguments.pretrained:
        from zoo.artefacts.released import released_models

        if arguments.tag:
            raise UsageError("Released models have no tags. Received: --tag with --pretrained. Omit it.")
        known, columns = list(released_models()), ("name", "task", "parameters", "MB", "test score")
        found = sorted(released_models(arguments.pattern, task=arguments.task).items())
        content = ({"name": name, "place": each.place, **each.model.model_dump()} for name, each in found)
        rows = [
            [name, each.model.task, each.model.parameters, f"{each.model.bytes / 1e6:.1f}", _score(each.model)]
            for name, each in found
        ]
    else:
        chosen: dict[str, Any] = {"task": arguments.task, "tags": arguments.tag}
        if arguments.datasets:
            known, columns = registry.list_datasets(), ("name", "task", "tags", "summary")
            names = registry.list_datasets(arguments.pattern, **chosen)
        else:
            known, columns = registry.list_models(), ("name", "parameters", "tasks", "summary")
            chosen |= {"max_params": arguments.max_params, "sort": arguments.sort}
            names = registry.list_models(arguments.pattern, **chosen)
        infos = [registry.info(name) for name in names]
        content = (info.to_dict() for info in infos)  # lazy, since only JSON needs the recipes, which are read from files
        rows = [[getattr(info, column) for column in columns] for info in infos]
    if arguments.json:
        output.print_json([*content])
    elif rows:
        output.print_table(columns, rows, right=("parameters", "MB"))
    else:
        output.print_line(f"Nothing matches {arguments.pattern!r}.{nearest(arguments.pattern, known)}")
    return 0


def _score(model: ReleasedModel) -> str:
    """Return the headline score of a released model."""
    from zoo.tasks import find_task

    headline = find_task(model.task).headline
    name = headline if headline in model.scores else "loss"
    return f"{name} {model.scores[name]:.4f}"
