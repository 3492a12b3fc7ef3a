"""Create `zoo/datasets/mnist_sample.npz`: the first 800 training and 200 test images of each digit of MNIST, in order.

`python scripts/make_mnist_sample.py DATA_DIR` reads MNIST as prepared by TensorFlow Datasets. The output is the same each time,
byte for byte; docs/data.md gives its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

TARGET = Path(__file__).parent.parent / "zoo" / "datasets" / "mnist_sample.npz"
ROWS_OF_EACH_DIGIT = {"train": 800, "test": 200}


def stratified_rows(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the first `count` rows of each label, ascending."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in range(10)]))


def sample(data_dir: str) -> dict[str, np.ndarray]:
    """Return the arrays of the sample, from MNIST as prepared in `data_dir`."""
    arrays = {"labels": np.array([str(digit) for digit in range(10)])}
    for split, count in ROWS_OF_EACH_DIGIT.items():
        part = tfds.load("mnist", split=split, data_dir=data_dir, download=False, shuffle_files=False, batch_size=-1)
        labels = part["label"].numpy()
        rows = stratified_rows(labels, count)
        arrays[f"x_{split}"] = part["image"].numpy()[rows, ..., 0]
        arrays[f"y_{split}"] = labels[rows].astype(np.uint8)
    return arrays


def main(data_dir: str) -> None:
    """Write the sample."""
    arrays = sample(data_dir)
    with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.save(buffer, arrays[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)  # fixed date
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes, SHA-256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(sys.argv[1])
