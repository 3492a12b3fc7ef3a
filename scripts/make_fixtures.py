"""Create tests/fixtures/format_1: small exports and a run in the current format, with their predictions.

They are created once for each format and never change, because later versions must load them.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import zoo
from zoo.artefacts.export import FORMAT, PLACES

FOLDER = Path(__file__).parent.parent / "tests" / "fixtures" / f"format_{FORMAT}"
TEXTS = ["a film I will not forget", "", "很好的电影 下次还来", "never again: dull, dull, dull", "😀"]


def make(kind: str, run: zoo.Run, raw: Any, data: zoo.Splits | None = None) -> None:
    """Export a run in all formats, and write its predictions."""
    zoo.export(run, FOLDER / kind, format=list(PLACES), data=data)
    predictions = run.predict(pd.DataFrame(raw) if kind == "table" else np.array(raw, np.uint8) if kind == "image" else raw)
    content = {"raw": raw, "labels": predictions.labels, "probabilities": predictions.probabilities.tolist()}
    (FOLDER / f"{kind}.json").write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Create all fixtures."""
    if FOLDER.exists():
        sys.exit(f"{FOLDER} exists: fixtures are created once per format.")
    with tempfile.TemporaryDirectory() as folder:
        text = zoo.train(
            "gru", data="reviews_sample", epochs=3, verbose=0, out=FOLDER / "run", keep_checkpoints=1,
            model_arguments={"embedding_dim": 4, "units": 4, "bidirectional": True}, data_arguments={"vocabulary_size": 200},
        )  # fmt: skip
        make("text", text, TEXTS)
        for name in ("checkpoints", "logs"):
            shutil.rmtree(text.directory / name)
        (text.directory / "report.html").unlink()
        image = zoo.train("linear", data="digits", epochs=5, verbose=0, out=Path(folder) / "image")
        make("image", image, zoo.load_data("digits").test.as_numpy_iterator().next()[0][:3].astype(int).tolist())
        number = np.arange(90)
        table = pd.DataFrame(
            {
                "width (cm)": np.where(number % 7, number / 10, np.nan),
                "colour": np.where(number % 3, "红", "blue"),
                "label": np.where(number < 45, "小", "large"),
            }
        )
        rows = {"width (cm)": [0.5, None, 8.0], "colour": ["红", "green", "blue"]}
        data = zoo.load_data(table)
        make("table", zoo.train("linear", data=data, epochs=5, verbose=0, out=Path(folder) / "table"), rows, data)


if __name__ == "__main__":
    main()
