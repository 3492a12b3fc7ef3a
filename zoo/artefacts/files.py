"""File operations: atomic writes, new directories, locks and checksums."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from zoo.errors import ArtefactError, UsageError, one_line

Schema = TypeVar("Schema", bound=BaseModel)
RETRY = 0.2  # seconds between two attempts to lock
CLAIM = ".new"  # lock file in a directory that a process is about to fill


def write_atomically(path: Path, write: Callable[[Path], object], name: Callable[[Path], str] | None = None) -> None:
    """Write a file atomically: a temporary file replaces it only when complete.

    Args:
        path: Path, the file.
        write: callable that writes to the path that it receives.
        name: callable that returns the file's name from the written file; None uses the name in `path`; default None.

    Raises:
        ArtefactError: the disk is full, read-only or failing.
    """
    writer = f"{os.getpid()}-{threading.get_ident()}"
    partial = path.with_name(f".partial-{writer}-{path.stem[:40]}{path.suffix}")  # a name has at most 255 bytes
    try:
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path.with_name(name(partial)) if name else path)
    except OSError as error:
        state = " The existing file is unchanged." if path.exists() else ""
        raise ArtefactError(
            f"A file could not be written: {error.strerror or error}. Received: {path}.{state} "
            "Free space or choose another directory."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def check_new_picture(target: Path) -> None:
    """Check that a path is for a new PNG file.

    Raises:
        ArtefactError: the file exists.
        UsageError: its name does not end in .png.
    """
    if target.suffix.lower() != ".png":
        raise UsageError(f"A picture must be a PNG file. Received: {target}. Use a name that ends in .png.")
    if target.exists():
        raise ArtefactError(f"The file exists; zoo does not overwrite files. Received: {target}. Choose another name.")


def write_picture(path: str | os.PathLike[str], figure: Any) -> None:
    """Write a matplotlib figure to a new PNG file.

    Raises:
        ArtefactError: the file exists, or cannot be written.
        UsageError: its name does not end in .png.
    """
    target = Path(path)
    check_new_picture(target)

    def write(partial: Path) -> None:
        partial.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(partial, dpi=150)

    write_atomically(target, write)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file.

    Raises:
        ArtefactError: the file is missing or damaged.
    """
    try:
        return parse_json(path.read_bytes(), path)
    except FileNotFoundError as error:
        raise incomplete(path) from error
    except OSError as error:
        raise ArtefactError(f"This file cannot be read: {error.strerror}. Received: {path}.") from error


def incomplete(path: Path) -> ArtefactError:
    """Return the error about a missing file of a directory."""
    return ArtefactError(f"This directory is incomplete: {path.name} is missing. Received: {path.parent}. Restore the file.")


def parse_json(content: bytes, place: Path | str) -> dict[str, Any]:
    """Return the content of a JSON file that is in memory.

    Args:
        content: bytes, UTF-8.
        place: Path or str, the source of the content, for the message.

    Raises:
        ArtefactError: the content is damaged.
    """
    try:
        parsed: dict[str, Any] = json.loads(content)
        if not isinstance(parsed, dict):
            raise TypeError("it is not a JSON object")
    except (RecursionError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"This file is damaged: {one_line(error)}. Received: {place}. Restore it, or use another directory."
        ) from error
    return parsed


def now() -> str:
    """Return the current UTC time in ISO 8601, without fractions of a second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def default_directory(model: str, data: str) -> Path:
    """Return `runs/MODEL-DATA-TIME`, a path that does not exist yet, for names or paths of a model and data."""
    words = re.sub(r"[^\w-]", "_", f"{Path(model.replace('/', '_')).stem}-{Path(data).stem}")
    return free_path(Path("runs") / f"{words}-{datetime.now(UTC):%Y%m%d-%H%M%S}")


def free_path(path: Path) -> Path:
    """Return the path if nothing is there, or else the first free one of NAME-2, NAME-3 and so on."""
    later = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return next(each for each in itertools.chain([path], later) if not each.exists())


def check_new_directory(path: Path) -> None:
    """Check that a directory is empty or does not exist.

    Raises:
        ArtefactError: the directory is not empty, or is a file.
    """
    if path.exists() and (not path.is_dir() or any(each.name != CLAIM for each in path.iterdir())):
        raise ArtefactError(
            f"The path exists and is not an empty directory; zoo does not overwrite it. Received: {path}. Choose another path."
        )


@contextmanager
def new_directory(path: Path) -> Iterator[None]:
    """Create a directory, or use an empty one. If the block fails, remove everything that it created.

    While the block runs, a locked file claims the directory, so that another process with the same path is refused.

    Raises:
        ArtefactError: the directory is not empty or is claimed, or cannot be created or written.
    """
    existed, claim = path.exists(), path / CLAIM
    with contextlib.ExitStack() as stack:
        try:
            check_new_directory(path)
            is_held = stack.enter_context(lock(claim, patience=0.0))
            check_new_directory(path)  # another process may have been faster
        except OSError as error:
            raise ArtefactError(
                f"The directory cannot be created or written: {error.strerror or error}. Received: {path}. "
                "Choose a writable one with out= or --out."
            ) from error
        if not is_held:
            raise ArtefactError(f"Another process writes to this directory. Received: {path}. Choose another path.")
        try:
            yield
        except BaseException:
            for left in path.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            if not existed:
                with contextlib.suppress(OSError):
                    path.rmdir()
            raise
        claim.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(path: Path, *, patience: float) -> Iterator[bool]:
    """Lock a file while the block runs; yield whether the lock was acquired.

    The operating system releases the lock when the process ends, even after a crash.

    Args:
        path: Path, the lock file; it is created if necessary.
        patience: float, seconds to wait while another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_held = True
            except OSError as error:
                is_held = not isinstance(error, BlockingIOError)  # true on a file system without locks
            if is_held or time.monotonic() >= until:
                break
            time.sleep(RETRY)
        yield is_held


def validated(schema: type[Schema], content: Mapping[str, Any], what: str, place: Path | str, fix: str) -> Schema:
    """Return the content of a file as an instance of its schema.

    Args:
        schema: pydantic model; its field `format`, if any, has the number that this version of zoo reads.
        content: mapping, the file's content.
        what: str, name of the content; the message starts with it.
        place: Path or str, the file or its directory.
        fix: str, how to fix damage; the message ends with it.

    Raises:
        ArtefactError: the content does not fit the schema; the message names the first problem.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        problem_name = "is damaged"
        if where == "format":
            problem_name, fix = "has another format", "Install a newer zoo."
        raise ArtefactError(
            f"{what} {problem_name}: {where}: {problem['msg']}. Received: {problem['input']!r:.60} in {place}. {fix}"
        ) from error


def check_sha256(path: Path, listed: str | None, owner: str, fix: str) -> None:
    """Compare a file with its SHA-256 in a list.

    Args:
        path: Path, the file.
        listed: str, SHA-256 in hexadecimal digits; None for a file that is not in the list.
        owner: str, the object that the file belongs to, for the message.
        fix: str, how to fix it; the message ends with it.

    Raises:
        ArtefactError: the file is missing, is not listed, or has other content.
    """
    if not path.is_file():
        raise ArtefactError(f"A file of {owner} is missing. Received: no {path}. {fix}")
    if sha256(path) != listed:
        raise ArtefactError(f"A file of {owner} has a different SHA-256 than listed, or is not listed. Received: {path}. {fix}")
