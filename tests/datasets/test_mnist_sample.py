"""The embedded sample matches its documentation, and its script recreates it from real MNIST."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from make_mnist_sample import sample

import zoo
from zoo.datasets.mnist_sample import mnist_sample

DOCS = Path(__file__).parents[2] / "docs" / "data.md"


def test_docs_have_its_sha256_and_size() -> None:
    content = mnist_sample().read_bytes()
    text = DOCS.read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in text
    assert f"{len(content):,} bytes" in text
    assert len(content) < 2_000_000


def test_each_digit_is_equally_frequent() -> None:
    info = zoo.load_data("mnist_sample").info
    assert info.num_examples == {"train": 7200, "validation": 800, "test": 2000}
    assert {part: set(counts.values()) for part, counts in info.report["classes"].items()} == {
        "train": {720},
        "validation": {80},
        "test": {200},
    }


@pytest.mark.slow
@pytest.mark.shared
def test_its_script_makes_the_same_arrays_from_real_mnist(shared: Path) -> None:
    with np.load(mnist_sample()) as embedded:
        made = sample(str(shared / "data" / "tfds"))
        assert sorted(made) == sorted(embedded.files)
        for name, array in made.items():
            np.testing.assert_array_equal(embedded[name], array)
