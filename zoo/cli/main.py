"""`zoo`: parses the command line, runs a verb, and reports errors."""

from __future__ import annotations

import argparse
import inspect
import io
import sys

from zoo.cli import (
    compare,
    completion,
    data,
    doctor,
    evaluate,
    export,
    find_lr,
    info,
    output,
    predict,
    setting_options,
    train,
    tune,
    verify,
)
from zoo.cli import list as list_verb
from zoo.errors import ZooError
from zoo.version import __version__

VERBS = {
    "list": list_verb, "info": info, "data": data, "find-lr": find_lr, "train": train, "tune": tune, "evaluate": evaluate,
    "compare": compare, "predict": predict, "export": export,
    "verify": verify, "doctor": doctor, "completion": completion,
}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        words: command-line arguments; None uses the process' own; default None.

    Returns:
        The exit code: 0 for success, 1 for failure, 2 for wrong usage.
    """
    parser = _parser()
    completion.answer(parser)
    words = sys.argv[1:] if words is None else words
    if not words:
        parser.print_help(sys.stderr)
        parser.exit(2)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not support Chinese
    output.show_log()
    try:
        arguments = _parse(parser, words)
        return int(arguments.run(arguments))
    except ZooError as error:
        _say(f"Error: {error}", error)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        _say("Interrupted.", interrupt)
        return 1
    except BrokenPipeError:  # the reader of a pipe has stopped, as `head` does
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo", description="A complete, small model zoo for Keras 3 on TensorFlow.", epilog="Start with: zoo train cnn"
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        summary, _, rest = (inspect.getdoc(verb.run) or "").partition("\n")
        verb_parser = verbs.add_parser(
            name, help=summary, description=summary, epilog=rest.strip(), formatter_class=argparse.RawDescriptionHelpFormatter
        )
        verb.add_arguments(verb_parser)
        verb_parser.set_defaults(run=verb.run)
    return parser


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Parse the words: settings are options, and a list of inputs or runs may continue after an option."""
    verb = completion.verb_parsers(parser).get(words[0]) if words else None
    if verb is not None:
        if {"-h", "--help"} & set(words):
            setting_options.document(verb, words)
        words = [words[0], *setting_options.as_assignments(words[1:], verb)]
    arguments, rest = parser.parse_known_args(words)
    listed = next((name for name in ("inputs", "runs") if hasattr(arguments, name)), None)
    if rest and (listed is None or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}{setting_options.suggestion(rest, verb or parser)}")
    if rest and listed is not None:
        setattr(arguments, listed, [*getattr(arguments, listed), *rest])
    return arguments


class _Version(argparse.Action):
    """Print the version and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.exit(message=f"zoo {__version__}\n")


def _say(text: str, error: BaseException) -> None:
    print("\n".join([text, *getattr(error, "__notes__", [])]), file=sys.stderr)  # noqa: T201
