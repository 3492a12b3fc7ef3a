"""An exported model: a directory of files that run without zoo, and what zoo needs to run them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from zoo.artefacts import files
from zoo.artefacts.engines import Engine, LiteRTEngine, OnnxEngine, SavedModelEngine, check_installed, is_installed
from zoo.artefacts.predictor import Predictor
from zoo.artefacts.released import read_card
from zoo.artefacts.shared_tables import join_tables
from zoo.errors import ArtefactError, UnknownNameError, ZooError, one_line
from zoo.pipeline.info import DataInfo

FORMAT = 1
EXPORT_FILE = "export.json"
DATA_FILE = Path("assets") / "data.json"
PLACES = {"saved_model": "1", "litert": "model.tflite", "onnx": "model.onnx", "keras": "model.keras"}
CUT_FILE = "model.tflite.cut"  # of a released model: LiteRT without the tables that `model.keras` holds


class _Proof(BaseModel):
    """Measurements of a format; empty during verification."""

    model_config = ConfigDict(strict=True)

    seconds_for_one: FiniteFloat = 0.0
    seconds_for_all: FiniteFloat = 0.0


class _Saved(BaseModel):
    """Schema of `export.json`."""

    formats: dict[Literal["saved_model", "litert", "onnx", "keras"], _Proof] = Field(min_length=1)
    files: dict[str, str]
    card: dict[str, Any] = {}
    tables: list[tuple[int, int, int]] = []


@dataclass(frozen=True)
class Export:
    """An export directory, opened.

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
        files.check_format(content, FORMAT, "export", path)
        try:
            _Saved(**content)
        except ValidationError as error:
            raise ArtefactError(
                f"{EXPORT_FILE} is damaged: {files.first_problem(error)}. Received: {path}. Export again."
            ) from error
        check_files(path, content["files"], str(DATA_FILE))
        try:
            info = DataInfo.from_dict(files.read_json(path / DATA_FILE))
            _ = info.task
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{DATA_FILE} is damaged: {one_line(error)}. Received: {path}. Export again.") from error
        return cls(path, content, info)

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
            ArtefactError: a file is missing, is damaged, or belongs to something else.
            UsageError: the export lacks this format, or its package is not installed.
        """
        name = self._fastest(for_many=for_many) if engine is None else self._check(engine)
        return Predictor(self.engine(name), self.info, self.content.get("card") or read_card(self.directory))

    def _check(self, engine: str) -> str:
        if engine not in self.formats:
            raise UnknownNameError("format of this export", engine, self.formats)
        check_installed(engine)
        return engine

    def _fastest(self, *, for_many: bool) -> str:
        usable = [name for name in self.formats if is_installed(name)]
        if not usable:
            check_installed(self.formats[0])
        measure = "seconds_for_all" if for_many else "seconds_for_one"
        return min(usable, key=lambda name: self.content["formats"][name].get(measure, 0.0))

    def engine(self, name: str) -> Engine:
        """Return the engine of a format, after checking the SHA-256 of its files.

        Raises:
            ArtefactError: a file is missing, is damaged, or belongs to something else.
        """
        path = self.directory / PLACES[name]
        try:
            engine = self._open(name, path)
        except ZooError:
            raise
        except Exception as error:  # each package raises its own type
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
        shape = getattr(model, "input_shape", None)  # a subclass has none
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
    """Return the paths of a file, or of all files in a folder, within a directory; links are never followed.

    Raises:
        ArtefactError: there is a link, or something that is neither file nor folder.
    """
    found = []
    for folder, folders, names in os.walk(directory / place):
        for path in [Path(folder) / name for name in (*folders, *names)]:
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ArtefactError(
                    f"An export must hold plain files. Received: {path}, a link. Replace it by the file itself."
                )
        found += [Path(folder, name).relative_to(directory).as_posix() for name in names]
    return sorted(found) if (directory / place).is_dir() else [place]


def check_files(directory: Path, listed: Mapping[str, str], place: str) -> None:
    """Compare a file, or all files in a folder, with the SHA-256 that an export lists.

    Raises:
        ArtefactError: a file is missing, has other content, or is not listed.
    """
    present = files_of(directory, place)
    expected = [name for name in listed if name == place or name.startswith(f"{place}/")]
    for name in sorted({*present, *expected}):
        path = directory / name
        if any((directory / each).is_symlink() for each in (name, *map(str, PurePosixPath(name).parents))[:-1]):
            raise ArtefactError(
                f"An export must hold plain files. Received: {path}, through a link. Replace the link by the file itself."
            )
        if not path.is_file():
            raise ArtefactError(f"A file of this export is missing. Received: no {path}. Copy it again, or export again.")
        if listed.get(name) != files.sha256(path):
            said = "is not in its list" if name not in listed else "has a different SHA-256 than listed"
            raise ArtefactError(f"A file of this export {said}. Received: {path}. Copy it again, or export again.")
