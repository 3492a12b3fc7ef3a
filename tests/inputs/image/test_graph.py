"""Decoding images in the graph equals Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.inputs.image.graph import decode_images
from zoo.inputs.image.pixels import read_image

GENERATOR = np.random.default_rng(0)
RED, BLUE = np.meshgrid(np.linspace(0, 255, 53), np.linspace(255, 0, 31))
COLOURS = Image.fromarray(np.stack([RED, GENERATOR.uniform(0, 255, RED.shape), BLUE], -1).astype(np.uint8))
VEILED = COLOURS.copy()
VEILED.putalpha(Image.fromarray(RED.astype(np.uint8)))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int, kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a maker", orientation
    return encoded(COLOURS, kind, exif=exif)


FILES = {
    "png": encoded(COLOURS, "PNG"),
    "jpeg": encoded(COLOURS, "JPEG", quality=80),
    "progressive": encoded(COLOURS, "JPEG", progressive=True),
    "grey png": encoded(COLOURS.convert("L"), "PNG"),
    "grey jpeg": encoded(COLOURS.convert("L"), "JPEG"),
    "palette": encoded(COLOURS.convert("P"), "PNG"),
    "palette, transparent": encoded(COLOURS.convert("P"), "PNG", transparency=3),
    "black and white": encoded(COLOURS.convert("1"), "PNG"),
    "4 bits": encoded(COLOURS.convert("L"), "PNG", bits=4),
    "RGBA": encoded(VEILED, "PNG"),
    "LA": encoded(VEILED.convert("LA"), "PNG"),
    "16 bits": encoded(Image.fromarray((RED * 257).astype(np.uint16)), "PNG"),
    **{f"held {orientation}": turned(orientation) for orientation in range(1, 9)},
    **{f"png held {orientation}": turned(orientation, "PNG") for orientation in range(1, 9)},
}


@pytest.mark.parametrize("shape", [(31, 53, 3), (28, 28, 1), (60, 20, 3)], ids=str)
def test_files_are_decoded_as_pillow_does(shape):
    decoded = decode_images(tf.constant(list(FILES.values())), shape).numpy().astype(int)
    for name, file, found in zip(FILES, FILES.values(), decoded, strict=True):
        difference = np.abs(found - read_image(file, shape))
        assert difference.max() <= 1, name  # differences by rounding
        assert difference.mean() < 0.3, name


def test_files_of_the_models_size_are_exact():
    shape = (31, 53, 3)
    for name in ("png", "jpeg", "grey png", "palette", "black and white", "held 3"):
        np.testing.assert_array_equal(decode_images(tf.constant([FILES[name]]), shape)[0], read_image(FILES[name], shape), name)


@pytest.mark.parametrize("file", [b"", b"no image", FILES["png"][:60], FILES["jpeg"][:200]])
def test_an_invalid_image_is_a_tensorflow_error(file):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_images(tf.constant([file]), (8, 8, 1))


def test_damaged_exif_leaves_the_image_unchanged():
    file = FILES["held 6"]
    start = file.index(b"Exif\0\0")
    for length in (8, 12, 20, 30):
        broken = file[: start + length] + b"\xff" * 8 + file[start + length + 8 :]
        assert decode_images(tf.constant([broken]), (31, 53, 3)).shape == (1, 31, 53, 3)
