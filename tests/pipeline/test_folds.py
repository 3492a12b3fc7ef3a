"""Merging validation into train, and folds of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from zoo.errors import DataError, UsageError
from zoo.inputs.image.files import ImageFiles
from zoo.sources.sharding import Shard
from zoo.sources.source import Arrays, Pass, Records, hash_rows


def rows(data, part):
    """Return the features of a part row by row, sorted."""
    found = np.concatenate([np.asarray(features).reshape(len(targets), -1) for features, targets in getattr(data, part)])
    return sorted(map(tuple, found.tolist()))


def test_merging_validation_into_train_keeps_the_test_part():
    apart, joined = zoo.load_data("iris"), zoo.load_data("iris", validation=0)
    assert rows(joined, "test") == rows(apart, "test")
    assert rows(joined, "train") == sorted(rows(apart, "train") + rows(apart, "validation"))
    assert dict(joined.info.num_examples) == {"train": 128, "test": 22}
    assert not joined.has_validation
    with pytest.raises(UsageError, match="do not have this part"):
        _ = joined.validation


@pytest.mark.parametrize("data", ["iris", "diabetes", "digits"])
def test_folds_contain_every_row_once(data):
    apart = zoo.load_data(data)
    folds = [zoo.load_data(data, fold=(number, 3)) for number in (1, 2, 3)]
    whole = sorted(rows(apart, "train") + rows(apart, "validation"))
    assert sorted(row for fold in folds for row in rows(fold, "validation")) == whole
    for fold in folds:
        assert sorted(rows(fold, "train") + rows(fold, "validation")) == whole
        assert rows(fold, "test") == rows(apart, "test")


def test_classes_keep_their_shares_in_folds():
    for number in (1, 2, 3):
        counts = np.bincount(zoo.load_data("iris", fold=(number, 3)).targets("validation"))
        assert counts.max() - counts.min() <= 1


def test_equal_rows_are_in_one_fold():
    table = pd.DataFrame({"x": np.repeat(np.arange(30), 4), "label": np.repeat(np.arange(30) % 2, 4)})
    for number in (1, 2):
        fold = zoo.load_data(table, fold=(number, 2))
        assert not set(rows(fold, "train")) & set(rows(fold, "validation"))


def parts_of_texts(folder: Path) -> dict[str, str]:
    for part, count in (("train", 12), ("validation", 6), ("test", 6)):
        lines = [f"{part} text {number},{number % 2}" for number in range(count)]
        (folder / f"{part}.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    return {part: str(folder / f"{part}.csv") for part in ("train", "validation", "test")}


def test_separate_parts_are_joined_with_a_common_vocabulary(tmp_path):
    paths = parts_of_texts(tmp_path)
    joined = zoo.load_data(paths, task="text_classification", validation=0)
    assert dict(joined.info.num_examples) == {"train": 18, "test": 6}
    assert sorted(joined.texts("train")) == sorted(
        [f"train text {n}" for n in range(12)] + [f"validation text {n}" for n in range(6)]
    )
    assert joined.info.preprocessor.tokenizer.texts_to_sequences(["validation"])[0] != [1]
    fold = zoo.load_data(paths, task="text_classification", fold=(1, 3))
    assert dict(fold.info.num_examples) == {"train": 12, "validation": 6, "test": 6}
    assert [*fold.targets("test")] == [0, 1] * 3


def test_images_in_separate_parts_are_joined():
    images = np.arange(24 * 4).reshape(24, 2, 2).astype("uint8")
    labels = np.arange(24) % 2
    parts = {
        part: (images[chosen], labels[chosen])
        for part, chosen in (("train", slice(12)), ("validation", slice(12, 18)), ("test", slice(18, 24)))
    }
    joined = zoo.load_data(parts, validation=0)
    assert rows(joined, "train") == sorted(map(tuple, images[:18].reshape(18, 4).astype(float).tolist()))


def test_records_are_joined_file_by_file():
    def read(files):
        return tf.data.Dataset.from_tensor_slices(tf.concat(files, axis=0))

    def records(values, lengths):
        ends = np.cumsum(lengths)
        files = [
            tf.constant([str(value) for value in values[end - size : end]]) for end, size in zip(ends, lengths, strict=True)
        ]

        hashes = hash_rows(np.array(values))
        return Records(read, files, lengths, lambda text: tf.strings.to_number(text), hashes, mean_bytes=2.0)

    joined = records([0, 1, 2, 3], [2, 2]).joined(records([4, 5, 6], [3]))
    assert joined.file_lengths == [2, 2, 3]
    chosen = np.array([1, 3, 4, 6])
    for shard in (Shard(0, 1), Shard(0, 2), Shard(1, 2)):
        batches = joined.one_pass(Pass(chosen, chosen, 2, shard=shard))
        pairs = [pair for features, targets in batches.as_numpy_iterator() for pair in zip(features, targets, strict=True)]
        assert all(feature == target for feature, target in pairs)
        assert len(pairs) == 4 // shard.count


def test_parts_in_memory_and_on_disk_are_not_joined():
    with pytest.raises(DataError, match="memory_budget_mb"):
        Arrays(np.zeros((2, 1))).joined(ImageFiles([], (1, 1, 1), np.zeros(0, np.uint64)))


@pytest.mark.slow
@pytest.mark.shared
def test_folds_of_files_are_read_from_them(shared):
    arguments = {"memory_budget_mb": 0, "batch_size": 4096, "data_dir": str(shared / "data" / "tfds")}
    joined = zoo.load_data("mnist", fold=(1, 30), **arguments)
    assert dict(joined.info.num_examples) == {"train": 58_000, "validation": 2_000, "test": 10_000}
    assert sum(len(targets) for _, targets in joined.validation) == 2_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fold": (0, 3)}, "`fold.0` is not accepted"),
        ({"fold": (4, 3)}, "[number, folds]"),
        ({"fold": (1, 1)}, "[number, folds]"),
        ({"validation": 1.0}, "`validation` is not accepted"),
    ],
)
def test_wrong_folds_are_refused(arguments, message):
    with pytest.raises(UsageError) as refused:
        zoo.load_data("iris", **arguments)
    assert message in str(refused.value)


def test_more_folds_than_rows_of_a_class_are_refused():
    with pytest.raises(DataError, match=r"too few distinct rows for 60 parts.*Received: .* of class"):
        zoo.load_data("iris", fold=(1, 60))


@pytest.mark.slow
def test_training_on_validation_too_has_no_validation_scores(tmp_path):
    run = zoo.train("linear", data="iris", epochs=2, data_arguments={"validation": 0}, out=tmp_path / "run", verbose=0)
    assert "val_loss" not in run.history
    assert run.metrics["accuracy"] >= 0
    assert zoo.evaluate(run).metrics == run.metrics
    other = zoo.train("linear", data="iris", epochs=2, out=tmp_path / "other", verbose=0)
    zoo.compare(run, other).plot(tmp_path / "curves.png")
    with pytest.raises(UsageError, match="do not have this part"):
        zoo.evaluate(run, split="validation")
    with pytest.raises(UsageError, match="These settings need a validation part"):
        zoo.train("linear", data="iris", early_stopping=2, data_arguments={"validation": 0}, out=tmp_path / "third", verbose=0)
    assert not (tmp_path / "third").exists()


@pytest.mark.slow
def test_training_on_validation_too_resumes_after_a_stop(tmp_path, monkeypatch):
    from zoo.training.checkpointing import Checkpointing

    settings = {"data": "iris", "epochs": 3, "data_arguments": {"validation": 0}, "verbose": 0}
    whole = zoo.train("linear", out=tmp_path / "whole", **settings)
    step = Checkpointing.on_train_batch_end

    def stop_in_the_second_epoch(self, batch, logs=None):
        step(self, batch, logs)
        if self.epoch == 1 and self.step == 2:
            self._save_all()
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpointing, "on_train_batch_end", stop_in_the_second_epoch)
        with pytest.raises(KeyboardInterrupt):
            zoo.train("linear", out=tmp_path / "run", **settings)
    resumed = zoo.train(resume=tmp_path / "run", verbose=0)
    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
