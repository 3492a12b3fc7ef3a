"""Writes are atomic, whichever step fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from zoo.artefacts.files import CLAIM, new_directory, read_json, write_atomically, write_json, write_text
from zoo.errors import ArtefactError


def full(*args: object, **kwargs: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def break_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, text: str, **kwargs: object) -> None:
        path.write_bytes(text.encode()[:2])
        full()

    monkeypatch.setattr(Path, "write_text", half)


@pytest.mark.parametrize(
    "break_step",
    [
        break_write,
        lambda monkeypatch: monkeypatch.setattr(os, "fsync", full),
        lambda monkeypatch: monkeypatch.setattr(Path, "replace", full),
    ],
    ids=["write", "fsync", "replace"],
)
@pytest.mark.parametrize("existed", [True, False])
def test_a_full_disk_leaves_only_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, break_step, existed: bool
) -> None:
    path = tmp_path / "run.json"
    if existed:
        path.write_text("old")
    with monkeypatch.context() as broken:
        break_step(broken)
        with pytest.raises(ArtefactError, match=r"No space left on device. Received: .*run\.json.*Free space"):
            write_text(path, "new content")
    assert [file.name for file in tmp_path.iterdir()] == (["run.json"] if existed else [])
    if existed:
        assert path.read_text() == "old"


def test_ctrl_c_while_writing_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_text("old")

    def write(partial: Path) -> None:
        partial.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, write)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    assert path.read_text() == "old"


def test_json_is_readable_and_round_trips(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"标签": [1, 2.5, None]})
    assert "标签" in (tmp_path / "x.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "x.json") == {"标签": [1, 2.5, None]}


@pytest.mark.parametrize(("content", "words"), [(b"{", "damaged"), (b"\xff\xfe", "damaged"), (b"[]", "not a JSON object")])
def test_damaged_json_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ArtefactError, match=words):
        read_json(tmp_path / "x.json")


def test_missing_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"incomplete: x\.json is missing"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize("place", ["/proc/zoo/run", "/sys/zoo"])
def test_a_read_only_directory_is_rejected(place: str) -> None:
    words = rf"cannot be created or written: .*Received: {place}.*with out= or --out"
    with pytest.raises(ArtefactError, match=words), new_directory(Path(place)):
        pytest.fail("the block ran")


def test_a_failing_block_removes_its_new_directory_but_keeps_an_existing_one(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("old", "new"):
        with pytest.raises(RuntimeError), new_directory(tmp_path / name):
            raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_only_one_process_fills_a_new_directory_and_a_killed_one_does_not_block_it(tmp_path: Path) -> None:
    place = tmp_path / "run"
    with new_directory(place):
        (place / "mine").touch()
        (place / "mine").unlink()  # the directory looks empty
        with pytest.raises(ArtefactError, match="Another process writes to this directory"), new_directory(place):
            pytest.fail("the block ran")
        (place / "mine").touch()
    assert [path.name for path in place.iterdir()] == ["mine"]
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / CLAIM).touch()
    with new_directory(tmp_path / "killed"):
        pass
    assert list((tmp_path / "killed").iterdir()) == []


def test_a_directory_or_file_with_content_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(ArtefactError, match="zoo does not overwrite it"), new_directory(place):
            pytest.fail("the block ran")
    assert (tmp_path / "file").read_text() == "mine"
