"""Decodes images inside a TensorFlow graph, as `zoo.inputs.image.pixels.read_image` does for PNG and JPEG files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from zoo.inputs.kind import Twin

if TYPE_CHECKING:
    from zoo.inputs.image.preprocessor import ImagePreprocessor

WHITE = 255.0
RED, GREEN, BLUE = 19595, 38470, 7471  # weights of 65,536 for grey (ITU-R BT.601), with Pillow's rounding
EXIF_BYTES = 65536  # number of bytes at the start of a file to search for the orientation
ORIENTATION = 0x0112  # its tag (Exif 2.32)


def twin(preprocessor: ImagePreprocessor, dtype: Any) -> Twin:
    """Return a preprocessor's steps as TensorFlow functions, for images of this dtype."""
    shape, dtype = preprocessor.input_shape, tf.as_dtype(dtype)
    image = tf.cast(preprocessor.example_batch(1), dtype)
    raw, requests = {}, {preprocessor.signature: {"image": image}}
    if dtype == tf.uint8:  # files hold 0..255; a model trained on another range would misread them
        raw["image_bytes"] = tf.TensorSpec((None,), tf.string, "image_bytes"), lambda files: decode_images(files, shape)
        requests["image_bytes"] = {"image_bytes": tf.io.encode_png(image[0])[tf.newaxis]}
    return Twin(tf.TensorSpec((None, *shape), dtype, "image"), raw, requests)


def decode_images(files: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Decode images to a model's shape: upright, on a white background, grey or RGB, resized.

    Args:
        files: `(batch,)`, strings with the content of PNG or JPEG files.
        shape: `(height, width, channels)`, channels 1 or 3.

    Returns:
        `(batch, height, width, channels)`, uint8.

    Raises:
        tf.errors.InvalidArgumentError: when run, if a file is neither PNG nor JPEG.
    """
    spec = tf.TensorSpec(shape, tf.uint8)
    return tf.map_fn(lambda file: _decode(file, shape), files, fn_output_signature=spec)


def _decode(file: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    height, width, channels = shape
    is_jpeg = tf.io.is_jpeg(file)
    colours = tf.cond(is_jpeg, lambda: _decode_jpeg(file), lambda: _decode_png(file))  # (rows, columns, 3), uint8
    orientation = tf.cond(is_jpeg, lambda: _orientation(file, b"Exif\0\0"), lambda: _orientation(file, b"eXIf"))
    colours = _upright(colours, orientation)
    pixels = tf.cast(colours, tf.int32)
    if channels == 1:
        pixels = (pixels[..., :1] * RED + pixels[..., 1:2] * GREEN + pixels[..., 2:] * BLUE + 0x8000) // 0x10000
    pixels = tf.cast(pixels, tf.float32)
    # Pillow resizes along the rows first and rounds, then along the columns.
    pixels = _stretched(pixels, [tf.shape(pixels)[0], width])
    return tf.ensure_shape(tf.cast(_stretched(pixels, [height, width]), tf.uint8), shape)


def _decode_jpeg(file: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")


def _decode_png(file: tf.Tensor) -> tf.Tensor:
    pixels = tf.cast(tf.io.decode_png(file, channels=4), tf.float32)
    # For grey with 1, 2 or 4 bits, TensorFlow returns alpha with as many bits. The file's first block holds depth and type.
    header = tf.cast(tf.io.decode_raw(tf.strings.substr(file, 24, 2), tf.uint8), tf.int32)
    depth, is_grey = header[0], header[1] == 0
    brightest = tf.where(is_grey & (depth < 8), 2.0 ** tf.cast(depth, tf.float32) - 1.0, WHITE)
    opaque = tf.minimum(pixels[..., 3:] / brightest, 1.0)
    return tf.cast(tf.round(pixels[..., :3] * opaque + WHITE * (1.0 - opaque)), tf.uint8)


def _stretched(pixels: tf.Tensor, size: list[tf.Tensor | int]) -> tf.Tensor:
    stretched = tf.image.resize(pixels, size, method="bilinear", antialias=True)
    return tf.clip_by_value(tf.floor(stretched + 0.5), 0.0, 255.0)


def _orientation(file: tf.Tensor, mark: bytes) -> tf.Tensor:
    """Return the camera's orientation, 1 to 8, from the Exif block after a marker; 1 if there is none."""
    parts = tf.strings.split(tf.strings.substr(file, 0, EXIF_BYTES), mark, maxsplit=1)
    block = tf.concat([parts, [""]], axis=0)[1]  # a TIFF structure, or nothing
    content = tf.pad(tf.cast(tf.io.decode_raw(block, tf.uint8), tf.int32), [[0, 64]])
    is_little = content[0] == ord("I")

    def number(place: tf.Tensor, size: int) -> tf.Tensor:
        indices = tf.minimum(place[..., tf.newaxis] + tf.range(size), tf.size(content) - 1)
        digits = tf.gather(content, tf.maximum(indices, 0))
        digits = tf.cond(is_little, lambda: tf.reverse(digits, [-1]), lambda: digits)
        return tf.reduce_sum(digits * tf.constant([256**power for power in reversed(range(size))], tf.int32), axis=-1)

    directory = number(tf.constant(4), 4)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))
    found = tf.boolean_mask(number(entries + 8, 2), number(entries, 2) == ORIENTATION)
    value = tf.concat([found, [1]], axis=0)[0]
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Return an image, rotated by its orientation."""
    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    flip_rows = tf.reduce_any(orientation == tf.constant([3, 4, 7, 8]))
    flip_columns = tf.reduce_any(orientation == tf.constant([2, 3, 6, 7]))
    image = tf.cond(flip_rows, lambda: image[::-1], lambda: image)
    return tf.cond(flip_columns, lambda: image[:, ::-1], lambda: image)
