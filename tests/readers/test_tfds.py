"""TensorFlow Datasets: prepared, downloaded, unreachable or unknown."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
import requests
import tensorflow as tf
import tensorflow_datasets as tfds

import zoo
from zoo.errors import DataError, UnknownNameError
from zoo.pipeline.splits import training_stream
from zoo.sources.sharding import Shard
from zoo.sources.source import Arrays, Records


class TinyShapes(tfds.core.GeneratorBasedBuilder):
    """24 images of two shapes."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"image": tfds.features.Image(shape=(6, 6, 1)), "label": tfds.features.ClassLabel(names=["圆", "square"])}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features), supervised_keys=("image", "label"))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, object]:
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(24):
            yield number, {"image": np.full((6, 6, 1), 10 * number, np.uint8), "label": number % 2}


class DeepShapes(TinyShapes):
    """Images of 16 bits."""

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(6, 6, 1), dtype=np.uint16)
        features = {"image": image, "label": tfds.features.ClassLabel(num_classes=2)}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _generate_examples(self):
        for number in range(24):
            yield number, {"image": np.full((6, 6, 1), 1000 * number, np.uint16), "label": number % 2}


class TwoLabels(TinyShapes):
    """Images with two labels, neither of which is the obvious target."""

    def _info(self) -> tfds.core.DatasetInfo:
        label = tfds.features.ClassLabel(num_classes=2)
        features = {"image": tfds.features.Image(shape=(6, 6, 1)), "first": label, "second": label}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _generate_examples(self):
        yield 0, {"image": np.zeros((6, 6, 1), np.uint8), "first": 0, "second": 1}


class RacedShapes(TinyShapes):
    """Images that another process prepares at the same time, and finishes first."""

    is_raced = False

    def _generate_examples(self):
        if not RacedShapes.is_raced:
            RacedShapes.is_raced = True
            RacedShapes(data_dir=self.data_path.parent.parent).download_and_prepare()
        yield from super()._generate_examples()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    builder = TinyShapes(data_dir=tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare()
    return Path(builder.data_path)


def examples(data: zoo.Splits) -> list[tuple[int, int]]:
    parts = (data.train, data.validation, data.test)
    return [(int(image[0, 0, 0]), int(label)) for part in parts for image, label in part.unbatch().as_numpy_iterator()]


def test_two_workers_may_prepare_a_data_set_at_the_same_time(tmp_path: Path) -> None:
    data = zoo.load_data("raced_shapes", data_dir=str(tmp_path))
    assert RacedShapes.is_raced
    assert sorted(examples(data)) == sorted((10 * number, number % 2) for number in range(24))


def test_a_prepared_folder_is_read_with_its_class_names(prepared: Path) -> None:
    data = zoo.load_data(prepared)
    assert data.info.labels == ("圆", "square")
    assert data.info.input_shape == (6, 6, 1)
    assert sorted(examples(data)) == sorted((10 * number, number % 2) for number in range(24))


def test_streaming_gives_the_same_examples_as_memory(prepared: Path) -> None:
    memory, stream = (zoo.load_data(prepared, memory_budget_mb=budget) for budget in (256, 0))
    assert isinstance(memory._parts["train"].source, Arrays)
    assert isinstance(stream._parts["train"].source, Records)
    assert memory.info.fingerprint == stream.info.fingerprint
    assert sorted(examples(memory)) == sorted(examples(stream))
    for part in ("validation", "test"):
        for left, right in zip(getattr(memory, part), getattr(stream, part), strict=True):
            np.testing.assert_array_equal(left[0], right[0])
            np.testing.assert_array_equal(left[1], right[1])


def test_workers_stream_their_own_files(tmp_path: Path) -> None:
    builder = TinyShapes(data_dir=tmp_path)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=2))
    data = zoo.load_data(builder.data_path, memory_budget_mb=0, batch_size=4, validation=0.25)
    source = data._parts["train"].source
    assert isinstance(source, Records)
    assert source.file_lengths == [12, 12]
    steps = int(data.train.cardinality())
    parts = [
        [(int(image[0, 0, 0]), int(label)) for image, label in training_stream(data, 0, Shard(index, 2)).take(steps).unbatch()]
        for index in range(2)
    ]
    streamed = [(int(image[0, 0, 0]), int(label)) for image, label in data.train.unbatch()]
    assert sorted(parts[0] + parts[1]) == sorted(streamed)
    whole = [int(image[0, 0, 0]) for image in source.read(source.files[:1]).map(source.decode)]
    assert {image for image, _ in parts[0]} <= set(whole)
    assert not {image for image, _ in parts[1]} & set(whole)


def test_another_file_format_than_tfrecord_is_refused(tmp_path: Path) -> None:
    builder = TinyShapes(data_dir=tmp_path, file_format="parquet")
    builder.download_and_prepare()
    with pytest.raises(DataError, match=r"parquet.*file_format=tfrecord"):
        zoo.load_data(builder.data_path)


def test_images_of_more_than_8_bits_are_refused(tmp_path: Path) -> None:
    builder = DeepShapes(data_dir=tmp_path)
    builder.download_and_prepare()
    with pytest.raises(DataError, match=r"must have 8 bits.*uint16"):
        zoo.load_data(builder.data_path)


def test_image_size_resizes_streamed_images(prepared: Path) -> None:
    data = zoo.load_data(prepared, image_size=(3, 4), memory_budget_mb=0)
    assert data.info.input_shape == (3, 4, 1)
    assert sorted(examples(data)) == sorted((10 * number, number % 2) for number in range(24))


def test_a_damaged_prepared_folder_is_refused(prepared: Path, tmp_path: Path) -> None:
    for file in prepared.glob("*.json"):
        (tmp_path / file.name).write_text("{")
    with pytest.raises(DataError, match=r"prepared data set cannot be read.*Prepare it again"):
        zoo.load_data(tmp_path)


@pytest.mark.parametrize("name", ["tiny_shapes", "tfds:tiny_shapes", "tiny_shapes:1.0.0"])
def test_an_unprepared_data_set_is_prepared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    first = zoo.load_data(name, data_dir=str(tmp_path))
    assert (tmp_path / "tiny_shapes" / "1.0.0" / "dataset_info.json").is_file()
    monkeypatch.setattr(TinyShapes, "_generate_examples", lambda self: pytest.fail("prepared again"))
    again = zoo.load_data(name, data_dir=str(tmp_path))
    assert again.info.fingerprint == first.info.fingerprint
    assert first.info.labels == ("圆", "square")


def test_a_data_set_without_splits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: [])
    with tfds.testing.mock_data(num_examples=20), pytest.raises(DataError, match="needs a split of known size"):
        zoo.load_data("tfds:mnist", data_dir=str(tmp_path))


@pytest.mark.parametrize("name", ["mnits", "tfds:mnits"])
def test_unknown_name_gets_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown data set. Received: 'mnits'. Did you mean 'mnist'\?"):
        zoo.load_data(name)


def test_without_a_network_the_embedded_twin_and_the_manual_path_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object, **kwargs: object) -> None:
        raise requests.exceptions.ConnectionError("Failed to resolve 'www.cs.toronto.edu'")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: [])  # the host resolves but does not respond
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", no_network)
    with pytest.raises(DataError) as caught:
        zoo.load_data("cifar10", data_dir=str(tmp_path))
    message = str(caught.value)
    assert "Received: 'cifar10' (ConnectionError: Failed to resolve" in message
    assert "'mnist_sample' is embedded and needs no network" in message
    assert "`tfds build cifar10`" in message
    assert "TFDS_DATA_DIR or data.data_dir" in message
    assert isinstance(caught.value.__cause__, requests.exceptions.ConnectionError)


def test_an_unresolved_host_fails_without_minutes_of_retries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_address(*args: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", lambda self: pytest.fail("a download began"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataError, match=r"'cifar10' \(gaierror.*'mnist_sample' is embedded"):
        zoo.load_data("cifar10", data_dir=str(tmp_path))


def test_data_without_exactly_one_image_and_label_are_rejected(tmp_path: Path) -> None:
    builder = TwoLabels(data_dir=tmp_path)
    builder.download_and_prepare()
    with pytest.raises(DataError, match=r"needs one image or one text, and one class label.*second \(ClassLabel\)"):
        zoo.load_data(builder.data_path)


@pytest.mark.shared
def test_real_mnist_has_its_sizes_shape_and_first_digits(shared: Path) -> None:
    data = zoo.load_data("mnist", data_dir=str(shared / "data" / "tfds"))
    assert data.info.num_examples == {"train": 54_000, "validation": 6_000, "test": 10_000}
    assert data.info.input_shape == (28, 28, 1)
    assert data.info.labels == tuple("0123456789")
    images, labels = next(iter(data.train))
    assert (images.dtype, images.shape, labels.dtype) == (tf.uint8, (128, 28, 28, 1), tf.int64)
    assert np.bincount(data.targets("test")).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    validation = np.bincount(data.targets("validation"))
    train = np.bincount(data.targets("train"))
    np.testing.assert_allclose(validation / 6_000, train / 54_000, atol=1e-3)


@pytest.mark.slow
@pytest.mark.shared
def test_real_mnist_streams_the_same_examples_as_in_memory(shared: Path) -> None:
    folder = str(shared / "data" / "tfds")
    memory, stream = (zoo.load_data("mnist", data_dir=folder, memory_budget_mb=budget) for budget in (256, 0))
    assert memory.info.fingerprint == stream.info.fingerprint
    for left, right in zip(memory.test, stream.test, strict=True):
        np.testing.assert_array_equal(left[0], right[0])
        np.testing.assert_array_equal(left[1], right[1])
    counts = np.zeros(10, int)
    for _, labels in stream.train:
        counts += np.bincount(labels, minlength=10)
    np.testing.assert_array_equal(counts, np.bincount(memory.targets("train")))
