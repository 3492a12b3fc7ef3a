"""Reads folders with one folder of images or text files per class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.inputs.image.pixels import GREY_MODES, SUFFIXES, open_image, read_image
from zoo.progress import track
from zoo.readers.examples import ALL, PARTS, Examples, Part
from zoo.readers.opening import open_text
from zoo.readers.texts import are_meant, as_part
from zoo.settings import DataArguments
from zoo.sources.hashing import hash_all

PART_FOLDERS = {part: part for part in PARTS} | dict.fromkeys(("val", "valid", "dev"), "validation")
DEFAULT_SIZE = (96, 96)


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files with these suffixes in a folder and its subfolders, sorted, without hidden ones."""
    files = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read_folder(folder: Path, arguments: DataArguments, task: str | None = None) -> Examples:
    """Return the examples in `folder/CLASS/...`, or in `folder/train/CLASS/...`, `validation` (or `val`, `dev`) and `test`.

    If images differ in size, they are resized to `image_size`, by default 96 x 96. If a folder has no images, or if the task is
    for texts, it is read as `.txt` files, each with one text.

    Raises:
        DataError: there are no class folders, or they contain neither images nor texts.
    """
    files, notes = _listed(folder, SUFFIXES, "images") if not are_meant(task) else ({}, [])
    is_text = not any(files.values())
    if is_text:
        files, notes = _listed(folder, (".txt",), ".txt files")
    labels = sorted({label for listed in files.values() for _, label in listed})
    if not labels:
        raise DataError(
            f"A data folder needs one folder per class. Received: no images and no .txt files in the folders of {folder}. "
            "Sort the images or texts into folders named by class, or name files by part: train.csv, test.csv."
        )
    number_of = {label: number for number, label in enumerate(labels)}
    listed = {part: [(path, number_of[label]) for path, label in found] for part, found in files.items() if found}
    if is_text:
        parts = {part: _read_texts(folder, found, arguments.encoding) for part, found in listed.items()}
        return Examples(str(folder), parts, "text", labels=tuple(labels), notes=notes)
    paths = [path for found in listed.values() for path, _ in found]
    input_shape = _common_shape(paths, arguments)
    in_memory = len(paths) * int(np.prod(input_shape)) <= arguments.memory_budget_mb * 2**20
    parts = {part: _read_part(found, input_shape, in_memory) for part, found in listed.items()}
    return Examples(str(folder), parts, "image", input_shape, labels=tuple(labels), notes=notes)


def _listed(folder: Path, suffixes: Collection[str], what: str) -> tuple[dict[str, list[tuple[Path, str]]], list[str]]:
    """Return the files of each part with their class, and notes on folders without files."""
    files: dict[str, list[tuple[Path, str]]] = {}
    notes = []
    for part, root in _part_roots(folder).items():
        files[part] = []
        for class_folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
            found = files_below(class_folder, suffixes)
            files[part] += [(path, class_folder.name) for path in found]
            if not found:
                notes.append(f"{class_folder} has no {what}, so it is not a class")
    return files, notes


def _read_texts(folder: Path, listed: list[tuple[Path, int]], encoding: str) -> Part:
    def records() -> Iterator[tuple[str, Any, int]]:
        for path, number in listed:
            text: str | Exception
            try:
                with open_text(path, encoding) as file:
                    text = file.read()
            except (OSError, UnicodeError) as error:
                text = ValueError(f"cannot be read as {encoding} (data.encoding): {error}")
            yield str(path.relative_to(folder)), text, number

    return as_part(records, str(folder), has_numbers=True)


def _part_roots(folder: Path) -> Mapping[str, Path]:
    below = {path.name.lower(): path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    parts = [name for name in below if name in PART_FOLDERS]
    if "train" in parts and (len(parts) > 1 or len(below) == 1):
        if len({PART_FOLDERS[name] for name in parts}) < len(parts):
            raise DataError(f"Each part must have one folder. Received: {', '.join(parts)} in {folder}. Merge or rename them.")
        return {PART_FOLDERS[name]: below[name] for name in parts}
    return {ALL: folder}


def _common_shape(paths: list[Path], arguments: DataArguments) -> tuple[int, int, int]:
    sizes, grey = set(), True
    for path in paths:
        try:
            image = open_image(path)
        except DataError:
            continue  # the reader reports it with the reason
        sizes.add((image.height, image.width))
        grey = grey and image.mode in GREY_MODES
    size = arguments.image_size or (sizes.pop() if len(sizes) == 1 else DEFAULT_SIZE)
    return (*size, arguments.channels or (1 if grey else 3))


def _read_part(listed: list[tuple[Path, int]], input_shape: tuple[int, int, int], in_memory: bool) -> Part:
    """Decode every file once to find broken and duplicate ones; keep the pixels if they fit in memory."""
    from zoo.inputs.image.files import ImageFiles
    from zoo.sources.source import Arrays

    images, paths, targets, broken = [], [], [], []

    def contents() -> Iterator[bytes]:
        for path, number in track(listed, "Reading images"):
            try:
                content = path.read_bytes()
                image = read_image(content, input_shape, name=str(path))
            except (DataError, OSError) as error:
                broken.append(str(error))
                continue
            if in_memory:
                images.append(image)
            paths.append(path)
            targets.append(number)
            yield content

    hashes = hash_all(contents())
    features = Arrays(np.stack(images), hashes) if images else ImageFiles(paths, input_shape, hashes)
    return Part(features, np.array(targets, np.int64), broken)
