"""Coordinates a run on several workers: the first one writes it, and the others use temporary copies."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError, ZooError
from zoo.version import __version__

if TYPE_CHECKING:
    import tensorflow as tf

    from zoo.pipeline.info import DataInfo
    from zoo.settings import Settings


def described(strategy: tf.distribute.Strategy | None) -> dict[str, Any]:
    """Return the entry of `run.json` for a strategy; empty for one device."""
    import tensorflow as tf

    from zoo.distribution.workers import Worker

    if strategy is None:
        return {}
    is_multi = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)  # its class has another name
    name = "MultiWorkerMirroredStrategy" if is_multi else type(strategy).__name__
    return {"name": name, "devices": strategy.num_replicas_in_sync, "workers": Worker.of(strategy).count}


def from_chief(strategy: tf.distribute.Strategy | None, make: Callable[[], Any]) -> Any:
    """Return the first worker's result, as plain data for JSON; the others wait for it."""
    from zoo.distribution.workers import Worker, broadcast

    worker = Worker.of(strategy)
    if strategy is None or worker.count == 1:
        return make()
    if not worker.is_chief:
        received = json.loads(broadcast(strategy))
        if "error" in received:
            raise ZooError(f"The first worker failed: {received['error']}")
        return received["made"]
    try:
        made = make()
    except ZooError as error:
        broadcast(strategy, json.dumps({"error": str(error)}).encode())
        raise
    broadcast(strategy, json.dumps({"made": made}).encode())
    return made


def check_alike(strategy: tf.distribute.Strategy | None, settings: Settings, info: DataInfo) -> None:
    """Reject workers with different settings or data: they would wait for each other forever, or learn from mixed data.

    Raises:
        UsageError: workers differ; it is raised on all of them, with the differences.
    """
    from importlib.metadata import version

    from zoo.distribution.workers import Worker, total, wait_for_all

    if strategy is None or Worker.of(strategy).count == 1:
        return
    own = {**settings.to_flat(), "content of the data": info.fingerprint}
    own |= {"zoo": __version__, **{package: version(package) for package in ("keras", "tensorflow")}}
    del own["data"]  # its path may differ between machines
    own = json.loads(json.dumps(own))
    chiefs = from_chief(strategy, lambda: own)
    differing = sorted(name for name in {*own, *chiefs} if own.get(name) != chiefs.get(name))
    if total(strategy, [bool(differing)])[0]:
        wait_for_all(strategy)
        here = ", ".join(f"{name}={own.get(name)} ({chiefs.get(name)} on the first worker)" for name in differing)
        raise UsageError(
            f"All workers need the same data and settings. Received: {here or 'other ones on another worker'}. Start all "
            "workers with the same call."
        )


@contextmanager
def own_directory(strategy: tf.distribute.Strategy | None, directory: Path) -> Iterator[Path]:
    """Yield the run directory on the first worker, and a temporary directory on each other worker."""
    from zoo.distribution.workers import Worker

    if Worker.of(strategy).is_chief:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="zoo-worker-", ignore_cleanup_errors=True) as private:
        try:
            yield Path(private) / directory.name
        except BaseException as error:
            vars(error).pop("__notes__", None)  # they mention a run that this worker does not write
            raise


@contextmanager
def copied_run(strategy: tf.distribute.Strategy | None, directory: str | os.PathLike[str]) -> Iterator[str | os.PathLike[str]]:
    """Yield the directory of a run on the first worker, and a copy on each other worker; needs no shared file system."""
    from zoo.artefacts.run import Run
    from zoo.distribution.workers import Worker, broadcast

    worker = Worker.of(strategy)
    if strategy is None or worker.count == 1:
        yield directory
    elif worker.is_chief:
        from_chief(strategy, lambda: str(Run.open_unfinished(directory).directory))  # or raises its error on all workers
        with tempfile.TemporaryDirectory() as folder:
            broadcast(strategy, Path(shutil.make_archive(f"{folder}/run", "zip", directory)).read_bytes())
        yield directory
    else:
        from_chief(strategy, lambda: None)
        with own_directory(strategy, Path("run")) as private:
            zipfile.ZipFile(io.BytesIO(broadcast(strategy))).extractall(private)
            yield private
