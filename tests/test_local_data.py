"""Data sets in the user's own files: found through ZOO_DATA; errors name the source of missing files."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.errors import DataError

FILES = {
    "sst2": ("stsa.binary.train", "stsa.binary.dev", "stsa.binary.test"),
    "chnsenticorp": ("train.tsv", "dev.tsv"),
}


@pytest.mark.parametrize("name", FILES)
def test_without_zoo_data_the_default_folder_the_source_and_the_variable_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in (None, ""):
        monkeypatch.delenv("ZOO_DATA", raising=False)
        if value is not None:
            monkeypatch.setenv("ZOO_DATA", value)
        with pytest.raises(DataError) as caught:
            zoo.load_data(name)
        said = str(caught.value)
        assert f"Received: '{name}', without {', '.join(FILES[name])} in {tmp_path / 'zoo_data' / name}" in said
        assert "github.com/" in said
        assert f"set ZOO_DATA to the folder that contains {name}/. 'reviews_sample' needs no files" in said


def test_an_incomplete_folder_names_the_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    (tmp_path / "sst2").mkdir()
    for file in FILES["sst2"][:2]:
        (tmp_path / "sst2" / file).write_text("1 a film\n0 a bore\n")
    with pytest.raises(DataError, match=r"'sst2', without stsa.binary.test in .*sst2"):
        zoo.load_data("sst2")


def test_lines_of_label_and_sentence_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    (tmp_path / "sst2").mkdir()
    for file in FILES["sst2"]:
        (tmp_path / "sst2" / file).write_text("".join(f"{n % 2} film {n} of {file}\n" for n in range(6)))
    data = zoo.load_data("sst2")
    assert (data.info.name, data.info.location) == ("sst2", None)
    assert data.info.num_examples == {"train": 6, "validation": 6, "test": 6}
    assert data.info.labels == (0, 1)
    assert next(data.texts("test")) == "film 0 of stsa.binary.test"


@pytest.mark.shared
def test_real_files_have_their_published_sizes(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA", str(shared / "data" / "text"))
    data = zoo.load_data("sst2", overlap="keep")
    assert data.info.num_examples == {"train": 6920, "validation": 872, "test": 1821}
    data = zoo.load_data("chnsenticorp")
    assert sum(data.info.num_examples[part] for part in ("train", "validation")) == 9600 - 353
    assert data.info.num_examples["test"] == 1200
    assert data.info.report["parts"]["train"]["overlap"] == 353
