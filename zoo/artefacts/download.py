"""Files from a URL: pooch verifies them and puts them in place, and the downloader resumes what an earlier attempt left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from zoo.errors import ArtefactError, one_line

ATTEMPTS = 4  # each resumes where the previous one stopped
PAUSE = 1.0  # seconds before the second attempt; twice as long before each later one
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 16
LARGEST_INDEX = 1 << 24  # bytes
LONGEST = 60.0  # seconds for an index


class NetworkError(Exception):
    """A failed request, as opposed to a failing disk, which raises OSError.

    Args:
        reason: str, one line.
        code: int or None, default None; the HTTP status.
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


def is_address(place: str) -> bool:
    """Return whether a place is an HTTP or HTTPS URL."""
    return place.lower().startswith(("http://", "https://"))


def read_url(url: str) -> str:
    """Return the text at a URL.

    Raises:
        ArtefactError: the URL is not reachable, takes too long, is not UTF-8, or is too large.
    """
    content, until = bytearray(), time.monotonic() + LONGEST
    try:
        with _request(url) as response:
            for piece in _pieces(response):
                content += piece
                if len(content) > LARGEST_INDEX:
                    raise ArtefactError(
                        f"This file is larger than {LARGEST_INDEX:,} bytes. Received: {url}. Use an index's URL."
                    )
                if time.monotonic() > until:
                    raise NetworkError(f"it did not end within {LONGEST:g} seconds")
        return content.decode("utf-8")
    except NetworkError as error:
        raise ArtefactError(f"This URL cannot be read: {error}. Received: {url}. Check it and the network.") from error
    except UnicodeDecodeError as error:
        raise ArtefactError(f"This URL does not give text: {error}. Received: {url}. Use an index's URL.") from error


def fetch(url: str, target: Path, size: int, sha256: str, advance: Callable[[int], None]) -> None:
    """Fetch a file. If the connection breaks, the part that arrived is kept, and the next attempt or call resumes from it.

    Args:
        url: str, the file's HTTP or HTTPS URL.
        target: Path, where the file goes.
        size: int, the file's number of bytes.
        sha256: str, hexadecimal digits.
        advance: callable; receives the number of bytes that arrived, which is negative for discarded ones.

    Raises:
        ArtefactError: the URL is not reachable, or gives another file.
        OSError: the disk cannot be written.
    """
    import pooch

    if target.is_file():
        advance(size)  # an earlier call put it in place
        return
    pooch.get_logger().setLevel("WARNING")
    partial = _Partial(target, size, advance)
    advance(partial.length)
    for is_last in (False, True):
        try:
            pooch.retrieve(url, f"sha256:{sha256}", target.name, target.parent, downloader=partial.complete)
            return
        except ValueError as error:  # the SHA-256 differs, and pooch has removed the file
            advance(-size)
            if is_last or not partial.is_resumed:  # otherwise its parts may come from two files
                raise ArtefactError(
                    f"The SHA-256 of a file differs from the index. Received: {url}. The file was removed. Try again; if the "
                    "error persists, report it to the owner of the URL."
                ) from error


class _Partial:
    """The part of a file that has arrived, next to its target.

    Args:
        target: Path, where the file goes.
        size: int, its number of bytes.
        advance: callable, as in `fetch`.
    """

    def __init__(self, target: Path, size: int, advance: Callable[[int], None]) -> None:
        self._path = target.with_name(f"{target.name}.part")
        self._size, self._advance = size, advance
        self.is_resumed = False

    @property
    def length(self) -> int:
        return self._path.stat().st_size if self._path.is_file() else 0

    def complete(self, url: str, output_file: str, _: object) -> None:
        """Fetch the rest, and rename the file; pooch calls this in place of its own downloader, which does not resume."""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            begin = self.length
            self.is_resumed = begin > 0
            try:
                if begin < self._size:
                    self._append(url, begin)
                self._path.touch()  # a file of 0 bytes is not fetched
                self._path.replace(output_file)
                return
            except NetworkError as error:
                problem = error
            if begin and problem.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._discard()
            elif problem.code and problem.code < HTTPStatus.INTERNAL_SERVER_ERROR:  # final
                break
        advice = "They are kept, and the next call resumes." if self.length else "Check the URL and the network."
        raise ArtefactError(
            f"A file could not be fetched: {problem}. Received: {url}, {self.length:,} of {self._size:,} bytes. {advice}"
        ) from problem

    def _append(self, url: str, begin: int) -> None:
        """Fetch from byte `begin` on, or the whole file from a server that does not support ranges."""
        with _request(url, begin) as response:
            is_part = response.status_code == HTTPStatus.PARTIAL_CONTENT
            if is_part and not response.headers.get("Content-Range", "").startswith(f"bytes {begin}-"):
                raise NetworkError("the server starts at another byte", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            missing = self._size - begin if is_part else self._size
            if response.headers.get("Content-Length", str(missing)) != str(missing) or "Content-Encoding" in response.headers:
                raise _another_file(response, missing)
            if not is_part:
                self._advance(-begin)
            with self._path.open("ab" if is_part else "wb") as file:
                for piece in _pieces(response):
                    file.write(piece)
                    self._advance(len(piece))
                    missing -= len(piece)
                    if missing < 0:
                        break
            if missing:  # an answer without Content-Length was too short or too long
                self._discard()
                raise _another_file(response, self._size)

    def _discard(self) -> None:
        self._advance(-self.length)
        self._path.unlink()


def _another_file(response: Any, expected: int) -> ArtefactError:
    names = ("Content-Type", "Content-Encoding", "Content-Length")
    received = [f"{name}: {response.headers[name]}" for name in names if name in response.headers]
    return ArtefactError(
        f"This URL gives another file than the index lists. Received: {', '.join([response.url, *received])}; accepted: "
        f"{expected:,} bytes, not encoded. Check the URL, and whether it requires a login."
    )


@contextmanager
def _request(url: str, begin: int = 0) -> Iterator[Any]:
    """Open a URL from byte `begin` on.

    Raises:
        NetworkError: the server is not reachable, refuses, or breaks the connection.
    """
    import requests
    from urllib3.exceptions import HTTPError

    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={begin}-"} if begin else {})}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            yield response
    except (requests.RequestException, HTTPError) as error:
        raise NetworkError(one_line(error), getattr(getattr(error, "response", None), "status_code", None)) from error


def _pieces(response: Any) -> Iterator[bytes]:
    """Yield bytes as they arrive; requests' own `iter_content` loses those before a break."""
    return iter(lambda: response.raw.read1(CHUNK), b"")
