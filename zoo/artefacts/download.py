"""Fetches files from a URL: requests downloads them and resumes interrupted transfers, and pooch verifies them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from zoo.errors import ArtefactError, one_line

PAUSES = (0.0, 1.0, 2.0, 4.0)  # seconds before each attempt, which resumes where the previous one stopped
TIMEOUT = 30.0  # seconds without data
CHUNK = 1 << 16
NOT_ENCODED = {"Accept-Encoding": "identity"}


def is_address(place: str) -> bool:
    """Return whether a place is an HTTP or HTTPS URL."""
    return place.lower().startswith(("http://", "https://"))


def read_url(url: str) -> bytes:
    """Return the content at a URL.

    Raises:
        ArtefactError: the URL is not reachable.
    """
    import requests

    try:
        response = requests.get(url, headers=NOT_ENCODED, timeout=TIMEOUT)
        response.raise_for_status()
    except requests.RequestException as error:
        raise ArtefactError(
            f"This URL cannot be read: {one_line(error)}. Received: {url}. Check it and the network."
        ) from error
    return bytes(response.content)


def fetch(url: str, target: Path, size: int, sha256: str, advance: Callable[[int], None]) -> None:
    """Download a file. If the connection breaks, the next attempt or call resumes the download.

    Args:
        url: str, the file's HTTP or HTTPS URL.
        target: Path, where to store the file.
        size: int, size of the file in bytes.
        sha256: str, SHA-256 of the file in hexadecimal digits.
        advance: callable, called with the number of bytes received, negative for discarded bytes.

    Raises:
        ArtefactError: the URL is not reachable, or serves a different file.
        OSError: the disk cannot be written.
    """
    import pooch

    if target.is_file():
        advance(size)  # an earlier call downloaded it
        return
    partial = target.with_name(f"{target.name}.part")

    def complete(_url: str, output_file: str, _pooch: object) -> None:  # pooch's own downloader does not resume
        _complete(url, partial, size, advance)
        partial.replace(output_file)

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(url, f"sha256:{sha256}", target.name, target.parent, downloader=complete)
    except ValueError as error:  # the SHA-256 differs, and pooch has removed the file
        raise ArtefactError(
            f"The SHA-256 of a file differs from the index. Received: {url}. The file was removed. Try again; if the error "
            "persists, report it to the owner of the URL."
        ) from error


def _complete(url: str, partial: Path, size: int, advance: Callable[[int], None]) -> None:
    """Download the missing part of a file, in several attempts."""
    import requests
    from urllib3.exceptions import HTTPError

    partial.touch()
    advance(partial.stat().st_size)
    for pause in PAUSES:
        time.sleep(pause)
        try:
            if partial.stat().st_size < size:
                _append(url, partial, size, advance)
            return
        except (requests.RequestException, HTTPError) as error:
            problem = error
            if isinstance(error, requests.HTTPError) and error.response.status_code < 500:
                break  # the server rejects the request
    received = partial.stat().st_size
    raise ArtefactError(
        f"A file could not be downloaded: {one_line(problem)}. Received: {url}, {received:,} of {size:,} bytes. "
        f"{'The next call resumes the download.' if received else 'Check the URL and the network.'}"
    ) from problem


def _append(url: str, partial: Path, size: int, advance: Callable[[int], None]) -> None:
    """Download the rest of a file, or the whole file if the server does not support resuming."""
    import requests

    begin = partial.stat().st_size
    headers = {**NOT_ENCODED, **({"Range": f"bytes={begin}-"} if begin else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        is_rest = response.headers.get("Content-Range", "").startswith(f"bytes {begin}-")
        if begin and not is_rest and response.status_code in (206, 416):
            advance(-begin)
            partial.write_bytes(b"")
            raise requests.RequestException("the server cannot resume at this byte")
        response.raise_for_status()
        length = response.headers.get("Content-Length")
        if length not in (None, str(size - begin if is_rest else size)):
            raise ArtefactError(
                f"This URL serves a different file than the index lists. Received: {response.url}, Content-Type: "
                f"{response.headers.get('Content-Type')}, Content-Length: {length}; accepted: {size:,} bytes. Check the URL, "
                "and whether it requires a login."
            )
        if not is_rest:
            advance(-begin)
        with partial.open("ab" if is_rest else "wb") as file:
            # requests' own `iter_content` loses the bytes before a break
            while file.tell() <= size and (piece := response.raw.read1(CHUNK)):
                file.write(piece)
                advance(len(piece))
