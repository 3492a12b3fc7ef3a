"""A folder of class folders of images, or of text files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.inputs.image.pixels import GREY_MODES, SUFFIXES, open_image, read_image
from zoo.progress import track
from zoo.readers.examples import ALL, Examples, Part
from zoo.readers.text_files import open_text
from zoo.readers.texts import are_meant, as_part
from zoo.settings import DataArguments

PART_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
DEFAULT_SIZE = (96, 96)


def image_files(folder: Path) -> list[Path]:
    """Return the image files below a folder, sorted, without hidden ones."""
    files = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def text_files(folder: Path) -> list[Path]:
    """Return the `.txt` files below a folder, sorted, without hidden ones."""
    files = (path for path in folder.rglob("*.txt") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read_folder(folder: Path, arguments: DataArguments, task: str | None = None) -> Examples:
    """Return the examples in `folder/CLASS/...`, or in `folder/train/CLASS/...`, `validation` (or `val`, `dev`) and `test`.

    Images of equal size keep it; images of several sizes are resized to `image_size`, by default 96 x 96. A folder without
    images, or any folder for a task for texts, is read as `.txt` files with one text each.

    Raises:
        DataError: there are no class folders, or they contain neither images nor texts.
    """
    files, notes = _listed(folder, image_files, "images") if not are_meant(task) else ({}, [])
    is_text = not any(files.values())
    if is_text:
        files, notes = _listed(folder, text_files, ".txt files")
    labels = sorted({label for listed in files.values() for _, label in listed})
    if not labels:
        raise DataError(
            "A data folder must contain one folder per class. "
            f"Received: {folder}, with no images and no .txt files in folders below it. "
            "Sort the images or texts into folders named by class, or name files by split: train.csv, test.csv."
        )
    if is_text:
        parts = {part: _read_texts(folder, listed, labels, arguments.encoding) for part, listed in files.items() if listed}
        return Examples(str(folder), parts, "text", labels=tuple(labels), notes=notes)
    input_shape = _common_shape([path for listed in files.values() for path, _ in listed], arguments)
    total = sum(len(listed) for listed in files.values())
    in_memory = total * int(np.prod(input_shape)) <= arguments.memory_budget_mb * 2**20
    parts = {part: _read_part(listed, labels, input_shape, in_memory) for part, listed in files.items() if listed}
    return Examples(str(folder), parts, "image", input_shape, labels=tuple(labels), notes=notes)


def _listed(
    folder: Path, files_below: Callable[[Path], list[Path]], what: str
) -> tuple[dict[str, list[tuple[Path, str]]], list[str]]:
    """Return the files of each split with their class, and notes on folders without files."""
    files: dict[str, list[tuple[Path, str]]] = {}
    notes = []
    for part, root in _part_roots(folder).items():
        files[part] = []
        for class_folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
            found = files_below(class_folder)
            files[part] += [(path, class_folder.name) for path in found]
            if not found:
                notes.append(f"{class_folder} has no {what} and is not a class")
    return files, notes


def _read_texts(folder: Path, listed: list[tuple[Path, str]], labels: list[str], encoding: str) -> Part:
    number_of = {label: number for number, label in enumerate(labels)}

    def records() -> Iterator[tuple[str, Any, int]]:
        for path, label in listed:
            text: str | Exception
            try:
                with open_text(path, encoding) as file:
                    text = file.read()
            except OSError as error:
                text = ValueError(f"cannot be read: {error.strerror or error}")
            except UnicodeError as error:
                text = ValueError(f"is not encoded in {encoding} (data.encoding): {error}")
            yield str(path.relative_to(folder)), text, number_of[label]

    return as_part(records, str(folder), has_numbers=True)


def _part_roots(folder: Path) -> Mapping[str, Path]:
    below = {path.name.lower(): path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    parts = [name for name in below if name in PART_FOLDERS]
    if "train" in parts and (len(parts) > 1 or len(below) == 1):
        if len({PART_FOLDERS[name] for name in parts}) < len(parts):
            raise DataError(f"Each split must have one folder. Received: {', '.join(parts)} in {folder}. Merge or rename them.")
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


def _read_part(listed: list[tuple[Path, str]], labels: list[str], input_shape: tuple[int, int, int], in_memory: bool) -> Part:
    """Decode every file once to find broken and equal ones; keep the pixels if they fit in memory."""
    from zoo.inputs.image.files import ImageFiles
    from zoo.sources.source import Arrays

    images, paths, targets, digests, broken = [], [], [], [], []
    number_of = {label: number for number, label in enumerate(labels)}
    for path, label in track(listed, "Reading images"):
        try:
            content = path.read_bytes()
            image = read_image(content, input_shape, name=str(path))
        except (DataError, OSError) as error:
            broken.append(str(error))
            continue
        if in_memory:
            images.append(image)
        paths.append(path)
        targets.append(number_of[label])
        digests.append(hashlib.blake2b(content, digest_size=8).digest())
    hashes = np.frombuffer(b"".join(digests), np.uint64)
    features = Arrays(np.stack(images), hashes) if images else ImageFiles(paths, input_shape, hashes)
    return Part(features, np.array(targets, np.int64), broken)
