"""Configuration of all tests: a quiet TensorFlow, and the folder of real data."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read on import of TensorFlow, so set before any import

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """Return the folder of real data; without it, skip the test, or fail if CI should have it."""
    folder = Path(os.environ.get("ZOO_SHARED") or ROOT.parent / "shared")
    if folder.is_dir():
        return folder
    reason = f"real data are missing: set ZOO_SHARED to their folder (looked in {folder})"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def shared() -> Path:
    """The folder of real data."""
    return shared_folder()


def pytest_collection_finish() -> None:
    """Exclude all imports from garbage collection: each one visits TensorFlow's objects, which takes 0.2 s."""
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test marked `shared` if the folder is missing."""
    if item.get_closest_marker("shared"):
        shared_folder()


@pytest.fixture(scope="session", autouse=True)
def arrays_without_autotuner() -> Iterator[None]:
    """Turn tf.data's autotuner off where Keras wraps arrays: the end of such a pipeline occasionally waits 40 s for it."""
    import tensorflow as tf
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    get_tf_dataset = ArrayDataAdapter.get_tf_dataset

    def without_autotuner(self: Any) -> Any:
        options = tf.data.Options()
        options.autotune.enabled = False
        return get_tf_dataset(self).with_options(options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArrayDataAdapter, "get_tf_dataset", without_autotuner)
        yield
