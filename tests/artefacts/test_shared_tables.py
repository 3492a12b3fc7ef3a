"""A LiteRT file and a Keras file share weight tables without loss."""

from __future__ import annotations

import io
import zipfile

import h5py
import numpy as np
import pytest
import release

from zoo.artefacts.shared_tables import join_tables

GENERATOR = np.random.default_rng(0)
TABLES = [GENERATOR.normal(size=(300, 250)).astype(np.float16) for _ in range(2)]


@pytest.fixture
def keras_file(tmp_path):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/embedding/vars/0"], file["layers/pairs/vars/0"] = TABLES
        file["layers/dense/vars/0"] = TABLES[0][:3]
    with zipfile.ZipFile(tmp_path / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", buffer.getvalue())
    return tmp_path / "model.keras"


@pytest.mark.parametrize(
    ("parts", "shared"),
    [
        ([b"TFL3", TABLES[1], b"between", TABLES[0], b"end"], 2),
        ([TABLES[0], TABLES[1]], 2),
        ([b"head", TABLES[1]], 1),
        ([b"no table of it"], 0),
        ([b"TFL3", TABLES[0][:3], b"small ones stay"], 0),
    ],
)
def test_removed_tables_are_joined_again(parts, shared, keras_file):
    content = b"".join(part if isinstance(part, bytes) else part.tobytes() for part in parts)
    rest, tables = release.cut_tables(content, keras_file)
    assert len(tables) == shared
    assert len(rest) == len(content) - shared * TABLES[0].nbytes
    assert TABLES[0].nbytes > release.SMALLEST_TABLE
    assert join_tables(rest, tables, keras_file) == content
