"""`zoo completion`, and completion itself when a shell requests it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo import registry
from zoo.cli import output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo completion`."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="shell to print the code for")


def run(arguments: argparse.Namespace) -> int:
    """Print shell code that completes verbs, options, models, data sets, settings and released models.

    bash, in ~/.bashrc:                  eval "$(zoo completion bash)"
    zsh, in ~/.zshrc:                    eval "$(zoo completion zsh)"
    fish, in ~/.config/fish/config.fish: zoo completion fish | source

    Example: zoo completion bash
    """
    from argcomplete.shell_integration import shellcode

    output.print_line(shellcode(["zoo"], shell=arguments.shell))
    return 0


def answer(parser_for: Callable[[list[str]], argparse.ArgumentParser]) -> None:
    """Answer a shell's completion request and exit; do nothing in a normal call."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    parser = parser_for(os.environ.get("COMP_LINE", "").split()[1:])
    for verb_parser in verb_parsers(parser).values():
        for action in verb_parser._actions:
            if action.dest in PROPOSED:
                action.completer = _proposer(action.dest)  # type: ignore[attr-defined]  # read by argcomplete
    argcomplete.autocomplete(parser)


def verb_parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each verb."""
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(verbs.choices)


def _proposer(argument: str) -> Callable[..., list[str]]:
    def propose(prefix: str, parser: argparse.ArgumentParser, **_: Any) -> list[str]:
        from argcomplete.completers import FilesCompleter

        names = [name for name in PROPOSED[argument](parser) if name.startswith(prefix)]
        return [*names, *FilesCompleter()(prefix)] if argument in OR_FILES else names

    return propose


def _released(*_: object) -> list[str]:
    from zoo.artefacts.released import packaged

    folder = packaged()  # not those of ZOO_MODELS, which may be a slow URL
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder else []


def _tasks(*_: object) -> Iterable[str]:
    from zoo.tasks import TASKS

    return TASKS


def _keys(parser: argparse.ArgumentParser) -> Iterable[str]:
    """Return `KEY=` for each setting that the verb accepts."""
    shown = (action for action in parser._actions if action.dest == "set" and action.help != argparse.SUPPRESS)
    return [f"{action.option_strings[0][2:].replace('-', '_')}=" for action in shown]


PROPOSED: Mapping[str, Callable[[argparse.ArgumentParser], Iterable[str]]] = {
    "model": lambda _: registry.list_models(),
    "data": lambda _: registry.list_datasets(),
    "source": lambda _: registry.list_datasets(),
    "name": lambda _: [*registry.list_models(), *registry.list_datasets(), *registry.list_recipes(), *_released()],
    "run_directory": _released,
    "runs": _released,
    "task": _tasks,
    "set": _keys,
}
OR_FILES = ("data", "source", "run_directory", "runs")
