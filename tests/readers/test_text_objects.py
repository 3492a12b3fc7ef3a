"""Texts in memory: lists, arrays, Series, DataFrames, tf.data and TensorFlow Datasets give the same examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import zoo
from zoo.errors import DataError, UsageError

TEXTS = [f"{word} number {number}\nline, two" for number in range(14) for word in ("good", "这部电影")]
LABELS = ["pos", "neg"] * 14
NUMBERS = np.arange(28) % 2


def pairs(data: zoo.Splits, *parts: str) -> dict[str, Any]:
    return {
        text: data.info.labels[number]
        for part in parts or ("train", "validation", "test")
        for text, number in zip(data.texts(part), data.targets(part), strict=True)
    }


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        np.array,
        lambda texts: np.array(texts, object),
        lambda texts: np.array(texts, np.dtypes.StringDType()),
        lambda texts: [text.encode() for text in texts],
        lambda texts: np.array([text.encode() for text in texts], object),
        lambda texts: np.char.encode(texts, "utf-8"),
        pd.Series,
        lambda texts: pd.Series(texts, index=range(100, 128), dtype=object),
        lambda texts: pd.Series(texts, dtype="category"),
        lambda texts: tf.constant(texts).numpy(),
    ],
    ids=["list", "tuple", "U", "object", "StringDType", "bytes", "object-bytes", "S", "Series", "index", "category", "tensor"],
)
def test_every_form_of_texts_gives_the_same_examples(make: Callable[[list[str]], Any]) -> None:
    data, expected = zoo.load_data((make(TEXTS), LABELS)), zoo.load_data((TEXTS, LABELS))
    assert data.info.fingerprint == expected.info.fingerprint
    assert pairs(data) == dict(zip(TEXTS, LABELS, strict=True))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (LABELS, ("neg", "pos")),
        (pd.Series(LABELS, dtype="category"), ("neg", "pos")),
        (NUMBERS, (0, 1)),
        (NUMBERS.astype(np.float32), (0, 1)),
        ((NUMBERS == 1).tolist(), (False, True)),
        (np.eye(2)[NUMBERS], (0, 1)),
        (np.eye(3)[NUMBERS].tolist(), (0, 1, 2)),
        (NUMBERS[:, None], (0, 1)),
        ([label.encode() for label in LABELS], ("neg", "pos")),
    ],
    ids=["text", "category", "numbers", "floats", "booleans", "one-hot", "one-hot-lists", "column", "bytes"],
)
def test_every_form_of_labels(labels: Any, names: tuple[Any, ...]) -> None:
    data = zoo.load_data((TEXTS, labels))
    assert data.info.labels == names
    by_text = pairs(data)
    groups = [{by_text[text] for text in TEXTS[start::2]} for start in (0, 1)]
    assert [len(group) for group in groups] == [1, 1]
    assert groups[0] != groups[1]


def test_thirty_classes_keep_their_names() -> None:
    labels = [f"class {number % 30}" for number in range(150)]
    data = zoo.load_data(([f"film {number}" for number in range(150)], labels))
    assert data.info.labels == tuple(sorted(set(labels)))
    assert pairs(data) == {f"film {number}": label for number, label in enumerate(labels)}


@pytest.mark.parametrize("text", ["text", "Review", "SENTENCE"])
@pytest.mark.parametrize("label", ["label", "sentiment", "Category"])
def test_a_data_frame_with_usual_names_contains_texts(text: str, label: str) -> None:
    frame = pd.DataFrame({"id": range(28), label: LABELS, text: TEXTS}, index=range(50, 78))
    data = zoo.load_data(frame)
    assert data.info.task_name == "text_classification"
    assert pairs(data) == dict(zip(TEXTS, LABELS, strict=True))


def test_a_data_frame_with_other_names_needs_them_named_or_the_task() -> None:
    frame = pd.DataFrame({"prose": TEXTS, "stars": LABELS, "id": range(28)})
    assert pairs(zoo.load_data(frame, text_column="prose", label_column="stars")) == dict(zip(TEXTS, LABELS, strict=True))
    with pytest.raises(DataError, match=r"The text column is not known. Received: columns prose, stars, id"):
        zoo.load_data(frame, task="text_classification")
    with pytest.raises(DataError, match=r"Received: 'prosa'. Did you mean 'prose'\? Accepted: prose, stars, id"):
        zoo.load_data(frame, text_column="prosa", label_column="stars")


def test_a_data_frame_for_a_table_task_stays_a_table() -> None:
    frame = pd.DataFrame({"text": ["a", "b"] * 10, "width": range(20), "label": ["x", "y"] * 10})
    data = zoo.load_data(frame, task="tabular_classification")
    assert data.info.preprocessor.feature_names == ["text=a", "text=b", "width"]


@pytest.mark.parametrize("batch", [None, 5, 28])
@pytest.mark.parametrize("one_hot", [False, True])
def test_tf_data_of_strings_batched_or_not(batch: int | None, one_hot: bool) -> None:
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, np.eye(2)[NUMBERS] if one_hot else NUMBERS))
    data = zoo.load_data(dataset.batch(batch) if batch else dataset)
    assert data.info.fingerprint == zoo.load_data((TEXTS, NUMBERS)).info.fingerprint
    assert pairs(data) == dict(zip(TEXTS, NUMBERS.tolist(), strict=True))


def test_tf_data_of_strings_for_each_part_and_with_text_labels() -> None:
    halves = {"train": (TEXTS[:20], LABELS[:20]), "test": (TEXTS[20:], LABELS[20:])}
    data = zoo.load_data({part: tf.data.Dataset.from_tensor_slices(pair) for part, pair in halves.items()})
    assert pairs(data, "test") == dict(zip(TEXTS[20:], LABELS[20:], strict=True))


def test_npz_may_hold_texts(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array(TEXTS), y=NUMBERS, labels=np.array(["pos", "neg"]))
    data = zoo.load_data(tmp_path / "a.npz")
    assert pairs(data) == dict(zip(TEXTS, LABELS, strict=True))


@pytest.mark.parametrize(
    ("texts", "labels", "words"),
    [
        ([""] * 28, LABELS, r"All 28 texts are empty or unreadable: Row 0 .*Add texts"),
        (["", *TEXTS[1:]], LABELS, "cannot be read: 1. Received: Row 0 of the texts has an empty text.*data.broken=drop"),
        ([*TEXTS[:27], None], LABELS, "Row 27 of the texts has no text"),
        ([*TEXTS[:27], 7], LABELS, "Row 27 of the texts has int 7 instead of a text"),
        (pd.Series([*TEXTS[:27], np.nan]), LABELS, "Row 27 of the texts has no text"),
        (TEXTS[:5], LABELS, "5 rows and 28 labels"),
        ("one text", LABELS, "a list of texts. Received: str of shape"),
        (b"one text", LABELS, "a list of texts. Received: bytes of shape"),
        (
            [f"{number}.JPG" for number in range(28)],
            LABELS,
            "28 names of image files, first '0.JPG'. Pass their parent folder",
        ),
        (TEXTS, ["pos"] * 28, "at least two classes. Received: only 'pos'"),
        (TEXTS, [["a", "b"]] * 28, "one-hot: a single 1 in each row"),
        (TEXTS, np.ones((28, 2)), "one-hot: a single 1 in each row.*multi-label"),
        (TEXTS, [0.5] * 28, "whole numbers or text"),
        (TEXTS, [None, *LABELS[1:]], "1 of 28 rows in part 'all' have no label"),
        ([], [], "Features must be|empty"),
    ],
)
def test_an_invalid_list_of_texts_is_rejected(texts: Any, labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        zoo.load_data((texts, labels))


@pytest.mark.parametrize("missing", ["", "  ", None, float("nan"), 3])
def test_rows_without_text_are_dropped_on_request_with_their_labels(missing: Any) -> None:
    texts = [*TEXTS[:9], missing, *TEXTS[10:]]
    data = zoo.load_data((texts, LABELS), broken="drop")
    expected = dict(zip(TEXTS, LABELS, strict=True))
    expected.pop(TEXTS[9])
    assert pairs(data) == expected
    assert data.info.report["parts"]["all"]["broken"] == 1


def test_texts_do_not_fit_tasks_for_images_or_tables() -> None:
    with pytest.raises(UsageError, match=r"'image_classification' is for images. Received: texts. Use text_classification"):
        zoo.load_data((TEXTS, LABELS), task="image_classification")
    with pytest.raises(UsageError, match=r"'text_classification' is for texts. Received: images"):
        zoo.load_data((np.zeros((20, 4, 4)), np.arange(20) % 2), task="text_classification")


@pytest.mark.parametrize("name", ["x" * 5000, "a text, not a name. " * 300, "./" + "x" * 5000, "a\0b"])
def test_a_text_instead_of_data_is_rejected(name: str) -> None:
    with pytest.raises(zoo.ZooError, match="Received: "):
        zoo.load_data(name)


class TinyTexts(tfds.core.GeneratorBasedBuilder):
    """28 texts of two classes, and a test part without labels."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"sentence": tfds.features.Text(), "label": tfds.features.ClassLabel(names=["负", "pos"])}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), supervised_keys=("sentence", "label")
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, object]:
        return {"train": self._generate_examples(), "test": self._unlabelled(), "extra": self._generate_examples()}

    def _generate_examples(self):
        for number, text in enumerate(TEXTS):
            yield number, {"sentence": text, "label": number % 2}

    def _unlabelled(self):
        for number, text in enumerate(TEXTS):
            yield number, {"sentence": f"unlabelled {text}", "label": -1}


class TwoTexts(TinyTexts):
    """A premise and a hypothesis, neither of which is the obvious text to learn from."""

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        features = {"premise": text, "hypothesis": text, "label": tfds.features.ClassLabel(num_classes=2)}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, object]:
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number, text in enumerate(TEXTS):
            yield number, {"premise": f"premise {text}", "hypothesis": f"hypothesis {text}", "label": number % 2}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tfds")
    builders = {"one": TinyTexts(data_dir=folder), "two": TwoTexts(data_dir=folder)}
    for builder in builders.values():
        builder.download_and_prepare()
    return {name: Path(builder.data_path) for name, builder in builders.items()}


def test_a_prepared_data_set_of_texts_is_read_without_its_unlabelled_test_split(prepared: dict[str, Path]) -> None:
    data = zoo.load_data(prepared["one"])
    assert data.info.task_name == "text_classification"
    assert data.info.labels == ("负", "pos")
    assert pairs(data) == {text: ("负", "pos")[number % 2] for number, text in enumerate(TEXTS)}
    assert data.info.report["notes"] == ["split 'extra' is not used", "split 'test' has no labels and is not used"]


def test_a_name_finds_the_prepared_texts(prepared: dict[str, Path]) -> None:
    data_dir = str(prepared["one"].parents[1])
    data = zoo.load_data("tfds:tiny_texts", data_dir=data_dir, raw=True)
    assert data.info.fingerprint == zoo.load_data(prepared["one"]).info.fingerprint


def test_of_two_texts_one_must_be_named(prepared: dict[str, Path]) -> None:
    with pytest.raises(DataError, match=r"one image or one text.*(hypothesis|premise) \(Text\).*data.text_column"):
        zoo.load_data(prepared["two"])
    data = zoo.load_data(prepared["two"], text_column="premise")
    assert set(pairs(data)) == {f"premise {text}" for text in TEXTS}
    with pytest.raises(DataError, match="one image or one text"):
        zoo.load_data(prepared["two"], text_column="conclusion")
