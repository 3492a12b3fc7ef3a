"""The file of a run or an export that describes its training data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoo.artefacts.files import read_json
from zoo.errors import ArtefactError, one_line
from zoo.pipeline.info import DataInfo

DATA_FILE = Path("assets") / "data.json"


def read_info(directory: Path, arguments: Mapping[str, Any] | None = None) -> DataInfo:
    """Return the facts about training data that a directory contains.

    Args:
        directory: Path, directory of a run or an export.
        arguments: mapping of data arguments, for a file that does not list any; default None.

    Raises:
        ArtefactError: the file is missing or damaged.
    """
    content = read_json(directory / DATA_FILE)
    try:
        return DataInfo.from_dict({"arguments": arguments or {}, **content})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = one_line(error)
        if isinstance(error, ValidationError):
            reason = ".".join(map(str, error.errors()[0]["loc"])) + f": {error.errors()[0]['msg']}"
        raise ArtefactError(
            f"{DATA_FILE} is damaged: {reason}. Received: {directory}. Restore it, or train or export again."
        ) from error
