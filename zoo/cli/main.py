"""`zoo`: parses the command line, runs a verb, and reports errors."""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import inspect
import io
import sys
from collections.abc import Sequence

from zoo.cli import completion, output, setting_options
from zoo.errors import ZooError
from zoo.version import __version__

NAMES = ["list", "info", "data", "find-lr", "train", "tune", "evaluate", "compare", "predict", "export", "verify", "doctor"]
VERBS = {name: importlib.import_module(f"zoo.cli.{name.replace('-', '_')}") for name in NAMES} | {"completion": completion}


def main(words: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        words: command-line arguments; None uses the process' own; default None.

    Returns:
        The exit code: 0 for success, 1 for failure, 2 for wrong usage.
    """
    completion.answer(_parser)
    if words is None:
        words = sys.argv[1:]
        atexit.register(gc.freeze)  # otherwise, Python's exit visits all objects of TensorFlow, which takes 1 s
    if not words:
        _parser().print_help(sys.stderr)
        sys.exit(2)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that do not support Chinese
    output.show_log()
    try:
        arguments = _parse(words)
        return int(arguments.run(arguments))
    except (ZooError, KeyboardInterrupt) as error:
        message = f"Error: {error}" if isinstance(error, ZooError) else "Interrupted."
        output.print_error("\n".join([message, *getattr(error, "__notes__", [])]))
        return getattr(error, "exit_code", 1)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has stopped
        sys.stderr.close()
        return 0


def _parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser; only the verb in `words` gets an option for each setting."""
    parser = argparse.ArgumentParser(
        prog="zoo", description="A complete, small model zoo for Keras 3 on TensorFlow.", epilog="Start with: zoo train cnn"
    )
    parser.add_argument("--version", action="version", version=f"zoo {__version__}", help="print the version and exit")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        summary, _, rest = (inspect.getdoc(verb.run) or "").partition("\n")
        verb_parser = verbs.add_parser(name, help=summary, description=summary, epilog=rest.strip(), allow_abbrev=False)
        verb_parser.formatter_class = argparse.RawDescriptionHelpFormatter
        verb.add_arguments(verb_parser)
        if verb is not completion:
            verb_parser.add_argument("--json", action="store_true", help="print JSON")
        verb_parser.set_defaults(run=verb.run)
        if name in words[:1]:
            setting_options.add_settings(verb_parser, words)
    return parser


def _parse(words: list[str]) -> argparse.Namespace:
    """Parse the command line; a list of inputs or runs may continue after an option."""
    parser = _parser(words)
    arguments, rest = parser.parse_known_args(words)
    listed = next((name for name in ("inputs", "runs") if hasattr(arguments, name)), "")
    if rest and (not listed or any(word.startswith("-") for word in rest)):
        verb_parser = completion.verb_parsers(parser).get(words[0], parser)
        advice = setting_options.suggestion(rest, verb_parser) or f" `zoo {words[0]} --help` lists the options."
        parser.error(f"unrecognized arguments: {' '.join(rest)}.{advice}")
    if rest:
        setattr(arguments, listed, [*getattr(arguments, listed), *rest])
    return arguments
