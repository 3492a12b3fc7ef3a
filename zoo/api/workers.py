"""One run of several workers: the first keeps it, and the others have a copy that vanishes."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

LEFT_OUT = ("logs", "report.html")  # of a copied run


def described(strategy: tf.distribute.Strategy | None) -> dict[str, Any]:
    """Return what `run.json` says of a strategy; nothing of one device."""
    import tensorflow as tf

    from zoo.distribution.workers import Worker

    if strategy is None:
        return {}
    is_multi = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)  # whose class has another name
    name = "MultiWorkerMirroredStrategy" if is_multi else type(strategy).__name__
    return {"name": name, "devices": strategy.num_replicas_in_sync, "workers": Worker.of(strategy).count}


def from_chief(strategy: tf.distribute.Strategy | None, make: Callable[[], Any]) -> Any:
    """Return what the first worker makes, ready for JSON; the others wait for it."""
    from zoo.distribution.workers import Worker, broadcast

    worker = Worker.of(strategy)
    if strategy is None or worker.count == 1:
        return make()
    made = make() if worker.is_chief else None
    return json.loads(broadcast(strategy, json.dumps(made).encode() if worker.is_chief else b""))


@contextmanager
def own_directory(strategy: tf.distribute.Strategy | None, directory: Path) -> Iterator[Path]:
    """Give the first worker the run directory, and each other one a directory of its own that is removed in the end."""
    from zoo.distribution.workers import Worker

    if Worker.of(strategy).is_chief:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="zoo-worker-", ignore_cleanup_errors=True) as private:
        yield Path(private) / directory.name


@contextmanager
def copied_run(strategy: tf.distribute.Strategy | None, directory: str | os.PathLike[str]) -> Iterator[str | os.PathLike[str]]:
    """Give the first worker the directory of a run, and each other one a copy of it; they need no common file system."""
    from zoo.distribution.workers import Worker, broadcast

    worker = Worker.of(strategy)
    if strategy is None or worker.count == 1:
        yield directory
    elif worker.is_chief:
        broadcast(strategy, _packed(Path(directory)))
        yield directory
    else:
        with own_directory(strategy, Path("run")) as private:
            zipfile.ZipFile(io.BytesIO(broadcast(strategy))).extractall(private)
            yield private


def _packed(directory: Path) -> bytes:
    """Return the files of a run as a ZIP file."""
    from zoo.artefacts.run import Run

    Run.open_unfinished(directory)  # or says what is wrong with it
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path in sorted(each for each in directory.rglob("*") if each.is_file()):
            inside = path.relative_to(directory)
            if inside.parts[0] not in LEFT_OUT:
                file.write(path, inside)
    return packed.getvalue()
