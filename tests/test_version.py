"""zoo reports an unrelated distribution that installs a package of the same name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.version import find_unrelated

PACKAGE = Path(zoo.__file__).parent
UNRELATED = {"METADATA": "Metadata-Version: 2.1\nName: zoo\nVersion: 0.1\n", "RECORD": "zoo/__init__.py,,\nzoo/rpc.py,,\n"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages with zoo, as pip installs it."""
    (tmp_path / "zoo").symlink_to(PACKAGE)
    return tmp_path


def install_unrelated(site: Path) -> None:
    """Write the files of `pip install zoo`."""
    (site / "zoo-0.1.dist-info").mkdir()
    for name, content in UNRELATED.items():
        (site / "zoo-0.1.dist-info" / name).write_text(content, encoding="utf-8")


def python(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, cwd=site, check=False)


def test_an_unrelated_zoo_in_the_same_folder_gives_a_warning(site):
    install_unrelated(site)
    done = python(site, "-c", "import zoo; zoo.list_models()")
    assert done.returncode == 0
    assert "RuntimeWarning: Another distribution has installed a package named zoo" in done.stderr
    assert "Received: zoo-0.1.dist-info" in done.stderr
    assert "pip uninstall zoo kerazoo" in done.stderr


def test_zoo_alone_gives_no_warning(site):
    (site / "zoo_framework-0.14.dist-info").mkdir()
    (site / "kerazoo-0.2.0.dist-info").mkdir()
    assert find_unrelated(str(site)) is None
    done = python(site, "-W", "error", "-c", "import zoo; print(zoo.__version__)")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["zoo-0.1a0.dist-info", "zoo-0.1a0-py3.11.egg-info", "Zoo-0.1.dist-info"])
def test_each_form_of_metadata_is_found(tmp_path, name):
    (tmp_path / name).mkdir()
    assert find_unrelated(str(tmp_path)) == name
