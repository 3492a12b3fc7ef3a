"""Run the notebooks again, in place: `python scripts/run_notebooks.py [NOTEBOOK ...]`. Without names, all of them run.

Each runs in its own folder. Outputs that differ from run to run are removed: cell times and standard error.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
PATIENCE = 600  # seconds for one cell


def execute(path: Path) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of a new run.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=PATIENCE,
            record_timing=False,
            coalesce_streams=True,  # otherwise standard error splits standard output into pieces
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main(names: list[str]) -> int:
    """Run the notebooks and save their outputs."""
    for path in [Path(name) for name in names] or sorted(FOLDER.glob("*.ipynb")):
        begun = time.monotonic()
        notebook = execute(path)
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.monotonic() - begun:.0f} s, {path.stat().st_size / 1000:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
