"""Files from an address: in part what an earlier try has left, whole or not at all under their own name."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from zoo.artefacts import files
from zoo.errors import ArtefactError, one_line

TRIES = 4  # one after the other, each going on where the one before broke off
PAUSE = 1.0  # seconds before the second try; twice as long before each later one
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 16
LARGEST_TEXT = 1 << 24  # bytes of an index
LONGEST = 60.0  # seconds that an index may take
NOT_FROM_HERE = http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
PROBLEMS = (OSError, http.client.HTTPException, ValueError)  # what urllib raises


class NetworkError(Exception):
    """Why an address cannot be read; errors of the disk are OSErrors.

    Args:
        reason: in one line.
        code: HTTP's number for it, if it has one.
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


def is_address(place: str) -> bool:
    """Return whether this is an http or https address."""
    return place.lower().startswith(("http://", "https://"))


def read_url(url: str) -> str:
    """Return the text at an address.

    Raises:
        ArtefactError: it cannot be reached, takes too long, is no UTF-8, or is too large.
    """
    content = bytearray()
    until = time.monotonic() + LONGEST
    try:
        with _open(url) as answer:
            for piece in _pieces(answer):
                content += piece
                if len(content) > LARGEST_TEXT:
                    raise ArtefactError(
                        f"This address gives over {LARGEST_TEXT:,} bytes. Received: {url}. Give one of an index."
                    )
                if time.monotonic() > until:
                    raise NetworkError(f"it has not come to an end in {LONGEST:g} seconds")
    except NetworkError as error:
        raise ArtefactError(f"This address cannot be read: {error}. Received: {url}. Look at it and the network.") from error
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
        OSError: it cannot be written.
    """
    if target.is_file():
        advance(size)  # an earlier call put it in place
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    advance(_length(partial))
    went_on = _complete(url, partial, size, advance)
    if went_on and files.sha256(partial) != sha256:  # its parts may be of two files
        _drop(partial, advance)
        _complete(url, partial, size, advance)
    if files.sha256(partial) != sha256:
        _drop(partial, advance)
        raise ArtefactError(
            f"A file has arrived with another SHA-256 than its index lists. Received: {url}. It was removed; try again, and if "
            "that ends alike, tell those who keep the address."
        )
    partial.replace(target)


def _complete(url: str, partial: Path, size: int, advance: Callable[[int], None]) -> bool:
    """Fetch what is missing of a file; return whether some of it is of an earlier answer."""
    problem: NetworkError | None = None
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE * 2 ** (number - 1))
        here = _length(partial)
        try:
            if here < size:
                _go_on(url, partial, here, size, advance)
            partial.touch()  # nothing is fetched of an empty file
            return here > 0
        except NetworkError as error:
            problem = error
            if here and error.code == NOT_FROM_HERE:
                _drop(partial, advance)
            elif error.code and error.code < 500:  # it will say so again
                break
    here = _length(partial)
    raise ArtefactError(
        f"A file could not be fetched: {problem}. Received: {url}, {here:,} of {size:,} bytes. "
        + ("They are kept: the next call goes on from there." if here else "Look at the address and the network.")
    ) from problem


def _go_on(url: str, partial: Path, here: int, size: int, advance: Callable[[int], None]) -> None:
    """Fetch from byte `here` on, or the whole where the server knows no parts."""
    with _open(url, here) as answer:
        is_part = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        if is_part and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {here}-"):
            raise NetworkError("the server begins at another byte than asked for", NOT_FROM_HERE)
        begin = here if is_part else 0
        if answer.length not in (None, size - begin) or answer.headers.get("Content-Encoding", "identity") != "identity":
            raise _another(url, answer, size - begin)
        advance(begin - here)
        here = begin
        with partial.open("ab" if is_part else "wb") as file:
            for piece in _pieces(answer):
                file.write(piece)
                advance(len(piece))
                here += len(piece)
                if here > size:
                    break
        if answer.chunked and here != size:  # it came to its end, or went beyond
            _drop(partial, advance)
            raise _another(url, answer, size - begin)
    if here < size:
        raise NetworkError("the connection broke off")


def _another(url: str, answer: http.client.HTTPResponse, expected: int) -> ArtefactError:
    names = ("Content-Type", "Content-Encoding", "Content-Length")
    told = [f"{name}: {answer.headers[name]}" for name in names if name in answer.headers]
    return ArtefactError(
        f"This address gives another file than its index lists. Received: {', '.join([url, *told])}; accepted: "
        f"{expected:,} bytes, not encoded. Nothing of it was kept; look at the address, and whether it asks to log in."
    )


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _drop(partial: Path, advance: Callable[[int], None]) -> None:
    advance(-_length(partial))
    partial.unlink()


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """Refuse ftp, which urllib would follow."""
        if not is_address(newurl):
            raise urllib.error.HTTPError(req.full_url, code, f"a redirect to {newurl}, not http or https", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str, begin: int = 0) -> http.client.HTTPResponse:
    """Ask for what is at an address, from a byte on.

    Raises:
        NetworkError: it cannot be reached, or refuses.
    """
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={begin}-"} if begin else {})  # noqa: S310
        answer: http.client.HTTPResponse = urllib.request.build_opener(_Redirects).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise NetworkError(one_line(error), error.code) from error
    except PROBLEMS as error:
        raise NetworkError(_reason(error)) from error
    return answer


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Give what comes, as it comes.

    Raises:
        NetworkError: the connection broke, in a way that can be told from an end.
    """
    try:
        while piece := answer.read1(CHUNK):
            yield piece
    except PROBLEMS as error:
        raise NetworkError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    return one_line(error) or type(error).__name__
