"""Data sets that the user keeps as files, in a folder of folders that ZOO_DATA names."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import DataError

VARIABLE = "ZOO_DATA"
DEFAULT = "zoo_data"  # in the home directory


def local_files(name: str, files: dict[str, str], source: str) -> dict[str, Path]:
    """Return the path of each part of a data set.

    Args:
        name: of the data set, and of its folder.
        files: the file of each part.
        source: where the files come from, for the error.

    Raises:
        DataError: a file is not there.
    """
    folder = Path(os.environ.get(VARIABLE) or Path.home() / DEFAULT) / name
    paths = {part: folder / file for part, file in files.items()}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        raise DataError(
            f"The data set is read from your own files. Received: {name!r}, and no {', '.join(missing)} in {folder}. "
            f"Get them from {source}, and name the folder above {name}/ in {VARIABLE}. 'reviews_sample' needs no files."
        )
    return paths
