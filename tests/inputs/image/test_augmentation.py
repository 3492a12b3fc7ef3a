"""Images change as configured, determined by the seed and the batch number."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import UsageError
from zoo.inputs.image.augmentation import Augmentation
from zoo.pipeline.splits import training_stream

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 2)).astype(np.float32)


def moved(augmentation: Augmentation, *chances: float) -> np.ndarray:
    """Augment images with given numbers instead of random ones: angle, size, right, down."""
    return augmentation._moved(tf.constant(IMAGES), tf.constant([[chance] * 3 for chance in chances])).numpy()


def test_shift_moves_to_the_right_and_down_and_repeats_the_edge() -> None:
    found = moved(Augmentation(shift=0.25), 0.0, 0.0, 1.0, -0.5)  # of 8 pixels: 2 to the right, 1 up
    expected = np.pad(IMAGES, ((0, 0), (0, 1), (2, 0), (0, 0)), mode="edge")[:, 1:, :8]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(("chance", "turns"), [(1.0, 1), (-1.0, -1)])
def test_rotation_by_a_quarter_is_a_quarter_turn(chance: float, turns: int) -> None:
    found = moved(Augmentation(rotate=90), chance, 0.0, 0.0, 0.0)
    np.testing.assert_allclose(found, np.rot90(IMAGES, turns, axes=(1, 2)), atol=0.1)  # of 255: sine and cosine in float32


@pytest.mark.parametrize(("chance", "size"), [(1.0, 1.5), (-1.0, 0.5)])
def test_zoom_by_a_half_stretches_a_ramp_about_its_middle(chance: float, size: float) -> None:
    places = np.arange(9, dtype=np.float32)
    ramp = np.broadcast_to(places[np.newaxis, np.newaxis, :, np.newaxis], (1, 9, 9, 1))
    chances = tf.constant([[0.0], [chance], [0.0], [0.0]])
    found = Augmentation(zoom=0.5)._moved(tf.constant(ramp), chances).numpy()
    expected = np.clip(4 + (places - 4) / size, 0, 8)  # past the edge, the edge
    np.testing.assert_allclose(found[0, 4, :, 0], expected, atol=1e-4)


def test_cutout_covers_a_square_with_the_mean() -> None:
    place = tf.constant([[0.0] * 3, [-1.0] * 3])  # the middle of the height, the left edge
    found = Augmentation(cutout=0.5)._with_hole(tf.constant(IMAGES), place).numpy()
    expected = IMAGES.copy()
    expected[:, 2:6, :2] = IMAGES.mean(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_inversion_swaps_light_and_dark_between_each_image_s_own_ends() -> None:
    images = np.stack([IMAGES[0], IMAGES[1] / 255.0])
    random = np.zeros((7, 2), np.float32)
    random[6] = [-1.0, 0.2]  # with invert=0.5, numbers below 0
    found = Augmentation(invert=0.5).of_batch(tf.constant(images), tf.constant(random)).numpy()
    np.testing.assert_allclose(found[0], images[0].min() + images[0].max() - images[0], rtol=1e-5)
    np.testing.assert_array_equal(found[1], images[1])


def test_an_inverted_uint8_image_stays_in_its_range() -> None:
    random = tf.fill([7, 3], -1.0)
    images = IMAGES.astype(np.uint8)
    found = Augmentation(invert=1.0).of_batch(tf.constant(images), random).numpy()
    for before, after in zip(images, found, strict=True):
        np.testing.assert_array_equal(after, int(before.min()) + int(before.max()) - before.astype(int))


@pytest.mark.parametrize("name", ["shift", "rotate", "zoom", "cutout", "invert"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_seed_and_batch_determine_changes_and_dtype_shape_and_range_stay(name: str, dtype: str) -> None:
    augmentation = Augmentation(**{name: 30.0 if name == "rotate" else 0.4})
    images = tf.cast(np.tile(IMAGES, (8, 1, 1, 1)), dtype)

    def changed(number: int, seed: int) -> np.ndarray:
        batches = tf.data.Dataset.from_tensors((images, tf.zeros(len(images))))
        return next(iter(augmentation.apply(batches, seed=seed, first_batch=number)))[0].numpy()

    first, again = changed(3, 5), changed(3, 5)
    assert first.dtype == images.dtype
    assert first.shape == images.shape
    np.testing.assert_array_equal(first, again)
    for other in ((4, 5), (3, 6)):
        assert not np.array_equal(first, changed(*other))
    assert np.min(first) >= 0
    assert np.max(first) <= 255
    assert not np.array_equal(first, images)


def test_each_image_of_a_batch_is_changed_in_its_own_way() -> None:
    same = tf.constant(np.repeat(IMAGES[:1], 3, axis=0))
    found = next(iter(Augmentation(shift=0.3).apply(tf.data.Dataset.from_tensors((same, 0)), seed=5, first_batch=3)))[0]
    assert not np.array_equal(found[0], found[1])


def test_a_stream_from_the_middle_has_the_changes_of_the_whole() -> None:
    data = zoo.load_data("digits", batch_size=500)  # 3 batches a pass
    augmentation = Augmentation(shift=0.2, rotate=20, cutout=0.3)
    whole = list(augmentation.apply(training_stream(data), seed=7, first_batch=0).take(9).as_numpy_iterator())
    rest = list(augmentation.apply(training_stream(data, 5), seed=7, first_batch=5).take(4).as_numpy_iterator())
    for (images, labels), (same, same_labels) in zip(whole[5:], rest, strict=True):
        np.testing.assert_array_equal(images, same)
        np.testing.assert_array_equal(labels, same_labels)
    assert not np.array_equal(whole[0][0], whole[3][0])


def test_no_augmentation_leaves_the_batches_unchanged() -> None:
    stream = training_stream(zoo.load_data("digits"))
    assert Augmentation().apply(stream, seed=0, first_batch=0) is stream


def test_only_images_are_augmented(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"for images only.*augment_zoom=0.1 for tables.*Omit it"):
        zoo.train("mlp", data="iris", epochs=1, augment_zoom=0.1, out=tmp_path / "run", verbose=0)
