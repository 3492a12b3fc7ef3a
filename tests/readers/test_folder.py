"""Folders of class folders: recognition of classes, parts and images, in memory and streamed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import DataError
from zoo.inputs.image.files import ImageFiles
from zoo.sources.source import Arrays


def fill(root: Path, classes: Sequence[str] = ("cat", "dog"), count: int = 8, suffix: str = ".png", side: int = 6) -> Path:
    """Write `count` different images in each class folder; the class's position sets their brightness."""
    for position, name in enumerate(sorted(classes)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((side, side), 100 * position + number, np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}{suffix}", "PNG")
    return root


def brightness_by_class(data: zoo.Splits) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for part in (data.train, data.validation, data.test):
        for images, labels in part:
            for image, label in zip(images.numpy(), labels.numpy(), strict=True):
                found.setdefault(int(label), set()).add(int(image[0, 0, 0]))
    return found


@pytest.mark.parametrize("budget", [256, 0])
def test_every_image_has_the_number_of_its_folder(tmp_path: Path, budget: int) -> None:
    data = zoo.load_data(fill(tmp_path), memory_budget_mb=budget)
    assert data.info.labels == ("cat", "dog")
    assert data.info.input_shape == (6, 6, 1)
    assert data.info.task_name == "image_classification"
    assert brightness_by_class(data) == {0: set(range(8)), 1: set(range(100, 108))}
    assert isinstance(data._parts["train"].source, Arrays if budget else ImageFiles)


def test_streaming_and_memory_give_the_same_batches(tmp_path: Path) -> None:
    fill(tmp_path)
    memory, stream = (zoo.load_data(tmp_path, memory_budget_mb=budget, batch_size=3) for budget in (256, 0))
    assert memory.info.fingerprint == stream.info.fingerprint
    for left, right in zip(memory.train, stream.train, strict=True):
        np.testing.assert_array_equal(left[0], right[0])
        np.testing.assert_array_equal(left[1], right[1])


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (("train", "val", "test"), {"train": 16, "validation": 16, "test": 16}),
        (("Train", "Validation", "TEST"), {"train": 16, "validation": 16, "test": 16}),
        (("train", "test"), {"train": 14, "validation": 2, "test": 16}),
        (("train", "valid"), {"train": 14, "validation": 16, "test": 2}),
        (("train",), {"train": 12, "validation": 2, "test": 2}),
    ],
)
def test_part_folders_are_parts(tmp_path: Path, names: tuple[str, ...], sizes: dict[str, int]) -> None:
    for name in names:
        fill(tmp_path / name)
    assert zoo.load_data(tmp_path, overlap="keep").info.num_examples == sizes


def test_another_folder_next_to_the_parts_is_not_a_class(tmp_path: Path) -> None:
    for name in ("train", "test"):
        fill(tmp_path / name)
    (tmp_path / "notes").mkdir()
    assert zoo.load_data(tmp_path, overlap="keep").info.labels == ("cat", "dog")


def test_two_folders_for_one_part_are_refused(tmp_path: Path) -> None:
    for name in ("train", "val", "validation"):
        fill(tmp_path / name)
    with pytest.raises(DataError, match=r"Each part must have one folder. Received: .*val"):
        zoo.load_data(tmp_path)


def test_hidden_and_other_files_and_empty_folders_are_ignored(tmp_path: Path) -> None:
    fill(tmp_path, ["猫", "狗"])
    for name in (".cache/x.png", "猫/.DS_Store", "猫/._0.png", "猫/notes.txt", "README.md", "empty/.keep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"not an image")
    data = zoo.load_data(tmp_path)
    assert data.info.labels == ("狗", "猫")
    assert sum(data.info.num_examples.values()) == 16
    assert data.info.report["notes"] == [f"{tmp_path / 'empty'} has no images, so it is not a class"]


def test_upper_case_suffixes_and_deeper_folders_are_found(tmp_path: Path) -> None:
    fill(tmp_path, suffix=".PNG")
    (tmp_path / "cat" / "deeper").mkdir()
    Image.new("L", (6, 6), 50).save(tmp_path / "cat" / "deeper" / "x.JPG", "JPEG")
    assert sum(zoo.load_data(tmp_path).info.num_examples.values()) == 17


def test_different_sizes_are_resized_to_96_or_image_size(tmp_path: Path) -> None:
    fill(tmp_path)
    Image.new("RGB", (9, 5), "red").save(tmp_path / "cat" / "wide.png")
    assert zoo.load_data(tmp_path).info.input_shape == (96, 96, 3)
    assert zoo.load_data(tmp_path, image_size=(7, 4), channels=1).info.input_shape == (7, 4, 1)


def test_broken_images_are_rejected_or_dropped_and_reported(tmp_path: Path) -> None:
    fill(tmp_path)
    broken = tmp_path / "cat" / "broken.png"
    broken.write_bytes((tmp_path / "cat" / "0.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"cannot be read: 1.*broken\.png.*data.broken=drop"):
        zoo.load_data(tmp_path)
    data = zoo.load_data(tmp_path, broken="drop")
    assert sum(data.info.num_examples.values()) == 16
    assert data.info.report["parts"]["all"]["broken"] == 1
    assert str(broken) in data.info.report["broken"][0]


def test_equal_files_are_duplicates_in_one_part(tmp_path: Path) -> None:
    fill(tmp_path)
    for number in range(8):
        content = (tmp_path / "cat" / f"{number}.png").read_bytes()
        (tmp_path / "cat" / f"copy {number}.png").write_bytes(content)
    data = zoo.load_data(tmp_path)
    assert data.info.report["parts"]["all"]["duplicates"] == 8
    contents = [{image.tobytes() for images, _ in part for image in images.numpy()} for part in (data.train, data.test)]
    assert not contents[0] & contents[1]


def test_a_dangling_link_is_ignored(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "cat" / "link.png").symlink_to(tmp_path / "nowhere.png")
    assert sum(zoo.load_data(tmp_path).info.num_examples.values()) == 16


@pytest.mark.parametrize("content", [[], ["image.png"]], ids=["empty", "flat"])
def test_a_folder_without_class_folders_is_refused(tmp_path: Path, content: list[str]) -> None:
    for name in content:
        Image.new("L", (4, 4)).save(tmp_path / name)
    with pytest.raises(DataError, match=r"one folder per class.*Sort the images"):
        zoo.load_data(tmp_path)


def test_one_class_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least two classes"):
        zoo.load_data(fill(tmp_path, ["cat"]))
