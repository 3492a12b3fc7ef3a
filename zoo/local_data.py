"""Finds data sets in the user's own files, in subfolders of ZOO_DATA."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import DataError

VARIABLE = "ZOO_DATA"
DEFAULT = "zoo_data"  # in the home directory


def local_files(name: str, files: dict[str, str], source: str) -> dict[str, Path]:
    """Return the path of the file for each part of a data set.

    Args:
        name: str, name of the data set and of its folder.
        files: dict from parts to file names.
        source: str, source of the files, for the error message.

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
