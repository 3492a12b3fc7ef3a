"""Converts image files and arrays of any size and mode to a model's input shape."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from zoo.errors import DataError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F"})


def open_image(source: str | Path | bytes, name: str | None = None) -> Image.Image:
    """Return the decoded image, rotated by its camera orientation.

    Args:
        source: a path, or the bytes of a file.
        name: name of the image in errors; by default the path.

    Raises:
        DataError: the source is not a readable image, is truncated, or is a decompression bomb.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = "unknown format" if isinstance(error, UnidentifiedImageError) else str(error)
        raise DataError(_unreadable(reason, source, name)) from error


def _unreadable(reason: str, source: str | Path | bytes, name: str | None) -> str:
    received = name or (f"{len(source)} bytes" if isinstance(source, bytes) else str(source))
    return (
        f"This cannot be read as an image: {reason}. Received: {received}. Remove or replace it. "
        f"Accepted are the formats that Pillow reads, such as {', '.join(sorted(SUFFIXES))}."
    )


def read_image(
    source: str | Path | bytes | Image.Image, input_shape: tuple[int, int, int], name: str | None = None
) -> np.ndarray:
    """Return an image file as `input_shape`: grey or RGB, resized with antialiased bilinear filtering.

    Transparent pixels become white, 16-bit values are scaled to 8 bits, and an animation gives its first frame.

    Args:
        source: a path, the bytes of a file, or a Pillow image.
        input_shape: `(height, width, channels)`, channels 1 or 3.
        name: name of the image in errors; by default the path.

    Returns:
        `(height, width, channels)`, uint8.

    Raises:
        DataError: the source is not a readable image.
    """
    if not isinstance(source, Image.Image):
        return _fit(open_image(source, name), input_shape)
    try:
        return _fit(source, input_shape)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow decodes on first access to a pixel
        raise DataError(_unreadable(str(error), getattr(source, "filename", "") or "a Pillow image", name)) from error


def fit_array(image: np.ndarray, input_shape: tuple[int, int, int]) -> np.ndarray:
    """Return an image array as `input_shape`; an image of that shape is returned unchanged.

    Args:
        image: `(height, width)` or `(height, width, channels)`, numeric, channels 1, 3 or 4; values in 0..255 or 0..1.
        input_shape: `(height, width, channels)`.

    Returns:
        `(height, width, channels)`, with the image's dtype if it is unchanged, otherwise uint8.

    Raises:
        DataError: the array is not an image, or has values that are not finite.
    """
    image = np.asarray(image)
    shape = (*image.shape, 1) if image.ndim == 2 else image.shape
    is_unchanged = shape == tuple(input_shape)
    if image.dtype.kind not in "buif" or not image.size or len(shape) != 3 or not (is_unchanged or shape[2] in (1, 3, 4)):
        raise DataError(
            "An image array must be numeric, `(height, width)`, or `(height, width, channels)` with 1, 3 or 4 channels. "
            f"Received: shape {image.shape}, dtype {image.dtype}. Pass one image of that form, with the channel axis last."
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise DataError("An image array must contain finite numbers. Received: NaN or infinity. Replace them.")
    image = image.reshape(shape)
    if is_unchanged:
        return image
    image = as_uint8(image)
    return _fit(Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), input_shape)


def as_uint8(image: np.ndarray) -> np.ndarray:
    """Return an image array in 8 bits: values of 0..1 are scaled, and all values rounded.

    Raises:
        DataError: a value is outside 0..255.
    """
    if image.dtype == np.uint8:
        return image
    if image.min() < 0 or image.max() > 255:
        raise DataError(
            "To convert an image to another size or to 8 bits, its values must be in 0..255 or 0..1. Received: "
            f"{image.min()} to {image.max()} in shape {image.shape}. Scale the values."
        )
    scale = 255.0 if image.max() <= 1.0 else 1.0
    bits: np.ndarray = np.clip(np.rint(image * scale), 0, 255).astype(np.uint8)
    return bits


def encode_png(image: np.ndarray) -> bytes:
    """Return an image `(height, width, channels)`, uint8, as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()


def _fit(image: Image.Image, input_shape: tuple[int, int, int]) -> np.ndarray:
    height, width, channels = input_shape
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8).reshape(height, width, channels)


def _to_8_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image, np.float64)
    top = values.max()
    scale = 255.0 if top <= 1 else 255.0 / 65535.0 if top > 255 else 1.0
    return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))
