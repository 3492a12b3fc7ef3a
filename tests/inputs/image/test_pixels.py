"""Every common kind of image becomes the array that a model takes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.errors import DataError
from zoo.inputs.image.pixels import fit_array, open_image, read_image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def palette(transparent: bool) -> bytes:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    return encoded(image, transparency=1) if transparent else encoded(image)


GREY_RED = round(0.299 * 255)  # ITU-R 601-2 luma


@pytest.mark.parametrize(
    ("content", "rgb"),
    [
        (encoded(Image.new("1", (2, 2), 1)), (255, 255, 255)),
        (encoded(Image.new("L", (2, 2), 7)), (7, 7, 7)),
        (encoded(Image.new("LA", (2, 2), (7, 255))), (7, 7, 7)),
        (encoded(Image.new("LA", (2, 2), (7, 0))), (255, 255, 255)),
        (palette(transparent=False), (255, 0, 0)),
        (palette(transparent=True), (255, 255, 255)),
        (encoded(Image.new("RGB", (2, 2), (1, 2, 3))), (1, 2, 3)),
        (encoded(Image.new("RGBA", (2, 2), (1, 2, 3, 255))), (1, 2, 3)),
        (encoded(Image.new("RGBA", (2, 2), (1, 2, 3, 0))), (255, 255, 255)),
        (encoded(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        (encoded(Image.fromarray(np.full((2, 2), 65535, np.uint16))), (255, 255, 255)),
        (encoded(Image.fromarray(np.full((2, 2), 257 * 10, np.uint16))), (10, 10, 10)),
        (encoded(Image.fromarray(np.full((2, 2), 9, np.int32)), "TIFF"), (9, 9, 9)),
        (encoded(Image.fromarray(np.full((2, 2), 1.0, np.float32)), "TIFF"), (255, 255, 255)),
        (encoded(Image.new("RGB", (2, 2), (255, 0, 0)), "GIF"), (255, 0, 0)),
    ],
    ids=["1", "L", "LA", "LA-clear", "P", "P-clear", "RGB", "RGBA", "RGBA-clear", "CMYK", "I16-top", "I16", "I", "F", "GIF"],
)
def test_every_mode_becomes_rgb_on_white(content: bytes, rgb: tuple[int, int, int]) -> None:
    image = read_image(content, (2, 2, 3))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.broadcast_to(np.uint8(rgb), (2, 2, 3)))


def test_colour_becomes_grey_by_luma() -> None:
    image = read_image(encoded(Image.new("RGB", (2, 2), (255, 0, 0))), (2, 2, 1))
    np.testing.assert_array_equal(image, np.full((2, 2, 1), GREY_RED))


def test_exif_rotation_is_applied() -> None:
    pixels = np.zeros((2, 4), np.uint8)
    pixels[:, 0] = 255  # a bright left edge
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view: the left edge is the top
    image = open_image(encoded(Image.fromarray(pixels), "PNG", exif=exif))
    assert image.size == (2, 4)
    np.testing.assert_array_equal(np.asarray(image)[0], [255, 255])


def test_animation_gives_its_first_frame() -> None:
    frames = [Image.new("L", (2, 2), value) for value in (10, 200)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(content, (2, 2, 1)), np.full((2, 2, 1), 10))


def test_resizing_weighs_pixels_by_a_triangle_twice_as_wide_as_the_step() -> None:
    row = np.repeat(np.uint8([0, 200]), 8)  # 8 dark, 8 bright columns to 2: a step of 8 columns
    image = read_image(encoded(Image.fromarray(np.tile(row, (4, 1)))), (1, 2, 1))
    weights = 1 - np.abs(np.arange(16) + 0.5 - 4) / 8  # around the first block's centre
    weights = np.clip(weights, 0, None)
    first = (weights * row).sum() / weights.sum()  # 200 / 7
    np.testing.assert_array_equal(image[0, :, 0], [round(first), round(200 - first)])


@pytest.mark.parametrize(
    "content",
    [b"", b"not an image", encoded(Image.new("L", (50, 50)))[:60], encoded(Image.effect_noise((64, 64), 50), "JPEG")[:500]],
    ids=["empty", "text", "truncated-png", "truncated-jpeg"],
)
def test_an_incomplete_image_is_rejected(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as an image.*photo\.png.*Remove or replace it"):
        read_image(path, (4, 4, 1))


def test_decompression_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.new("1", (200, 200)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)  # a warning in Pillow; an error from twice this number on
    with pytest.raises(DataError, match="decompression bomb"):
        read_image(content, (4, 4, 1))


def test_missing_file_is_named() -> None:
    with pytest.raises(DataError, match=r"No such file.*nowhere\.png"):
        read_image(Path("nowhere.png"), (4, 4, 1))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((4, 4), 100, np.uint8), 100),
        (np.full((4, 4), 0.5), 128),
        (np.full((4, 4), 100.0), 100),
        (np.ones((4, 4), bool), 255),
        (np.full((4, 4, 1), 100, np.int64), 100),
        (np.full((4, 4, 3), 100, np.uint8), 100),
        (np.concatenate([np.full((4, 4, 3), 0, np.uint8), np.zeros((4, 4, 1), np.uint8)], axis=-1), 255),
    ],
    ids=["uint8", "0..1", "0..255", "bool", "int64", "rgb", "rgba-clear"],
)
def test_array_of_another_size_is_scaled_and_stretched(array: np.ndarray, expected: int) -> None:
    fitted = fit_array(array, (2, 2, 1))
    assert fitted.dtype == np.uint8
    np.testing.assert_array_equal(fitted, np.full((2, 2, 1), expected))


def test_array_of_the_right_shape_is_untouched() -> None:
    array = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    np.testing.assert_array_equal(fit_array(array, (3, 3, 1))[..., 0], array)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(4), "Received: shape \\(4,\\)"),
        (np.zeros((0, 4)), "numeric"),
        (np.array([["a"]]), "dtype <U1"),
        (np.array([[np.nan]]), "finite"),
        (np.zeros((4, 4, 2)), "1, 3 or 4 channels"),
        (np.full((4, 4), 60_000, np.uint16), "must be in 0..255.*60000"),
        (np.full((4, 4), -1.0), "-1.0"),
    ],
    ids=["1-D", "empty", "text", "nan", "channels", "16-bit", "negative"],
)
def test_an_array_that_is_not_an_image_is_rejected(array: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_array(array, (2, 2, 1))
