"""Files through which a process and a fresh one exchange examples and predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from zoo.exporting.examples import Raw

EXAMPLES, ANSWERS = "examples", "answers.json"


def write_examples(examples: Raw, folder: Path) -> None:
    """Write raw examples for another process."""
    if isinstance(examples, pd.DataFrame):
        examples.to_parquet(folder / f"{EXAMPLES}.parquet")
    elif isinstance(examples, np.ndarray):
        np.save(folder / f"{EXAMPLES}.npy", examples)
    else:
        (folder / f"{EXAMPLES}.json").write_text(json.dumps(examples), encoding="utf-8")


def read_examples(folder: Path) -> Raw:
    """Return the examples that `write_examples` wrote."""
    if (folder / f"{EXAMPLES}.parquet").exists():
        return pd.read_parquet(folder / f"{EXAMPLES}.parquet")
    if (folder / f"{EXAMPLES}.npy").exists():
        images: np.ndarray = np.load(folder / f"{EXAMPLES}.npy", allow_pickle=False)
        return images
    texts: list[str] = json.loads((folder / f"{EXAMPLES}.json").read_text(encoding="utf-8"))
    return texts
