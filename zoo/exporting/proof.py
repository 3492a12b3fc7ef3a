"""Verifies in a new process, on real examples, that an export gives the predictions of the trained model."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ArtefactError
from zoo.exporting.fresh_process import ANSWERS, EXAMPLES
from zoo.inputs import Preprocessor
from zoo.tasks.answers import Predictions

TOLERANCE = 1e-5  # absolute for probabilities; for values, relative to the largest


def prove(directory: Path, examples: Any, expected: Predictions, preprocessor: Preprocessor) -> dict[str, dict[str, Any]]:
    """Verify that all formats and endpoints of an export give the predictions of the trained model.

    Args:
        directory: directory of the export.
        examples: raw examples.
        expected: predictions of the trained model.
        preprocessor: the model's preprocessor.

    Returns:
        For each format, the number of examples, the `largest_difference`, and the seconds for one example and for all.

    Raises:
        ArtefactError: a label differs, a probability differs by more than `TOLERANCE`, or the export cannot be loaded; the
            message says where.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / EXAMPLES).write_bytes(pickle.dumps(examples))
        _run_fresh(directory, folder)
        answers = pickle.loads((folder / ANSWERS).read_bytes())  # noqa: S301 - our own process wrote it
    proofs: dict[str, dict[str, Any]] = {}
    for answer in answers:
        difference = _compare(answer, partial(preprocessor.described, examples), expected)
        proof = proofs.setdefault(answer["format"], {"examples": len(expected), "largest_difference": 0.0})
        proof |= {name: answer[name] for name in ("seconds_for_one", "seconds_for_all") if name in answer}
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
        reason = lines[-1].removeprefix("zoo.errors.ArtefactError: ").partition(" Received: ")[0]
        raise ArtefactError(
            f"The export cannot be loaded in a new process: {reason} "
            "Received: the new export, which has been removed. Custom layers must be importable where it is used. "
            "Use the format saved_model, which contains them."
        )


def _compare(answer: Mapping[str, Any], described: Callable[[int], str], expected: Predictions) -> float:
    """Return the largest difference of probabilities, or of values relative to the largest value."""
    labels, numbers, wanted = answer["labels"], answer["numbers"], expected.numbers
    differences = np.abs(numbers - wanted).max(axis=1) / max(1.0, float(np.abs(wanted).max()))
    is_wrong = ~(differences <= TOLERANCE)  # NaN is wrong
    for row, (ours, theirs) in enumerate(zip(expected.labels, labels, strict=True)):
        is_wrong[row] |= str(ours) != str(theirs)
    if not is_wrong.any():
        return float(differences.max())
    row = int(np.argmax(is_wrong))
    raise ArtefactError(
        f"The export does not match the trained model: {int(is_wrong.sum())} of {len(wanted)} examples differ. "
        f"Received from {answer['format']} ({answer['part']}) for example {row}, {described(row)}: "
        f"{_short(labels, numbers, row)}; the model gives {_short(expected.labels, wanted, row)}. Nothing has been written. "
        "Choose another format."
    )


def _short(labels: list[Any], numbers: np.ndarray, row: int) -> str:
    return " with ".join([*map(repr, labels[row : row + 1]), np.array2string(numbers[row], precision=7, threshold=5)])
