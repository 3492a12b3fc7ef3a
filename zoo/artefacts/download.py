"""Files from an address: in part what an earlier try has left, whole or not at all under their own name."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.artefacts import files
from zoo.errors import ArtefactError

TRIES = 4  # one after the other, each going on where the one before broke off
PAUSE = 1.0  # seconds before the second try; twice as long before each later one
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 16
LARGEST_TEXT = 1 << 24  # bytes of an index


def read_url(url: str) -> str:
    """Return the text at an address.

    Raises:
        ArtefactError: it cannot be reached, is no UTF-8, or is too large.
    """
    try:
        with _open(urllib.request.Request(url)) as answer:  # noqa: S310 - http and https alone come here
            content: bytes = answer.read(LARGEST_TEXT + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ArtefactError(
            f"This address cannot be read: {_reason(error)}. Received: {url}. Look at it and the network."
        ) from error
    if len(content) > LARGEST_TEXT:
        raise ArtefactError(f"This address gives over {LARGEST_TEXT:,} bytes. Received: {url}. Give one of an index.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtefactError(f"This address gives no text: {error}. Received: {url}. Give one of an index.") from error


def fetch(url: str, target: Path, size: int, sha256: str, advance: Callable[[int], None]) -> None:
    """Fetch a file; what arrived before a break stays beside it, and the next try or call goes on from there.

    Args:
        url: of the file; http or https.
        target: where it goes.
        size: its bytes.
        sha256: in hexadecimal digits.
        advance: is told the number of bytes that were added; below 0 where some were of no use.

    Raises:
        ArtefactError: it cannot be reached, or is not what it should be.
    """
    if target.is_file():
        advance(size)  # an earlier call put it in place
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    partial.touch()
    here = partial.stat().st_size
    advance(here)
    problem: Exception | None = None
    for number in range(TRIES):
        if here >= size:
            break
        if number:
            time.sleep(PAUSE * 2 ** (number - 1))
        try:
            here = _go_on(url, partial, here, size, advance)
            problem = None
        except (OSError, http.client.HTTPException) as error:
            here = partial.stat().st_size
            problem = error
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:  # it will say so again
                break
    if here < size:
        raise ArtefactError(
            f"A file could not be fetched: {_reason(problem) if problem else 'the connection broke off'}. Received: {url}, "
            f"{here:,} of {size:,} bytes. "
            + ("They are kept: the next call goes on from there." if here else "Look at the address and the network.")
        ) from problem
    if here != size or files.sha256(partial) != sha256:
        partial.unlink()
        advance(-here)
        raise ArtefactError(
            f"A file has arrived with another SHA-256 than its index lists. Received: {url}. It was removed; try again, and if "
            "that ends alike, tell those who keep the address."
        )
    partial.replace(target)


def _go_on(url: str, partial: Path, here: int, size: int, advance: Callable[[int], None]) -> int:
    """Fetch from byte `here` on; return how many bytes there are then."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={here}-"} if here else {})  # noqa: S310
    with _open(request) as answer:
        goes_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT and _begins_at(answer, here)
        if here and not goes_on:
            advance(-here)  # the server gives the whole file
            here = 0
        with partial.open("ab" if goes_on else "wb") as file:
            while here <= size and (chunk := answer.read(CHUNK)):
                file.write(chunk)
                advance(len(chunk))
                here += len(chunk)
    return here


@contextmanager
def _open(request: urllib.request.Request) -> Iterator[http.client.HTTPResponse]:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            yield answer
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise


def _begins_at(answer: http.client.HTTPResponse, here: int) -> bool:
    return (answer.headers.get("Content-Range") or "").startswith(f"bytes {here}-")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.reason}"
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return str(reason) or type(error).__name__
