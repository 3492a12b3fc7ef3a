"""Arrays, DataFrames, mappings of parts and .npz files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from zoo.errors import DataError

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(40, 3)).astype(np.float32)
IMAGES = RANDOM.integers(0, 256, (40, 6, 6), np.uint8)
LABELS = np.arange(40) % 2


def collected(data: zoo.Splits) -> dict[bytes, int]:
    """Every example's bytes with its label."""
    pairs = [pair for part in (data.train, data.validation, data.test) for pair in part.unbatch().as_numpy_iterator()]
    return {features.tobytes(): int(label) for features, label in pairs}


@pytest.mark.parametrize(
    "features",
    [IMAGES, IMAGES[..., None], IMAGES.astype(int), [*IMAGES], IMAGES.tolist()],
    ids=["(n,h,w)", "(n,h,w,1)", "int64", "list", "lists of lists"],
)
def test_every_form_of_images_gives_the_same_examples(features: Any) -> None:
    data = zoo.load_data((features, LABELS))
    assert data.info.input_shape == (6, 6, 1)
    assert collected(data) == {image.tobytes(): int(label) for image, label in zip(IMAGES, LABELS, strict=True)}


@pytest.mark.parametrize(
    "features",
    [
        TABLE,
        TABLE.tolist(),
        pd.DataFrame(TABLE),
        pd.DataFrame(TABLE, index=[f"row {number}" for number in range(40)]),
        tf.constant(TABLE),
        TABLE.astype(np.longdouble),
        TABLE.astype(object),
    ],
    ids=["array", "lists", "int-columns", "text-index", "tensor", "longdouble", "object"],
)
def test_every_form_of_tables_gives_the_same_examples(features: Any) -> None:
    data = zoo.load_data((features, LABELS))
    assert collected(data) == {row.tobytes(): int(label) for row, label in zip(TABLE, LABELS, strict=True)}


def test_masked_cells_are_missing_values() -> None:
    data = zoo.load_data((np.ma.masked_array(TABLE, TABLE > 1), LABELS))
    names = data.info.preprocessor.feature_names
    assert [name for name in names if name.endswith("is missing")]


def test_a_mapping_names_the_parts() -> None:
    parts = {"train": (TABLE[:30], LABELS[:30]), "test": pd.DataFrame(TABLE[30:], columns=list("abc")).assign(label=1)}
    with pytest.raises(DataError, match="lacks column"):
        zoo.load_data(parts)
    parts["test"] = (TABLE[30:], LABELS[30:])
    data = zoo.load_data(parts)
    assert data.info.num_examples == {"train": 27, "validation": 3, "test": 10}
    np.testing.assert_array_equal(np.concatenate([rows for rows, _ in data.test]), TABLE[30:])


def test_image_size_resizes_arrays() -> None:
    assert zoo.load_data((IMAGES, LABELS), image_size=(3, 4)).info.input_shape == (3, 4, 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((np.zeros((0, 6, 6)), []), "0 rows and 0 labels"),
        ((TABLE, LABELS[:5]), "40 rows and 5 labels"),
        (([IMAGES[0], IMAGES[0, :3]] * 20, LABELS), "different shapes.*Convert them to one shape"),
        ((TABLE[:, 0], LABELS), r"shape \(40,\)"),
        ((["a.png"] * 40, LABELS), "names of image files"),
        ((TABLE + 1j, LABELS), "complex64"),
        ((np.zeros((40, 3, 8, 8)), LABELS), "channels last.*moveaxis"),
        ((IMAGES.astype(np.uint16) * 200, LABELS), "must be in 0..255"),
        ((np.where(IMAGES == 7, np.nan, IMAGES), LABELS), "NaN or infinity in image"),
        ((np.zeros((40, 0)), LABELS), "needs a column"),
        ({}, "mapping without parts"),
        ({"train": (TABLE, LABELS), "val": (TABLE, LABELS)}, "'val'. Rename"),
        ({"test": (TABLE, LABELS)}, "a part named 'train'"),
        ({"x": TABLE, "y": LABELS}, "Received: ndarray"),
        ({"train": (TABLE, LABELS), "test": (IMAGES, LABELS)}, "one shape"),
        (7, "Received: int"),
        (None, "Received: NoneType"),
    ],
    ids=[
        "empty",
        "mismatch",
        "sizes",
        "1-D",
        "paths",
        "complex",
        "CHW",
        "16-bit",
        "NaN",
        "no-columns",
        "no-parts",
        "val",
        "no-train",
        "xy",
        "shapes",
        "int",
        "None",
    ],
)
def test_invalid_data_are_rejected(data: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        zoo.load_data(data)


@pytest.mark.parametrize("name", ["data.npz", "DATA.NPZ"])
def test_npz_gives_the_arrays_in_it(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        np.savez(file, x=IMAGES, y=LABELS)
    assert zoo.load_data(tmp_path / name).info.fingerprint == zoo.load_data((IMAGES, LABELS)).info.fingerprint


def test_npz_may_hold_parts_and_class_names(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    names = np.array(["猫", "dog"])
    np.savez(path, x_train=IMAGES[:30], y_train=LABELS[:30], x_test=IMAGES[30:], y_test=LABELS[30:], labels=names)
    data = zoo.load_data(path)
    assert data.info.labels == ("猫", "dog")
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in data.test]), LABELS[30:])


@pytest.mark.parametrize("labels", [LABELS.astype(np.float32), np.eye(2)[LABELS], np.array(["猫", "dog"])[LABELS]])
def test_npz_class_names_fit_every_form_of_label(tmp_path: Path, labels: np.ndarray) -> None:
    np.savez(tmp_path / "data.npz", x=IMAGES, y=labels, labels=np.array(["猫", "dog"]))
    data = zoo.load_data(tmp_path / "data.npz")
    assert collected(data) == {image.tobytes(): int(label) for image, label in zip(IMAGES, LABELS, strict=True)}


@pytest.mark.parametrize("wrong", [-1, 2, 0.5])
def test_npz_class_numbers_beyond_the_names_are_refused(tmp_path: Path, wrong: float) -> None:
    np.savez(tmp_path / "data.npz", x=IMAGES, y=np.where(np.arange(40) == 5, wrong, LABELS), labels=np.array(["猫", "dog"]))
    with pytest.raises(DataError, match=r"Received: .* in row 5\..* Accepted: 0 \(猫\), 1 \(dog\)"):
        zoo.load_data(tmp_path / "data.npz")


def test_an_invalid_npz_is_rejected(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.npz", tmp_path / "data.npz"
    np.savez(whole, x=IMAGES, y=LABELS)
    content = whole.read_bytes()
    flipped = bytearray(content)
    flipped[600] ^= 255
    np.save(tmp_path / "single.npy", IMAGES)
    np.savez(tmp_path / "pickle.npz", x=np.array([None, 1]), y=LABELS[:2])
    for broken in (b"", b"text" * 50, content[:900], bytes(flipped), (tmp_path / "single.npy").read_bytes(),
                   (tmp_path / "pickle.npz").read_bytes()):  # fmt: skip
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"cannot be read as \.npz.*Save it with numpy\.savez"):
            zoo.load_data(path)


def test_npz_with_other_names_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=IMAGES)
    with pytest.raises(DataError, match=r"must contain x and y.*Received: \['images'\].*Rename"):
        zoo.load_data(tmp_path / "data.npz")
