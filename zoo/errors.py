"""The errors that zoo raises. Each states what is wrong, what is accepted and how to fix it."""

from __future__ import annotations

import copyreg
import difflib
import re
from collections.abc import Iterable
from typing import Any

from zoo.version import install_command


class ZooError(Exception):
    """Base class of zoo's errors; the command line exits with `exit_code`."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the notes, independently of the subclass' arguments."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined] # as pickle does


class UsageError(ZooError, ValueError):
    """A wrong call: an unknown name, argument or key, or a value that is not accepted."""

    exit_code = 2


class UnknownNameError(UsageError):
    """An unknown model, data set, argument or key."""

    def __init__(self, kind: str, name: object, choices: Iterable[str]) -> None:
        """Create the error, with the nearest of the accepted names.

        Args:
            kind: kind of name, for example "model" or "YAML key".
            name: the name received.
            choices: all accepted names.
        """
        accepted = sorted(choices)
        listed = ", ".join(accepted)
        if len(accepted) > 40:
            listed = (
                f"{', '.join(difflib.get_close_matches(str(name), accepted, n=5, cutoff=0.0))} and {len(accepted) - 5} more"
            )
        super().__init__(f"Unknown {kind}. Received: {name!r}.{nearest(str(name), accepted)} Accepted: {listed or 'none'}.")


class DataError(ZooError, ValueError):
    """Data that cannot be read, or that no model can learn from."""


class ArtefactError(ZooError):
    """A run directory or a model file that cannot be written or read."""


class CheckpointError(ArtefactError):
    """A checkpoint that is missing or damaged, or does not fit the run that resumes from it."""


class WorkerLostError(ZooError):
    """Another worker of the same training run has exited."""


def missing_package(needed_by: str, package: str, *, extra: str | None = None) -> UsageError:
    """Return the error for a package that is not installed, with the command that installs it.

    Args:
        needed_by: str, what needs the package; the message starts with it.
        package: str, name of the package.
        extra: str, zoo's extra that includes the package; None for a core dependency; default None.

    Example:
        >>> print(missing_package("The format 'onnx'", "tf2onnx", extra="onnx"))
        The format 'onnx' needs the package tf2onnx, which is not installed. Run: pip install 'kerazoo[onnx]'
    """
    command = install_command(extra) if extra else f"pip install {package}"
    return UsageError(f"{needed_by} needs the package {package}, which is not installed. Run: {command}")


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
    r"""Return another library's message as one line of at most 300 characters, without terminal colours.

    Example:
        >>> one_line(ValueError("no\n  \x1b[1mbatch\x1b[0m"))
        'no batch'
    """
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())[:300]
