"""What all tests share: a quiet TensorFlow, and the folder of real data."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported, so it comes before every import

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """Return the folder of real data; without it skip the test, or fail where CI promises that it is there."""
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


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out, or fail, a test marked `shared` where the folder is missing."""
    if item.get_closest_marker("shared"):
        shared_folder()
