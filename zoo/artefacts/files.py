"""Files: atomic writes, new directories, locks and checksums."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ArtefactError, UsageError

if TYPE_CHECKING:
    from pydantic import ValidationError

RETRY = 0.2  # seconds between two attempts to lock


def write_atomically(path: Path, write: Callable[[Path], object], name: Callable[[Path], str] | None = None) -> None:
    """Let `write` fill a temporary file next to `path`, then rename it; a failure leaves the old file unchanged.

    Args:
        path: Path, the file.
        write: callable; writes to the path that it receives.
        name: callable or None, default None; returns the file's name from the written file, in place of that of `path`.

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
        kept = " The existing file is unchanged." if path.exists() else ""
        raise ArtefactError(
            f"A file could not be written: {error.strerror or error}. Received: {path}.{kept} "
            "Free space or choose another directory."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def check_new_picture(target: Path) -> None:
    """Check that a path is that of a new PNG file.

    Raises:
        ArtefactError: the file exists.
        UsageError: its name does not end in .png.
    """
    if target.suffix.lower() != ".png":
        raise UsageError(f"Pictures are PNG files. Received: {target}. Use a name that ends in .png.")
    if target.exists():
        raise ArtefactError(f"This file exists and is not overwritten. Received: {target}. Choose another name.")


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
        figure.savefig(partial, format="png", dpi=150)

    write_atomically(target, write)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file.

    Raises:
        ArtefactError: it is missing or damaged.
    """
    advice = f"Received: {path}. Restore it, or start again in another directory."
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtefactError(f"This directory is incomplete: {path.name} is missing. Received: {path.parent}.") from error
    except (OSError, RecursionError, ValueError) as error:
        raise ArtefactError(f"This file is damaged: {error}. {advice}") from error
    if not isinstance(content, dict):
        raise ArtefactError(f"This file is damaged: it is not a JSON object. {advice}")
    return content


def now() -> str:
    """Return the current UTC time in ISO 8601, without fractions of a second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def default_directory(model: str, data: str) -> Path:
    """Return `runs/MODEL-DATA-TIME`, a path that does not exist yet, for names or paths of a model and data."""
    words = "-".join(Path(word).stem if "/" in word or "." in word else word for word in (model.replace("/", "_"), data))
    clean = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in words)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = Path("runs") / f"{clean}-{stamp}"
    number = 1
    while path.exists():
        number += 1
        path = Path("runs") / f"{clean}-{stamp}-{number}"
    return path


def check_new_directory(path: Path) -> None:
    """Check that a directory is empty or does not exist.

    Raises:
        ArtefactError: the directory is not empty, or is a file.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        kind = "is not empty" if path.is_dir() else "is a file"
        raise ArtefactError(
            f"The directory exists and {kind}; zoo does not overwrite it. Received: {path}. Choose another, or move this one."
        )


@contextmanager
def new_directory(path: Path) -> Iterator[None]:
    """Create a directory, or use an empty one. If the block fails, remove everything that it created.

    Raises:
        ArtefactError: the directory is not empty, or cannot be created or written.
    """
    existed = path.exists()
    try:
        check_new_directory(path)
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".partial-probe"
        probe.write_bytes(b"0")
        probe.unlink()
    except OSError as error:
        raise ArtefactError(
            f"The directory cannot be created or written: {error.strerror or error}. Received: {path}. "
            "Choose a writable one with out= or --out."
        ) from error
    try:
        yield
    except BaseException:
        for left in path.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if not existed:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(path: Path, *, patience: float) -> Iterator[bool]:
    """Lock a file while the block runs, and yield whether the lock was acquired.

    The operating system releases the lock when the process ends, even after a crash.

    Args:
        path: Path, the lock file; it is created.
        patience: float, seconds to wait while another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(RETRY)
                    continue
                yield False
                return
            except OSError:  # a file system without locks
                pass
            yield True
            return


def check_format(content: Mapping[str, Any], accepted: int, kind: str, place: Path | str) -> None:
    """Check that this version of zoo reads the format of a file.

    Args:
        content: mapping, the file's content; `format` is its number.
        accepted: int, the number that this version reads.
        kind: str, the kind of file for the message, for example "run directory".
        place: Path or str, the file or its directory.

    Raises:
        ArtefactError: the number differs or is missing.
    """
    if content.get("format") != accepted:
        raise ArtefactError(
            f"This {kind} has another format. Received: format {content.get('format')!r} in {place}; accepted: {accepted}. "
            "Install a newer zoo."
        )


def first_problem(error: ValidationError) -> str:
    """Return the location and message of the first problem that pydantic found."""
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
