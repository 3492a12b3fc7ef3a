"""The errors zoo raises: each says what came, what is accepted and how to mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class ZooError(Exception):
    """Base of every error that zoo raises on purpose; the command line ends with `exit_code`."""

    exit_code = 1


class UsageError(ZooError, ValueError):
    """A wrong call: an unknown name, argument or key, or a value that is not accepted."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that no model, data set, argument or key has."""

    def __init__(self, kind: str, name: object, choices: Iterable[str]) -> None:
        """Build the message from the accepted names.

        Args:
            kind: what the name should have been, for example "model" or "YAML key".
            name: the name received.
            choices: every accepted name.
        """
        accepted = sorted(choices)
        listed = ", ".join(accepted)
        if len(accepted) > 40:
            listed = (
                f"{', '.join(difflib.get_close_matches(str(name), accepted, n=5, cutoff=0.0))} and {len(accepted) - 5} more"
            )
        super().__init__(f"Unknown {kind}. Received: {name!r}.{nearest(str(name), accepted)} Accepted: {listed or 'none'}.")


class DataError(ZooError, ValueError):
    """Data that cannot be read, or that no model could learn from."""


class ArtefactError(ZooError):
    """A run directory or a model file that cannot be written or read."""


class CheckpointError(ArtefactError):
    """A checkpoint is missing or damaged, or does not fit what is to go on from it."""


class WorkerLostError(ZooError):
    """Another worker of the same training has gone."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return " Did you mean ...?" for the choice closest to `name`, or an empty string.

    Example:
        >>> nearest("lenett", ["cnn", "lenet"])
        " Did you mean 'lenet'?"
    """
    original = {choice.lower(): choice for choice in choices}
    matches = difflib.get_close_matches(name.lower(), original, n=1, cutoff=0.5)
    return f" Did you mean {original[matches[0]]!r}?" if matches else ""


def one_line(error: BaseException) -> str:
    r"""Return another library's message as one line of at most 300 letters, without its colours.

    Example:
        >>> one_line(ValueError("no\n  \x1b[1mbatch\x1b[0m"))
        'no batch'
    """
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())[:300]
