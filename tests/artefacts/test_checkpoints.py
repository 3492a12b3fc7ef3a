"""Checkpoints: atomic writes, the newest are kept, and damaged ones are skipped."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from zoo.artefacts import checkpoints
from zoo.artefacts.checkpoints import Checkpoints
from zoo.errors import ArtefactError


def saved(folder: Path, *numbers: int, keep: int = 2) -> Checkpoints:
    found = Checkpoints(folder / "checkpoints", keep)
    for number in numbers:
        found.save(
            number, {"a/b": np.full((2, 3), number, np.float32), "seed": np.uint32([1, 2])}, {"step": number, "x": [0.1]}
        )
    return found


def test_arrays_and_facts_round_trip_exactly(tmp_path: Path) -> None:
    arrays, facts = saved(tmp_path, 7).load_newest()
    assert facts == {"step": 7, "x": [0.1]}
    assert {name: value.dtype.name for name, value in arrays.items()} == {"a/b": "float32", "seed": "uint32"}
    np.testing.assert_array_equal(arrays["a/b"], np.full((2, 3), 7))


def test_checkpoints_with_the_highest_numbers_are_kept(tmp_path: Path) -> None:
    found = saved(tmp_path, 9, 10, 11, keep=2)
    assert [path.name[:10] for path in found] == ["0000000011", "0000000010"]
    assert found.load_newest()[1]["step"] == 11


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "renamed"])
def test_a_damaged_checkpoint_falls_back_to_the_previous_one_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    found = saved(tmp_path, 1, 2)
    newest = next(iter(found))
    content = bytearray(newest.read_bytes())
    if damage == "renamed":
        newest = newest.rename(newest.with_name("0000000002-0123456789abcdef.npz"))
    else:
        content[len(content) // 2] ^= 1
        newest.write_bytes({"cut": content[:-100], "bit": content, "empty": b""}[damage])
    assert found.load_newest()[1]["step"] == 1
    assert f"Checkpoint {newest} is damaged" in caplog.text


def test_no_intact_checkpoint_is_an_error(tmp_path: Path) -> None:
    found = saved(tmp_path, 1)
    next(iter(found)).write_bytes(b"PK")
    with pytest.raises(ArtefactError, match="no intact checkpoint to resume from"):
        found.load_newest()
    with pytest.raises(ArtefactError, match="no intact checkpoint to resume from"):
        Checkpoints(tmp_path / "nothing", 1).load_newest()


def test_a_full_disk_leaves_the_last_checkpoint_intact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = saved(tmp_path, 1)

    def fill(file, **arrays) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints.np, "savez", fill)
    with pytest.raises(ArtefactError, match=r"No space left on device.*Free space"):
        saved(tmp_path, 2)
    assert found.load_newest()[1]["step"] == 1
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


def test_a_pickle_in_a_checkpoint_is_never_loaded(tmp_path: Path) -> None:
    found = Checkpoints(tmp_path / "checkpoints", 1)
    found.save(1, {"object": np.array([{}], object)}, {})
    with pytest.raises(ArtefactError, match="no intact checkpoint"):
        found.load_newest()
