"""Opens the user's files: handles encodings, binary files, and the errors of the libraries that read them."""

from __future__ import annotations

import codecs
import csv
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from zoo.errors import DataError

FIXES = {
    ".csv": "Fix the file: separate columns with commas. Double the quotes inside quoted cells, and close them.",
    ".tsv": "Fix the file: separate columns with tabs. Double the quotes inside quoted cells, and close them.",
    ".npz": "Save it with numpy.savez.",
}
READ_ERRORS = (pa.ArrowException, csv.Error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError)


def delimiter_of(path: Path) -> str:
    """Return the separator of a file's columns: tabs in .tsv, otherwise commas."""
    return "\t" if path.suffix.lower() == ".tsv" else ","


def open_text(path: Path, encoding: str, newline: str | None = None) -> TextIO:
    """Open a text file without its byte order mark. `newline` is passed to `open`."""
    return path.open(encoding="utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding, newline=newline)


def check_is_text(path: Path, encoding: str = "utf-8") -> None:
    """Reject a binary file, and a file that starts like UTF-16 but is read with another encoding.

    Raises:
        DataError: the file is rejected; the message gives the fix.
    """
    if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        return
    with path.open("rb") as file:
        start = file.read(8192)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        fix = "Save the file as UTF-8, or for texts set data.encoding=utf-16."
        raise DataError(f"This file starts like UTF-16. Received: {path}. {fix}")
    if b"\0" in start:
        raise DataError(f"This is a binary file. Received: {path}, which contains zero bytes. Pass a text file.")


@contextmanager
def read_errors(path: Path, encoding: str = "utf-8") -> Iterator[None]:
    """Convert the errors of a file to DataError.

    Args:
        path: path of the file.
        encoding: encoding of its text; default "utf-8".
    """
    try:
        yield
    except DataError:
        raise
    except READ_ERRORS as error:
        if isinstance(error, UnicodeError) or "invalid UTF8" in str(error):
            fix = "Save the file as UTF-8, or for texts set data.encoding=..., for example gb18030, utf-16 or latin-1."
            raise DataError(f"The file is not encoded in {encoding}: {error}. Received: {path}. {fix}") from error
        suffix = path.suffix.lower()
        fix = FIXES.get(suffix, "Fix the file.")
        raise DataError(f"This cannot be read as {suffix or 'text'}: {error}. Received: {path}. {fix}") from error
