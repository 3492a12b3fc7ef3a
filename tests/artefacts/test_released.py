"""Released models are found in a folder or at a URL, and downloads are atomic."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import json
import os
import resource
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from zoo.artefacts import download, files, released
from zoo.errors import ArtefactError, UnknownNameError
from zoo.training.weights import find_weights

WEIGHTS = bytes(range(256)) * 1024


def write_models(folder: Path, name: str = "toy@numbers", content: bytes = WEIGHTS) -> Path:
    """Write a folder with an index of one model."""
    paths = {"model.keras": content, "assets/data.json": b"{}"}
    listed = {}
    for path, text in paths.items():
        place = folder / name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text)
        listed[path] = {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    model = {"recipe": "toy@long_numbers", "task": "regression", "parameters": 3, "scores": {"r2": 0.5}, "files": listed}
    (folder / "index.json").write_text(json.dumps({"format": 1, "models": {name: model}}))
    return folder


def edit_index(folder: Path, **changes: object) -> None:
    path = folder / "index.json"
    content = json.loads(path.read_text())
    next(iter(content["models"].values())).update(changes)
    path.write_text(json.dumps(content))


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves files with ranges like a static server; can disconnect, ignore ranges, or return errors."""

    breaks_after: int | None = None  # bytes of each answer
    knows_ranges = True
    status: int | None = None
    instead: Callable[[Server], object] | None = None  # returns another response, unless that is None
    requests: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        cls = type(self)
        cls.requests.append((self.path, self.headers.get("Range")))
        if cls.instead and cls.instead(self):
            return
        path = Path(self.translate_path(self.path))
        if cls.status or not path.is_file():
            self.send_error(cls.status or 404)
            return
        content = path.read_bytes()
        begin = int(self.headers["Range"][6:-1]) if "Range" in self.headers and cls.knows_ranges else 0
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        self.wfile.write(content[begin:][: cls.breaks_after])

    def give(self, content: bytes, status: int = 200, **headers: object) -> bool:
        """Send this response, with its length unless another one is given."""
        self.send_response(status)
        for name, value in {"Content_Length": len(content), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(content)
        return True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def models(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSES", (0.0,) * 4)
    return write_models(tmp_path / "models")


@pytest.fixture
def server(models, monkeypatch):
    handler = type("Handler", (Server,), {"requests": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(models))) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("ZOO_MODELS", f"http://127.0.0.1:{running.server_port}/")
        yield handler
        running.shutdown()


def for_weights(answer: Callable[[Server], object]) -> Callable[[Server], object]:
    """Return a response for the weights only."""
    return lambda request: request.path.endswith("keras") and answer(request)


def left_in(folder: Path) -> list[Path]:
    """Return the files that a download has left."""
    return [path for path in folder.rglob("*.part") if path.stat().st_size]


def whole(directory: Path) -> bool:
    return (directory / "model.keras").read_bytes() == WEIGHTS and (directory / "assets" / "data.json").read_bytes() == b"{}"


def test_models_in_a_folder_take_precedence_over_zoos_own(models, monkeypatch):
    write_models(models, "cnn@mnist")
    monkeypatch.setenv("ZOO_MODELS", str(models))
    assert released.find_released("cnn@mnist").directory() == models / "cnn@mnist"
    assert "lenet@mnist" in zoo.list_pretrained()


def test_a_model_in_a_folder_hides_zoos_own_for_every_filter(models, monkeypatch):
    write_models(models, "cnn@mnist")  # for another task than zoo's model of this name
    monkeypatch.setenv("ZOO_MODELS", str(models))
    assert "cnn@mnist" in zoo.list_pretrained(task="regression")
    assert "cnn@mnist" not in zoo.list_pretrained(task="image_classification")


def test_weights_and_a_downloaded_model_read_the_index_once(server):
    with pytest.raises(ArtefactError):  # not a real run
        find_weights("toy", "numbers")
    assert [path for path, _ in server.requests].count("/index.json") == 1


def test_a_model_is_found_by_its_recipe_too(models, monkeypatch):
    monkeypatch.setenv("ZOO_MODELS", str(models))
    assert released.directory_of("toy@long_numbers") == models / "toy@numbers"


def test_an_unknown_model_gets_the_nearest(models, monkeypatch):
    monkeypatch.setenv("ZOO_MODELS", str(models))
    with pytest.raises(UnknownNameError, match="Did you mean 'toy@numbers'"):
        zoo.load("toy@number")
    for path in ("runs/cnn", "runs/cnn@mnist", "./cnn@mnst"):
        assert released.directory_of(path) == Path(path)


def test_a_folder_takes_precedence_over_a_released_model_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_MODELS", "http://127.0.0.1:9")  # no request
    for name in ("cnn@mnist", "mine@numbers"):
        (tmp_path / name).mkdir()
        assert released.directory_of(name) == Path(name)
    assert [record.getMessage() for record in caplog.records] == [
        f"The directory is used, not the released model with the same name. Received: {tmp_path / 'cnn@mnist'}. "
        f"For the released model, pass its path: {released.packaged() / 'cnn@mnist'}"
    ]


def test_a_released_models_own_folder_gives_no_warning(monkeypatch, caplog):
    monkeypatch.chdir(released.packaged())
    assert released.directory_of("cnn@mnist") == Path("cnn@mnist")
    assert not caplog.records


@pytest.mark.parametrize("damage", ["changed", "shorter", "missing"])
def test_a_damaged_file_is_refused(models, monkeypatch, damage):
    monkeypatch.setenv("ZOO_MODELS", str(models))
    path = models / "toy@numbers" / "model.keras"
    {
        "changed": lambda: path.write_bytes(WEIGHTS[:-1] + b"x"),
        "shorter": lambda: path.write_bytes(WEIGHTS[:-1]),
        "missing": path.unlink,
    }[damage]()
    with pytest.raises(ArtefactError, match=r"model\.keras"):
        released.find_released("toy@numbers").directory()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"files": {"../x": {"sha256": "0" * 64, "bytes": 1}}}, "String should match pattern"),
        ({"files": {"/x": {"sha256": "0" * 64, "bytes": 1}}}, "String should match pattern"),
        ({"files": {"a/../../x": {"sha256": "0" * 64, "bytes": 1}}}, "String should match pattern"),
        ({"files": {"x": {"sha256": "0", "bytes": 1}}}, "sha256"),
        ({"files": {"x": {"sha256": "0" * 64, "bytes": -1}}}, "bytes"),
        ({"files": {}}, "files"),
        ({"parameters": "many"}, "parameters"),
    ],
)
def test_a_damaged_index_is_refused(models, monkeypatch, changes, said):
    edit_index(models, **changes)
    monkeypatch.setenv("ZOO_MODELS", str(models))
    with pytest.raises(ArtefactError, match=said):
        zoo.list_pretrained()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        "[" * 200_000,
        "<html></html>",
        '{"format": 2}',
        '{"format": 1}',
        '{"format": 1, "models": {"../x@y": {}}}',
        '{"format": 1, "models": {"x@y": {}}}',
        '{"format": 1, "models": 3}',
    ],
)
@pytest.mark.parametrize("is_fetched", [False, True])
def test_an_invalid_index_is_rejected_or_the_stored_one_used(server, models, monkeypatch, caplog, text, is_fetched):
    if is_fetched:
        before = zoo.list_pretrained()
    else:
        monkeypatch.setenv("ZOO_MODELS", str(models))
    (models / "index.json").write_text(text)
    if is_fetched:
        assert zoo.list_pretrained() == before
        assert zoo.list_pretrained() == before  # the invalid index has not been stored
        assert "Using the stored index." in caplog.text
        shutil.rmtree(released.cache())
    with pytest.raises(ArtefactError, match="Received"):
        zoo.list_pretrained()


def test_a_damaged_stored_index_is_not_used(server, models, caplog):
    zoo.list_pretrained()
    next(released.cache().glob("index-*.json")).write_text('{"format": 2}')
    server.status = 503
    with pytest.raises(ArtefactError, match=r"another format.*Received: 2 in .*index-"):
        zoo.list_pretrained()
    assert "503" in caplog.text


@pytest.mark.parametrize("place", ["file://{folder}", "ftp://127.0.0.1/models"])
def test_other_url_schemes_are_rejected(models, monkeypatch, place):
    monkeypatch.setenv("ZOO_MODELS", place.format(folder=models))
    with pytest.raises(ArtefactError, match=r"no index of released models.*a folder, http://"):
        zoo.list_pretrained()


def test_a_tilde_is_the_home_folder(models, monkeypatch):
    monkeypatch.setenv("HOME", str(models.parent))
    monkeypatch.setenv("ZOO_MODELS", "~/models")
    monkeypatch.setenv("ZOO_CACHE", "~/kept")
    assert released.directory_of("toy@numbers") == models / "toy@numbers"
    assert released.cache() == models.parent / "kept"


def test_a_url_may_have_capitals(server, monkeypatch):
    monkeypatch.setenv("ZOO_MODELS", os.environ["ZOO_MODELS"].replace("http", "HTTP"))
    assert whole(released.directory_of("toy@numbers"))


@pytest.mark.parametrize(
    ("to", "said"),
    [("ftp://127.0.0.1/index.json", "No connection adapters .*ftp://"), ("/index.json", "Exceeded 30 redirects")],
)
def test_endless_redirects_are_reported_in_one_line(server, to, said):
    server.instead = lambda request: request.give(b"", 302, Location=to)
    with pytest.raises(ArtefactError, match=said) as told:
        zoo.list_pretrained()
    assert "\n" not in str(told.value)


def test_a_folder_without_an_index_is_rejected_without_a_fallback(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path))
    with pytest.raises(ArtefactError, match=r"without index\.json"):
        zoo.load("cnn@mnist")


def test_a_model_is_downloaded_once_and_then_found_without_the_server(server, models):
    first = released.directory_of("toy@numbers")
    assert whole(first)
    asked = len(server.requests)
    assert released.directory_of("toy@numbers") == first
    assert [path for path, _ in server.requests[asked:]] == ["/index.json"]
    server.status = 503
    assert released.directory_of("toy@numbers") == first  # by the stored index
    assert not [path for path in first.parent.rglob("*") if path.suffix in (".part", ".partial")]


def test_an_interrupted_download_resumes(server):
    server.breaks_after = 100_000  # of 262,144
    assert whole(released.directory_of("toy@numbers"))
    assert [begin for path, begin in server.requests if path.endswith("keras")] == [None, "bytes=100000-", "bytes=200000-"]


def test_a_later_call_resumes_an_earlier_download(server):
    server.breaks_after = 10_000
    with pytest.raises(ArtefactError, match=r"40,000 of 262,144 bytes\. The next call resumes the download"):
        released.directory_of("toy@numbers")
    server.breaks_after, server.requests = None, []
    assert whole(released.directory_of("toy@numbers"))
    assert [begin for path, begin in server.requests if path.endswith("keras")] == ["bytes=40000-"]


def test_a_server_without_ranges_sends_the_whole_file_again(server):
    server.breaks_after = 100_000
    server.knows_ranges = False
    with pytest.raises(ArtefactError, match="could not be downloaded"):
        released.directory_of("toy@numbers")
    server.breaks_after = None
    assert whole(released.directory_of("toy@numbers"))


def chunked(request: Server, content: bytes) -> bool:
    request.protocol_version = "HTTP/1.1"
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    return True


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda request: request.give(WEIGHTS[:-1] + b"x"), "SHA-256 of a file differs"),
        (lambda request: request.give(WEIGHTS + b"x"), "a different file .*Content-Length: 262145; accepted: 262,144 bytes"),
        (lambda request: request.give(WEIGHTS[:-1]), "a different file .*Content-Length: 262143"),
        (
            lambda request: request.give(b"<html></html>", Content_Type="text/html"),
            "a different file .*Content-Type: text/html",
        ),
        (lambda request: request.give(gzip.compress(WEIGHTS), Content_Encoding="gzip"), "a different file .*accepted: 262,144"),
        (lambda request: chunked(request, b"<html></html>"), "SHA-256 of a file differs"),
        (lambda request: chunked(request, WEIGHTS + b"x"), "SHA-256 of a file differs"),
    ],
)
def test_a_file_with_different_content_is_rejected_and_removed(server, answer, said):
    server.instead = for_weights(answer)
    with pytest.raises(ArtefactError, match=said):
        released.directory_of("toy@numbers")
    assert [path for path, _ in server.requests].count("/toy@numbers/model.keras") == 1
    assert not left_in(released.cache())
    server.instead = None
    assert whole(released.directory_of("toy@numbers"))


def test_a_file_of_unknown_length_is_downloaded(server):
    server.instead = for_weights(lambda request: chunked(request, WEIGHTS))
    assert whole(released.directory_of("toy@numbers"))


def test_an_empty_file_is_downloaded(server, models):
    write_models(models, content=b"")
    assert (released.directory_of("toy@numbers") / "model.keras").read_bytes() == b""


def leave_a_part(server: type[Server], models: Path, content: bytes) -> None:
    """Disconnect after 40,000 bytes of this content."""
    (models / "toy@numbers" / "model.keras").write_bytes(content)
    server.breaks_after = 10_000
    with pytest.raises(ArtefactError, match="40,000 of"):
        released.directory_of("toy@numbers")
    server.breaks_after, server.requests = None, []
    (models / "toy@numbers" / "model.keras").write_bytes(WEIGHTS)


def test_a_partial_download_of_another_file_is_removed(server, models):
    leave_a_part(server, models, WEIGHTS[::-1])
    with pytest.raises(ArtefactError, match=r"SHA-256 of a file differs .* Try again"):
        released.directory_of("toy@numbers")
    assert not left_in(released.cache())
    assert whole(released.directory_of("toy@numbers"))
    assert [begin for path, begin in server.requests if path.endswith("keras")] == ["bytes=40000-", None]


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: request.give(WEIGHTS[10:], 206, Content_Range=f"bytes 10-{len(WEIGHTS) - 1}/{len(WEIGHTS)}"),
        lambda request: request.give(WEIGHTS[40_000:], 206),
        lambda request: request.give(b"", 416),
    ],
)
def test_a_server_that_cannot_resume_is_asked_for_the_whole_file(server, models, answer):
    leave_a_part(server, models, WEIGHTS)
    server.instead = for_weights(lambda request: "Range" in request.headers and answer(request))
    assert whole(released.directory_of("toy@numbers"))
    assert [begin for path, begin in server.requests if path.endswith("keras")] == ["bytes=40000-", None]


def test_an_error_page_does_not_damage_a_partial_download(server, models):
    leave_a_part(server, models, WEIGHTS)
    server.instead = for_weights(lambda request: request.give(b"<html></html>"))
    with pytest.raises(ArtefactError, match="a different file"):
        released.directory_of("toy@numbers")
    assert [path.stat().st_size for path in left_in(released.cache())] == [40_000]


def test_no_compression_is_requested(server):
    asked = []
    server.instead = lambda request: asked.append(request.headers["Accept-Encoding"])
    released.directory_of("toy@numbers")
    assert set(asked) == {"identity"}


def test_a_full_disk_is_not_reported_as_a_network_error(server):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(ArtefactError, match=r"File too large\. .* Free space, .* ZOO_CACHE"):
            released.directory_of("toy@numbers")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path for path, _ in server.requests].count("/toy@numbers/model.keras") == 1


def test_a_file_in_the_cache_that_changed_is_refused(server):
    path = released.directory_of("toy@numbers") / "model.keras"
    path.write_bytes(WEIGHTS[:-1] + b"x")
    with pytest.raises(ArtefactError, match="to download it again"):
        released.directory_of("toy@numbers")


def test_a_new_version_at_the_url_is_downloaded(server, models):
    first = released.directory_of("toy@numbers")
    write_models(models, content=b"new")
    second = released.directory_of("toy@numbers")
    assert (second / "model.keras").read_bytes() == b"new"
    assert whole(first)


def test_a_missing_file_at_the_url_fails_immediately(server, models):
    (models / "toy@numbers" / "model.keras").unlink()
    with pytest.raises(ArtefactError, match="404"):
        released.directory_of("toy@numbers")
    assert [path for path, _ in server.requests].count("/toy@numbers/model.keras") == 1


def test_an_unreachable_url_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.setenv("ZOO_MODELS", "http://127.0.0.1:9")
    with pytest.raises(ArtefactError, match="cannot be read"):
        zoo.list_pretrained()


def test_a_cache_that_cannot_be_written_is_an_error(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(ArtefactError, match="ZOO_CACHE"):
        released.directory_of("toy@numbers")


def test_a_complete_cache_may_be_read_only(server, monkeypatch, caplog):
    first = released.directory_of("toy@numbers")

    def refuse(*_: object) -> None:
        raise ArtefactError("read-only")

    monkeypatch.setattr(files, "write_atomically", refuse)
    assert released.directory_of("toy@numbers") == first
    assert not caplog.records


def test_an_index_that_cannot_be_stored_is_an_error(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(ArtefactError, match=r"could not be written: File exists.* Fix ZOO_MODELS or ZOO_CACHE"):
        zoo.list_pretrained()


def test_two_concurrent_downloads_get_the_whole_model(server):
    found = []
    threads = [threading.Thread(target=lambda: found.append(released.directory_of("toy@numbers"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert whole(found[0])
    assert [path for path, _ in server.requests].count("/toy@numbers/model.keras") == 1
