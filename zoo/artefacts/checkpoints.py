"""Checkpoints: each is one file of arrays and plain data, written atomically, with a checksum in its name."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artefacts import files
from zoo.errors import CheckpointError

logger = logging.getLogger(__name__)
FACTS = "facts.json"


class Checkpoints:
    """The newest checkpoints of a run, in one directory.

    A file's name is its number and the first digits of its SHA-256.

    Args:
        directory: Path, the directory of the checkpoints; it is created with the first one.
        keep: int, number of newest checkpoints to keep.
    """

    def __init__(self, directory: Path, keep: int) -> None:
        self.directory = directory
        self._keep = keep

    def save(self, number: int, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Write a checkpoint, and remove all but the newest `keep` checkpoints.

        Args:
            number: int, higher for newer checkpoints.
            arrays: mapping from names to arrays.
            facts: mapping of plain data and NumPy numbers.

        Raises:
            ArtefactError: the disk is full or failing; the older checkpoints are unchanged.
        """
        content = {FACTS: np.frombuffer(json.dumps(facts, default=np.generic.item).encode(), np.uint8), **arrays}

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, **content)  # type: ignore[arg-type] # NumPy's stub rejects `**content`

        self.directory.mkdir(exist_ok=True)
        files.write_atomically(self.directory / f"{number:010}", write, name=lambda path: f"{number:010}-{_digest(path)}.npz")
        for path in [*self][self._keep :]:
            path.unlink(missing_ok=True)

    def load_newest(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays and facts of the newest intact checkpoint; a warning reports each damaged one.

        Raises:
            CheckpointError: there is no intact checkpoint.
        """
        for path in self:
            try:
                return _read(path)
            except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
                logger.warning("Checkpoint %s is damaged (%s); trying the previous one.", path, error)
        raise CheckpointError(f"There is no intact checkpoint to resume from. Received: {self.directory}. Start a new run.")

    def __iter__(self) -> Iterator[Path]:
        """Yield the files, the newest first."""
        yield from sorted(self.directory.glob("[0-9]*-*.npz"), reverse=True)


def _digest(path: Path) -> str:
    return files.sha256(path)[:16]


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not path.stem.endswith(f"-{_digest(path)}"):
        raise ValueError("its content differs from the checksum in its name")
    with np.load(path, allow_pickle=False) as content:
        arrays = {name: content[name] for name in content.files}
    facts: dict[str, Any] = json.loads(arrays.pop(FACTS).tobytes())
    return arrays, facts
