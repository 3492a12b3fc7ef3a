"""`zoo completion`, and the answers to the shell's requests."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo import registry
from zoo.cli import output, setting_options
from zoo.keywords import SETTING_NAMES, DataKeywords

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `zoo completion`."""
    parser.add_argument("shell", choices=SHELLS, help="shell to set up")


def run(arguments: argparse.Namespace) -> int:
    """Print the setup code for completing verbs, options, models, data sets, settings and released models.

    Add this line to ~/.bashrc or ~/.zshrc:        eval "$(zoo completion bash)"
    or for fish into ~/.config/fish/config.fish:   zoo completion fish | source

    Example: zoo completion bash
    """
    from argcomplete.shell_integration import shellcode

    output.print_line(shellcode(["zoo"], shell=arguments.shell))
    return 0


def answer(parser: argparse.ArgumentParser) -> None:
    """Answer a request of the shell and exit; do nothing in a normal call."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    words = os.environ.get("COMP_LINE", "").split()[1:]
    if words and words[0] in verb_parsers(parser):
        setting_options.document(verb_parsers(parser)[words[0]], words)
    _attach(parser)
    argcomplete.autocomplete(parser)


def _attach(parser: argparse.ArgumentParser) -> None:
    """Attach a completer to each argument."""
    for verb, verb_parser in verb_parsers(parser).items():
        for action in verb_parser._actions:
            proposer = PROPOSERS.get((verb, action.dest)) or PROPOSERS.get(("", action.dest))
            if proposer is not None:
                action.completer = proposer  # type: ignore[attr-defined]  # where argcomplete looks for it


def verb_parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each verb."""
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(verbs.choices)


def _with_files(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    def propose(prefix: str, **_: Any) -> list[str]:
        from argcomplete.completers import FilesCompleter

        return [*(name for name in names() if name.startswith(prefix)), *FilesCompleter()(prefix)]

    return propose


def _names(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    def propose(prefix: str, **_: Any) -> list[str]:
        return [name for name in names() if name.startswith(prefix)]

    return propose


def _released() -> list[str]:
    from zoo.artefacts.released import packaged

    folder = packaged()  # ZOO_MODELS may be a slow URL
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder else []


def _all() -> list[str]:
    return [*registry.list_models(), *registry.list_datasets(), *registry.list_recipes(), *_released()]


def _tasks() -> Iterable[str]:
    from zoo.tasks import TASKS

    return TASKS


def _settings(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Propose `KEY=` for settings, data settings, and arguments of the preceding model."""
    model = getattr(parsed_args, "model", None)
    arguments: Mapping[str, Any] = registry.find_model(model)[0].defaults if model in registry.list_models() else {}
    keys = [
        *SETTING_NAMES,
        *(f"data.{name}" for name in DataKeywords.__annotations__),
        *(f"model.{name}" for name in arguments),
    ]
    return sorted(f"{key}=" for key in keys if key.startswith(prefix))


PROPOSERS: Mapping[tuple[str, str], Callable[..., Iterable[str]]] = {
    ("", "model"): _names(registry.list_models),
    ("", "data"): _with_files(registry.list_datasets),
    ("predict", "data"): _with_files(list),
    ("data", "source"): _with_files(registry.list_datasets),
    ("info", "name"): _names(_all),
    ("verify", "name"): _with_files(_released),
    ("predict", "directory"): _with_files(_released),
    ("", "run_directory"): _with_files(_released),
    ("", "runs"): _with_files(_released),
    ("", "task"): _names(_tasks),
    ("", "set"): _settings,
}
