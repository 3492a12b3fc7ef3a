"""Folders of texts: class folders of .txt files, one file per part, named parts, and mappings of paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.errors import DataError, UsageError

PARTS = ("train", "dev", "test")


def fill(root: Path, words: str = "film", count: int = 8, encoding: str = "utf-8") -> dict[str, str]:
    """Write `count` texts in each of two class folders, and return them with their class."""
    expected = {}
    for label in ("差", "good"):
        (root / label).mkdir(parents=True)
        for number in range(count):
            text = f"{words} {label},\nline two {number}"
            (root / label / f"{number}.txt").write_text(text, encoding=encoding)
            expected[text] = label
    return expected


def table(path: Path, words: str, count: int = 12, labels: str = "ab", suffix: str = "csv") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(f"{words} {number}", labels[number % len(labels)]) for number in range(count)]
    if suffix == "txt":
        path.write_text("".join(f"{label} {text}\n" for text, label in rows))
    else:
        path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return path


def pairs(data: zoo.Splits, *parts: str) -> dict[str, Any]:
    return {
        text: data.info.labels[number]
        for part in parts or ("train", "validation", "test")
        for text, number in zip(data.texts(part), data.targets(part), strict=True)
    }


def test_class_folders_of_txt_files_are_texts_with_the_names_of_their_folders(tmp_path: Path) -> None:
    expected = fill(tmp_path)
    for name in (".hidden/x.txt", "good/.DS_Store", "good/notes.md", "README.md", "empty/.keep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no text of a class")
    data = zoo.load_data(tmp_path)
    assert data.info.task_name == "text_classification"
    assert data.info.labels == ("good", "差")
    assert pairs(data) == expected
    assert f"{tmp_path / 'empty'} has no .txt files, so it is not a class" in data.info.report["notes"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_txt_files_are_read_in_their_encoding_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    expected = fill(tmp_path, encoding=encoding)
    named = {} if encoding == "utf-8-sig" else {"encoding": encoding}
    data = zoo.load_data(tmp_path, **named)
    assert pairs(data) == expected
    assert not any("\ufeff" in word for word in data.info.tokenizer.word_index)


def test_windows_line_ends_in_txt_files_are_line_ends(tmp_path: Path) -> None:
    expected = fill(tmp_path)
    for path in tmp_path.rglob("*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert pairs(zoo.load_data(tmp_path)) == expected


@pytest.mark.parametrize("names", [("train", "dev", "test"), ("Train", "valid", "TEST"), ("train", "validation", "test")])
def test_part_folders_of_class_folders_are_parts(tmp_path: Path, names: tuple[str, ...]) -> None:
    expected = [fill(tmp_path / name, words=name) for name in names]
    data = zoo.load_data(tmp_path)
    assert [pairs(data, part) for part in ("train", "validation", "test")] == expected


def test_a_broken_txt_file_is_named_by_its_own_folder(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "差" / "3.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "good" / "1.txt").write_text("  \n")
    with pytest.raises(DataError, match=r"cannot be read: 2") as caught:
        zoo.load_data(tmp_path)
    said = str(caught.value)
    assert f"{Path('差', '3.txt')} of {tmp_path} cannot be read as utf-8" in said
    assert f"{Path('good', '1.txt')} of {tmp_path} has an empty text" in said
    assert "data.broken=drop" in said
    data = zoo.load_data(tmp_path, broken="drop")
    assert sum(data.info.num_examples.values()) == 14
    assert data.info.report["parts"]["all"]["broken"] == 2


def test_a_wrong_encoding_is_reported_with_the_setting(tmp_path: Path) -> None:
    fill(tmp_path, words="这部电影", encoding="gb18030")
    with pytest.raises(DataError, match=r"All 16 texts.*cannot be read as utf-8.*data.encoding"):
        zoo.load_data(tmp_path)


def test_empty_files_alone_are_refused(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text("")
    with pytest.raises(DataError, match=r"All 2 texts are empty or unreadable.*Add texts"):
        zoo.load_data(tmp_path)


@pytest.mark.parametrize("content", [[], ["a.txt"], ["a/b.md"]], ids=["empty", "flat", "no-txt"])
def test_a_folder_without_anything_to_read_is_refused(tmp_path: Path, content: list[str]) -> None:
    for name in content:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=r"one folder per class.*no images and no .txt files.*train.csv, test.csv"):
        zoo.load_data(tmp_path, task="text_classification")


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "dev.csv", "test.csv"),
        ("reviews.train.csv", "reviews-validation.csv", "reviews_test.csv"),
        ("TRAIN.csv", "val.csv", "Test.CSV"),
    ],
)
def test_a_file_for_each_part_is_found_by_its_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name, words in zip(names, PARTS, strict=True):
        table(tmp_path / name, words)
    (tmp_path / "README.md").write_text("about")
    data = zoo.load_data(tmp_path)
    for part, words in zip(("train", "validation", "test"), PARTS, strict=True):
        assert pairs(data, part) == {f"{words} {number}": "ab"[number % 2] for number in range(12)}
    assert "README.md is not used" in data.info.report["notes"]
    assert set(data.info.tokenizer.word_index) == {"<unk>", "train", *map(str, range(12))}


def test_a_missing_part_is_taken_from_train(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", "train", count=20)
    table(tmp_path / "test.csv", "test", count=5)
    data = zoo.load_data(tmp_path)
    assert data.info.num_examples == {"train": 18, "validation": 2, "test": 5}
    assert set(pairs(data, "test")) == {f"test {number}" for number in range(5)}


def test_files_with_another_suffix_are_label_lines_for_the_task(tmp_path: Path) -> None:
    for part in PARTS:
        table(tmp_path / f"stsa.binary.{part}", part, suffix="txt")
    data = zoo.load_data(tmp_path, task="text_classification")
    assert data.info.num_examples == {"train": 12, "validation": 12, "test": 12}


def test_two_files_for_one_part_are_refused_until_they_are_named(tmp_path: Path) -> None:
    for name in ("train.csv", "train2.csv", "old-train.csv", "test.csv"):
        table(tmp_path / name, name)
    with pytest.raises(
        DataError, match=r"Each part must have one file. Received: old-train.csv and train.csv for 'train'.*data.parts"
    ):
        zoo.load_data(tmp_path)
    data = zoo.load_data(tmp_path, parts={"train": "train2.csv", "test": "test.csv"}, validation=0.25)
    assert data.info.num_examples == {"train": 9, "validation": 3, "test": 12}
    assert set(pairs(data, "train", "validation")) == {f"train2.csv {number}" for number in range(12)}


def test_named_parts_that_are_missing_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "a.csv", "a")
    with pytest.raises(DataError, match=r"no such file or folder. Received: .*b\.csv"):
        zoo.load_data(tmp_path, parts={"train": "a.csv", "test": "b.csv"})
    with pytest.raises(UsageError, match=r"`parts.training.*` is not accepted.*'train', 'validation' or 'test'"):
        zoo.load_data(tmp_path, parts={"training": "a.csv"})


@pytest.mark.parametrize("as_path", [Path, str])
def test_a_mapping_of_parts_to_paths_takes_each_from_its_file(tmp_path: Path, as_path: type) -> None:
    paths = {"train": table(tmp_path / "x.csv", "x"), "test": table(tmp_path / "deep" / "y.txt", "y", suffix="txt")}
    data = zoo.load_data({part: as_path(path) for part, path in paths.items()})
    assert data.info.name == f"{paths['train']}, {paths['test']}"
    assert pairs(data, "test") == {f"y {number}": "ab"[number % 2] for number in range(12)}


def test_a_mapping_may_name_folders_of_class_folders(tmp_path: Path) -> None:
    expected = [fill(tmp_path / part, words=part) for part in ("one", "two")]
    data = zoo.load_data({"train": tmp_path / "one", "test": tmp_path / "two"}, task="text_classification")
    assert pairs(data, "test") == expected[1]
    (tmp_path / "two" / "third").mkdir()
    (tmp_path / "two" / "third" / "a.txt").write_text("a third")
    with pytest.raises(DataError, match=r"same class folders. Received: \('good', 'third', '差'\) and \('good', '差'\)"):
        zoo.load_data({"train": tmp_path / "one", "test": tmp_path / "two"})


def test_incompatible_parts_are_rejected(tmp_path: Path) -> None:
    text = table(tmp_path / "text.csv", "x")
    (tmp_path / "table.csv").write_text("width,label\n" + "1,a\n2,b\n" * 6)
    with pytest.raises(DataError, match=r"one kind and shape. Received: tables.*table\.csv, texts"):
        zoo.load_data({"train": text, "test": tmp_path / "table.csv"})
    for part in ("train", "test"):
        fill(tmp_path / "folder" / part, words=part)
    with pytest.raises(DataError, match=r"A part must be one file or folder. Received: .*folder.*for 'test'"):
        zoo.load_data({"train": text, "test": tmp_path / "folder"})
    with pytest.raises(DataError, match=r"called train, validation and test. Received: 'dev'"):
        zoo.load_data({"train": text, "dev": text})


def test_a_label_is_one_class_even_if_only_one_part_has_words(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\n" + "".join(f"film {n},{['1', '2', 'none'][n % 3]}\n" for n in range(30)))
    (tmp_path / "test.csv").write_text("text,label\n" + "".join(f"movie {n},{'12'[n % 2]}\n" for n in range(10)))
    data = zoo.load_data(tmp_path)
    assert data.info.labels == ("1", "2", "none")
    assert data.info.report["classes"]["test"] == {"1": 5, "2": 5, "none": 0}
