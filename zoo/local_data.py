"""Data sets that the user keeps as files, one folder each, under the folder ZOO_DATA."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import DataError

VARIABLE = "ZOO_DATA"
DEFAULT = "zoo_data"  # in the home directory


def local_files(name: str, files: dict[str, str], source: str) -> dict[str, Path]:
    """Return the path of each part of a data set.

    Args:
        name: str, the data set and its folder.
        files: dict, the file name of each part.
        source: str, where to get the files; for the error.

    Raises:
        DataError: a file is missing.
    """
    folder = Path(os.environ.get(VARIABLE) or Path.home() / DEFAULT) / name
    paths = {part: folder / file for part, file in files.items()}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        raise DataError(
            f"This data set is read from your own files. Received: {name!r}, without {', '.join(missing)} in {folder}. "
            f"Get them from {source}, and set {VARIABLE} to the folder that contains {name}/. 'reviews_sample' needs no files."
        )
    return paths
