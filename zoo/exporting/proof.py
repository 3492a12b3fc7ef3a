"""Verifies in a fresh process, on real examples, that an export predicts as the trained model does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ArtefactError
from zoo.exporting.exchange import ANSWERS, EXAMPLES
from zoo.inputs import Preprocessor
from zoo.tasks.answers import Predictions

TOLERANCE = 1e-5  # absolute for probabilities; for values, relative to the largest


def prove(directory: Path, examples: Any, expected: Predictions, preprocessor: Preprocessor) -> dict[str, dict[str, Any]]:
    """Compare all formats and endpoints of an export with the trained model.

    Args:
        directory: directory of the export.
        examples: raw input.
        expected: predictions of the trained model.
        preprocessor: the model's preprocessor.

    Returns:
        For each format, the number of examples, the `largest_difference`, and the seconds for one example and for all.

    Raises:
        ArtefactError: a label differs, a probability differs by more than `TOLERANCE`, or the export cannot be loaded; the
            message says where.
    """
    with tempfile.TemporaryDirectory() as folder:
        preprocessor.save_examples(examples, Path(folder) / EXAMPLES)
        _run_fresh(directory, Path(folder))
        proofs: dict[str, dict[str, Any]] = {}
        for told in json.loads((Path(folder) / ANSWERS).read_text(encoding="utf-8")):
            with np.load(Path(folder) / told["file"], allow_pickle=False) as answers:
                difference = _compare(
                    told["name"], partial(preprocessor.described, examples), expected, told["labels"], answers["numbers"]
                )
            measured = {name: told[name] for name in ("seconds_for_one", "seconds_for_all") if name in told}
            proof = proofs.setdefault(told["format"], {"examples": len(expected), "largest_difference": 0.0})
            proof |= measured
            proof["largest_difference"] = max(proof["largest_difference"], difference)
    return proofs


def _run_fresh(directory: Path, folder: Path) -> None:
    """Predict in a new Python process; see `zoo.exporting.fresh_process`."""
    root = str(Path(__file__).resolve().parents[2])  # the directory of this zoo package
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
    command = [sys.executable, "-m", "zoo.exporting.fresh_process", str(directory), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        said = lines[-1].removeprefix("zoo.errors.ArtefactError: ").partition(" Received: ")[0]
        raise ArtefactError(
            f"The export cannot be loaded in a fresh process: {said} "
            "Received: the new export, which has been removed. Your own layers must be importable where it is used; "
            "the format saved_model contains them."
        )


def _compare(
    name: str, described: Callable[[int], str], expected: Predictions, labels: list[Any], numbers: np.ndarray
) -> float:
    """Return the largest difference of probabilities, or of values relative to the largest value."""
    wanted = expected.numbers
    differences = np.abs(numbers - wanted).max(axis=1) / max(1.0, float(np.abs(wanted).max()))
    is_wrong = ~(differences <= TOLERANCE)  # NaN is wrong
    for row, (ours, theirs) in enumerate(zip(expected.labels, labels, strict=True)):
        is_wrong[row] |= str(ours) != str(theirs)
    if not is_wrong.any():
        return float(differences.max())
    row = int(np.argmax(is_wrong))
    raise ArtefactError(
        f"The export does not match the trained model: {int(is_wrong.sum())} of {len(wanted)} examples differ. "
        f"Received from {name} for example {row}, {described(row)}: {_short(labels, numbers, row)}; "
        f"the model says {_short(expected.labels, wanted, row)}. Nothing has been written. Choose another format."
    )


def _short(labels: list[Any], numbers: np.ndarray, row: int) -> str:
    return " with ".join([*map(repr, labels[row : row + 1]), np.array2string(numbers[row], precision=7, threshold=5)])
