"""An exported model: a directory of files that run without zoo, and the facts that zoo needs to run them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from zoo.artefacts import files
from zoo.artefacts.data_facts import DATA_FILE, read_info
from zoo.artefacts.engines import Engine, LiteRTEngine, OnnxEngine, SavedModelEngine, check_installed, is_installed
from zoo.artefacts.predictor import Predictor
from zoo.artefacts.released import read_card
from zoo.artefacts.shared_tables import join_tables
from zoo.errors import ArtefactError, UnknownNameError, ZooError, one_line
from zoo.pipeline.info import DataInfo

FORMAT = 1
EXPORT_FILE = "export.json"
PLACES = {"saved_model": "1", "litert": "model.tflite", "onnx": "model.onnx", "keras": "model.keras"}
CUT_FILE = "model.tflite.cut"  # of a released model: LiteRT without the tables that are in `model.keras`


class _Proof(BaseModel):
    """Measurements of a format; empty during verification."""

    model_config = ConfigDict(strict=True)

    seconds_for_one: FiniteFloat = 0.0
    seconds_for_all: FiniteFloat = 0.0


class _Saved(BaseModel):
    """Schema of `export.json`."""

    format: Literal[1]
    formats: dict[Literal["saved_model", "litert", "onnx", "keras"], _Proof] = Field(min_length=1)
    files: dict[str, str]
    card: dict[str, Any] = {}
    tables: list[tuple[int, int, int]] = []


@dataclass(frozen=True)
class Export:
    """An opened export directory.

    Args:
        directory: directory of the export.
        content: content of `export.json`: `formats` with the measurements of their verification, `files` with their SHA-256,
            `card`, and the `tables` that `CUT_FILE` lacks.
        info: facts about the training data.
    """

    directory: Path
    content: Mapping[str, Any]
    info: DataInfo

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Export:
        """Open an export directory; models are loaded on first use.

        Raises:
            ArtefactError: the export is damaged or has a newer format.
        """
        path = Path(directory)
        content = files.read_json(path / EXPORT_FILE)
        files.validated(_Saved, content, EXPORT_FILE, path, "Export again.")
        check_files(path, content["files"], str(DATA_FILE))
        return cls(path, content, read_info(path))

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of the export, each verified against the trained model."""
        return tuple(self.content["formats"])

    def size(self, name: str) -> int:
        """Return the size of a format in bytes."""
        return sum((self.directory / file).stat().st_size for file in files_of(self.directory, PLACES[name]))

    def predictor(self, engine: str | None = None, *, for_many: bool = False) -> Predictor:
        """Return a Predictor.

        Args:
            engine: format to run; None selects the one that was fastest during verification among those with an installed
                package; default None.
            for_many: whether to select the fastest format for many examples instead of one; default False.

        Raises:
            ArtefactError: a file is missing, is damaged, or contains a different model.
            UsageError: the export does not have this format, or its package is not installed.
        """
        if engine is None:
            measure = "seconds_for_all" if for_many else "seconds_for_one"
            usable = [name for name in self.formats if is_installed(name)] or self.formats
            engine = min(usable, key=lambda name: self.content["formats"][name].get(measure, 0.0))
        if engine not in self.formats:
            raise UnknownNameError("format of this export", engine, self.formats)
        check_installed(engine)
        return Predictor(self.engine(engine), self.info, self.content.get("card") or read_card(self.directory))

    def engine(self, name: str) -> Engine:
        """Return the engine of a format, after checking the SHA-256 of its files.

        Raises:
            ArtefactError: a file is missing, is damaged, or contains a different model.
        """
        path = self.directory / PLACES[name]
        try:
            engine = self._open(name, path)
        except Exception as error:  # each package raises its own type
            if isinstance(error, ZooError):
                raise
            raise ArtefactError(f"The file cannot be read: {one_line(error)}. Received: {path}. Export again.") from error
        shape: tuple[int | None, ...] = () if engine.takes_strings else self.info.input_shape
        if (engine.input_shape, engine.num_outputs) != (shape, self.info.num_outputs):
            raise ArtefactError(
                f"The file contains a different model than {DATA_FILE} describes. Received: input {engine.input_shape}, "
                f"{engine.num_outputs} outputs in {path}; expected: {shape}, {self.info.num_outputs}. Export again."
            )
        return engine

    def _open(self, name: str, path: Path) -> Engine:
        tables = self.content.get("tables") if name == "litert" else None
        for place in (CUT_FILE, PLACES["keras"]) if tables else (PLACES[name],):
            check_files(self.directory, self.content["files"], place)
        if tables:
            cut = (self.directory / CUT_FILE).read_bytes()
            return LiteRTEngine(join_tables(cut, tables, self.directory / PLACES["keras"]))
        if name == "litert":
            return LiteRTEngine(path.read_bytes())
        if name == "onnx":
            return OnnxEngine(path)
        if name == "saved_model":
            return SavedModelEngine(path, self.info.preprocessor.signature)
        from zoo.artefacts.keras_files import load_keras
        from zoo.artefacts.outputs import Outputs

        model = load_keras(path)
        shape = getattr(model, "input_shape", None)  # a subclassed model has none
        if shape is not None and tuple(shape[1:]) != tuple(self.info.input_shape):
            raise ArtefactError(
                f"The file contains a different model than {DATA_FILE} describes. Received: input {shape} in {path}; expected: "
                f"{self.info.input_shape}. Export again."
            )
        return Outputs(model, self.info)


def is_export(directory: Path) -> bool:
    """Return whether a directory is a zoo export."""
    return (directory / EXPORT_FILE).is_file()


def files_of(directory: Path, place: str) -> list[str]:
    """Return the relative paths of a file, or of all files in a folder; a link counts as a file."""
    found = [path for path in (directory / place).rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(path.relative_to(directory).as_posix() for path in found) or [place]


def check_files(directory: Path, listed: Mapping[str, str], place: str) -> None:
    """Compare a file, or all files in a folder, with the SHA-256 that an export lists; links are never followed.

    Raises:
        ArtefactError: a file is missing, is a link, has other content, or is not listed.
    """
    expected = [name for name in listed if name == place or name.startswith(f"{place}/")]
    for name in sorted({*files_of(directory, place), *expected}):
        path = directory / name
        if path.resolve() != directory.resolve() / name:
            raise ArtefactError(
                f"An export must contain plain files. Received: {path}, which is a link or behind one. Replace the link by the "
                "file."
            )
        files.check_sha256(path, listed.get(name), "this export", "Copy it again, or export again.")
