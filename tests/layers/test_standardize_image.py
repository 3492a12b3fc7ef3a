"""Per-image standardisation against a NumPy twin."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.layers.standardize_image import StandardizeImage


def twin(images):
    """Return each image with mean 0 and standard deviation 1, in float64."""
    images = np.asarray(images, "float64")
    mean, deviation = images.mean(axis=(1, 2, 3), keepdims=True), images.std(axis=(1, 2, 3), keepdims=True)
    return (images - mean) / np.where(deviation == 0, 1, deviation)


def images(shape=(4, 5, 7, 3)):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


@pytest.mark.parametrize("shape", [(4, 5, 7, 3), (1, 28, 28, 1), (2, 1, 2, 1)])
def test_output_equals_the_numpy_twin(shape):
    output = StandardizeImage()(images(shape)).numpy()
    assert output.dtype == np.float32
    assert output.shape == shape
    assert np.allclose(output, twin(images(shape)), rtol=0, atol=1e-5)  # float32 sums of 255-sized numbers


@pytest.mark.parametrize("scale", [1.0, 255.0, 1 / 255, -1.0, 65535.0])
def test_uint8_and_every_positive_scale_of_float_give_the_same_output(scale):
    expected = np.sign(scale) * StandardizeImage()(images()).numpy()
    output = StandardizeImage()((images() / 255.0 * scale).astype("float32")).numpy()
    assert np.allclose(output, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float16", "float64", "bool"])
def test_every_numeric_dtype_is_taken(dtype):
    given = (images() > 127).astype(dtype)
    assert np.allclose(StandardizeImage()(given).numpy(), twin(given), rtol=0, atol=1e-5)


@pytest.mark.parametrize("value", [0, 1, 255, 0.1, 1 / 3, 1e-6, -0.7, 1e6])
@pytest.mark.parametrize("size", [1, 28, 224])
def test_constant_image_gives_zeros(value, size):
    output = StandardizeImage()(np.full((1, size, size, 3), value, "float32")).numpy()
    assert np.array_equal(output, np.zeros_like(output))


def test_faint_image_on_a_bright_ground_is_still_seen():
    given = np.full((1, 8, 8, 1), 200.0, "float32")
    given[0, 0, 0, 0] = 201.0  # one step of 255 in one pixel
    assert np.allclose(StandardizeImage()(given).numpy(), twin(given), rtol=0, atol=1e-3)


def test_images_of_a_batch_are_independent():
    batch = images()
    together = StandardizeImage()(batch).numpy()
    alone = np.concatenate([StandardizeImage()(batch[row : row + 1]).numpy() for row in range(len(batch))])
    assert np.allclose(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_low_precision_changes_only_the_dtype_of_the_output(policy):
    """Computations stay in float32: bfloat16 has 8 bits, so 1/256 of values up to 2 is only the rounding of the result."""
    layer = StandardizeImage(dtype=policy)
    output = layer(images() / np.float32(255))
    assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
    assert np.allclose(np.asarray(keras.ops.cast(output, "float32")), twin(images()), rtol=0, atol=2 / 256)


def test_symbolic_shape_and_config():
    layer = StandardizeImage(name="standardize")
    assert layer(keras.Input((None, None, 3))).shape == (None, None, None, 3)
    assert layer.count_params() == 0
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is StandardizeImage
    assert again.name == "standardize"


def test_graph_and_eager_agree():
    model = keras.Sequential([keras.Input((5, 7, 3)), StandardizeImage()])
    assert np.allclose(model.predict(images(), verbose=0), twin(images()), rtol=0, atol=1e-5)


def test_empty_batch_passes_in_a_graph():
    """A strategy passes one to a replica if the last batch is short."""
    call = tf.function(StandardizeImage(), input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32)])
    assert call(tf.zeros((0, 8, 8, 1))).shape == (0, 8, 8, 1)


def test_an_image_with_nan_stays_nan_and_spares_its_neighbours():
    images = np.random.default_rng(0).uniform(0, 1, (2, 4, 4, 1)).astype("float32")
    images[0, 0, 0, 0] = np.nan
    standardized = StandardizeImage()(images).numpy()
    assert np.isnan(standardized[0]).all()
    assert np.isfinite(standardized[1]).all()


@pytest.mark.parametrize("shape", [(3, 27, 28, 1), (3, 28, 28, 3)])
def test_a_built_model_refuses_images_of_another_shape(shape):
    model = zoo.build("cnn")
    with pytest.raises(ValueError, match=r"expected shape=\(None, 28, 28, 1\)"):
        model.predict(np.zeros(shape, "uint8"), verbose=0)
