"""`zoo list`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zoo import registry
from zoo.cli import options, output
from zoo.errors import UsageError, nearest
from zoo.tasks import find_task

if TYPE_CHECKING:
    from zoo.artefacts.released import ReleasedModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo list`."""
    parser.add_argument("pattern", nargs="?", default="*", help="shell pattern for names, for example '*net*'")
    parser.add_argument("--task", help="list only models and data sets for this task")
    parser.add_argument("--max-params", type=int, metavar="N", help="list only models with at most N parameters")
    parser.add_argument("--tag", action="append", default=[], help="list only entries with this tag; can be repeated")
    parser.add_argument("--sort", default="name", help="order of models: name or params")
    shelf = parser.add_mutually_exclusive_group()
    shelf.add_argument("--datasets", action="store_true", help="list data sets instead of models")
    shelf.add_argument("--pretrained", action="store_true", help="list released models, which are trained and have a card")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """List models, data sets or released models with their size and task.

    Example: zoo list "*net*" --task image_classification --sort params
    """
    if arguments.pretrained:
        return _list_pretrained(arguments)
    if arguments.datasets:
        if arguments.max_params is not None or arguments.sort != "name":
            raise UsageError("--max-params and --sort are for models only. Received: one of them with --datasets. Omit it.")
        names = registry.list_datasets(arguments.pattern, task=arguments.task, tags=arguments.tag)
        columns = ("name", "task", "tags", "summary")
    else:
        names = registry.list_models(
            arguments.pattern,
            task=arguments.task,
            max_params=arguments.max_params,
            tags=arguments.tag,
            sort=arguments.sort,
        )
        columns = ("name", "parameters", "tasks", "summary")
    found = [registry.info(name).to_dict() for name in names]
    if arguments.json:
        output.print_json(found)
    elif found:
        output.print_table(columns, [[entry[column] for column in columns] for entry in found], right=("parameters",))
    else:
        known = registry.list_datasets() if arguments.datasets else registry.list_models()
        output.print_line(f"Nothing matches {arguments.pattern!r}.{nearest(arguments.pattern, known)}")
    return 0


def _list_pretrained(arguments: argparse.Namespace) -> int:
    from zoo.artefacts.released import released_models

    if arguments.max_params is not None or arguments.sort != "name" or arguments.tag:
        raise UsageError(
            "--max-params, --sort and --tag are for models only. Received: one of them with --pretrained. Omit it."
        )
    found = dict(sorted(released_models(arguments.pattern, task=arguments.task).items()))
    if arguments.json:
        output.print_json([{"name": name, "place": each.place, **each.model.model_dump()} for name, each in found.items()])
    elif found:
        rows = [
            (
                name,
                each.model.task,
                each.model.parameters,
                f"{each.model.bytes / 1e6:.1f}",
                _score(each.model),
            )
            for name, each in found.items()
        ]
        output.print_table(("name", "task", "parameters", "MB", "test score"), rows, right=("parameters", "MB"))
    else:
        output.print_line(f"Nothing matches {arguments.pattern!r}.{nearest(arguments.pattern, released_models())}")
    return 0


def _score(model: ReleasedModel) -> str:
    name = find_task(model.task).headline
    name = name if name in model.scores else "loss"
    return f"{name} {model.scores[name]:.4f}"
