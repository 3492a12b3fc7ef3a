"""`zoo`: the verbs, and what an error becomes on the command line."""

from __future__ import annotations

import argparse
import inspect
import logging
import sys

from zoo.cli import compare, data, evaluate, export, find_lr, info, predict, train, tune
from zoo.cli import list as list_verb
from zoo.errors import ZooError

VERBS = {
    "list": list_verb, "info": info, "data": data, "find-lr": find_lr, "train": train, "tune": tune, "evaluate": evaluate,
    "compare": compare, "predict": predict, "export": export,
}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        words: the arguments; None takes the process's own.

    Returns:
        The exit code: 0 is fine, 1 failed, 2 wrong use.
    """
    arguments = _parser().parse_args(words)
    arguments.words = list(sys.argv[1:] if words is None else words)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("zoo").setLevel(logging.INFO)
    try:
        return int(arguments.run(arguments))
    except ZooError as error:
        _say(f"Error: {error}", error)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        _say("Interrupted.", interrupt)
        return 1
    except BrokenPipeError:  # the reader of a pipe has seen enough, as `head` does
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo", description="A complete, small model zoo for Keras 3 on TensorFlow.", epilog="Begin with: zoo train cnn"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        summary, _, rest = (inspect.getdoc(verb.run) or "").partition("\n")
        verb_parser = verbs.add_parser(
            name, help=summary, description=summary, epilog=rest.strip(), formatter_class=argparse.RawDescriptionHelpFormatter
        )
        verb.add_arguments(verb_parser)
        verb_parser.set_defaults(run=verb.run)
    return parser


def _say(text: str, error: BaseException) -> None:
    print("\n".join([text, *getattr(error, "__notes__", [])]), file=sys.stderr)  # noqa: T201
