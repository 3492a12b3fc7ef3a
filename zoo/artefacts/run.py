"""A run directory: the model, its data, its settings and its results."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from zoo import registry
from zoo.artefacts import files
from zoo.artefacts.data_facts import DATA_FILE, read_info
from zoo.artefacts.keras_files import load_keras
from zoo.artefacts.predictor import Predictor
from zoo.artefacts.released import directory_of, read_card
from zoo.distribution.cluster import STARTED_BY
from zoo.errors import ArtefactError, WorkerLostError, ZooError, one_line
from zoo.pipeline.info import DataInfo
from zoo.settings import UNNAMED, DataArguments, Settings, arguments_under
from zoo.tasks.answers import Predictions
from zoo.version import __version__
from zoo.yaml_settings import write_yaml

if TYPE_CHECKING:
    import keras

FORMAT = 1
MODEL_FILE = "model.keras"
RUN_FILE = "run.json"
UNTRAINED_FILE = Path("checkpoints") / "untrained.keras"
PACKAGES = ("tensorflow", "keras", "tensorflow-datasets", "numpy", "scikit-learn")


class _Content(BaseModel):
    """The part of `run.json` that is checked."""

    model_config = ConfigDict(strict=True)

    format: Literal[1]
    status: str
    settings: dict[str, Any]
    metrics: dict[str, float] = {}


@dataclass(frozen=True)
class Run:
    """An opened run directory. Its `model` is loaded on first access.

    Example:
        >>> import zoo
        >>> run = zoo.train("linear", data="iris", epochs=2, out=directory, verbose=0)
        >>> zoo.Run.open(directory).history["loss"] == run.history["loss"]
        True
    """

    directory: Path
    content: Mapping[str, Any]
    info: DataInfo

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Run:
        """Open a run directory, or a released model by its name ("cnn@mnist").

        Raises:
            ArtefactError: the run is missing, is damaged, has a newer format, or has no finished epoch.
        """
        run = cls.open_unfinished(directory)
        if not (run.directory / MODEL_FILE).is_file():
            if run.status == "finished":
                raise files.incomplete(run.directory / MODEL_FILE)
            raise ArtefactError(
                f"This run has no model: it was {run.status} before the first model was saved. "
                f"Received: {run.directory}. Resume it with: zoo train --resume {run.directory}"
            )
        return run

    @classmethod
    def open_unfinished(cls, directory: str | os.PathLike[str]) -> Run:
        """Open a run directory that may not have a model yet.

        Raises:
            ArtefactError: the run is missing, is damaged or has a newer format.
        """
        path = directory_of(directory)
        if not path.is_dir():
            raise ArtefactError(
                f"The run directory does not exist. Received: {path}. Create one with `zoo.train`, or see `zoo list "
                "--pretrained`."
            )
        content = files.read_json(path / RUN_FILE)
        files.validated(_Content, content, RUN_FILE, path, "Restore or train again.")
        defaults = DataArguments().model_dump(mode="json")
        reading = {name: content["settings"].get(f"data.{name}", default) for name, default in defaults.items()}
        own = {name: value for name, value in reading.items() if value != defaults[name]}
        return cls(path, content, read_info(path, own))  # version 0.1 wrote the data arguments to both files

    @cached_property
    def model(self) -> keras.Model:
        """The trained, compiled model.

        Raises:
            ArtefactError: the file is damaged, or contains layers that are not registered.
        """
        return load_keras(self.directory / MODEL_FILE)

    def untrained_model(self) -> keras.Model:
        """Return the compiled, untrained model, to restore a checkpoint into.

        Raises:
            ArtefactError: the file is missing or damaged, or contains layers that are not registered.
        """
        if not (self.directory / UNTRAINED_FILE).is_file():
            raise files.incomplete(self.directory / UNTRAINED_FILE)
        return load_keras(self.directory / UNTRAINED_FILE)

    @property
    def settings(self) -> dict[str, Any]:
        """The resolved settings, as flat keys."""
        return dict(self.content["settings"])

    @property
    def status(self) -> str:
        """One of "running", "finished", "interrupted", "failed"."""
        return str(self.content["status"])

    @property
    def metrics(self) -> dict[str, float]:
        """The test scores; empty unless the run finished."""
        return dict(self.content.get("metrics", {}))

    @property
    def card(self) -> dict[str, Any]:
        """Facts about the model as plain data: its name, settings, test scores, versions and times.

        For a released model, this is `card.json`, with its intended use, its limits and the licence of its data.
        """
        released = read_card(self.directory)
        if released is not None:
            return released
        names = ("settings", "metrics", "versions", "device", "commit", "started", "timings")
        return {"model": self.settings.get("model"), **{name: self.content[name] for name in names if name in self.content}}

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """Losses and metrics: a list of one number per epoch for each.

        Raises:
            ArtefactError: the file is missing or damaged.
        """
        path = self.directory / "history.csv"
        try:
            rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
            return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {}) if name != "epoch"}
        except (OSError, TypeError, ValueError) as error:
            raise ArtefactError(f"The history cannot be read: {error}. Received: {path}. Restore it.") from error

    @cached_property
    def predictor(self) -> Predictor:
        """A Predictor for raw input."""
        return Predictor(self.model, self.info, self.card)

    def predict(self, raw: Any) -> Predictions:
        """Return predictions for raw input, as `Predictor.predict` does."""
        return self.predictor.predict(raw)

    def __repr__(self) -> str:
        scores = ", ".join(f"{name}={value:.4f}" for name, value in self.metrics.items())
        return f"Run({str(self.directory)!r}, {self.status}{', ' + scores if scores else ''})"


def open_run(run: Run | str | os.PathLike[str]) -> Run:
    """Return a Run for a Run, the path of a run directory, or a released model's name ("cnn@mnist").

    Raises:
        ArtefactError: the run is missing, damaged, of a newer format, or has no finished epoch.
        UsageError: the value is none of these.
    """
    return run if isinstance(run, Run) else Run.open(run)


def model_arguments(run: Run) -> dict[str, Any]:
    """Return all arguments of the factory that built a run's model; empty for a model that zoo does not know."""
    recorded = run.content.get("model_arguments")
    if recorded is None:  # a run of zoo 0.1
        given = arguments_under("model", run.settings)
        built = _model_arguments(run.settings["model"], given, run.info, has_former_defaults=True)
        recorded = json.loads(json.dumps(built))  # tuples become lists, as in run.json
    return dict(recorded)


def cache_in_memory(run: Run, model: keras.Model, history: Mapping[str, list[float]]) -> Run:
    """Return the run with its model and history from memory, so that it does not read their files."""
    vars(run).update(model=model, history=dict(history))  # where `cached_property` looks first
    return run


def find_run(model: object) -> Run | None:
    """Return the run that `open_run` opens; None for a `keras.Model` or anything else that does not name a run."""
    return open_run(model) if isinstance(model, Run | str | os.PathLike) else None


class RunWriter:
    """Writes a run directory during training; no file is ever incomplete.

    As a context manager, it records an error in `run.json`, and adds a note about the saved model to the error.

    Args:
        directory: directory of the run.
        content: known content of `run.json`; see `begin` and `resume`.

    Raises:
        ArtefactError: the directory cannot be written.
    """

    def __init__(self, directory: Path, content: Mapping[str, Any]) -> None:
        self.directory = directory
        self._content = dict(content)
        self.update(status="running")

    @classmethod
    def begin(cls, directory: Path, settings: Settings, info: DataInfo, **content: Any) -> RunWriter:
        """Start a run in a directory, and write the non-empty facts in `content` to `run.json`."""
        (directory / "assets").mkdir(exist_ok=True)
        facts = info.to_dict()
        del facts["arguments"]  # they are among the settings
        files.write_json(directory / DATA_FILE, facts)
        files.write_text(directory / "config.yaml", write_yaml(settings))
        known = {
            "format": FORMAT,
            "settings": settings.to_flat(),
            "model_arguments": _model_arguments(settings.model, settings.model_arguments, info),
            "data": {"name": info.name, "fingerprint": info.fingerprint, "num_examples": dict(info.num_examples)},
            "versions": _versions(),
            "device": _device(),
            "commit": _commit(),
            "started": files.now(),
        }
        return cls(directory, {**known, **{name: value for name, value in content.items() if value}})

    @classmethod
    def resume(cls, directory: Path, content: Mapping[str, Any]) -> RunWriter:
        """Resume an unfinished run, and record the time in `run.json`."""
        known = {name: value for name, value in content.items() if name != "error"}
        return cls(directory, {**known, "resumed": [*content.get("resumed", ()), files.now()]})

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        """Record how the run ended; an error gets a note about the saved model."""
        if error is None:
            return
        comes_from_outside = type(error) in (ArtefactError, WorkerLostError)  # such as a full disk or a lost machine
        error.add_note(self._saved_note(can_resume=comes_from_outside or not isinstance(error, ZooError)))
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        with contextlib.suppress(ArtefactError):  # may also fail on a full disk; earlier files stay intact
            self.update(status=status, error=str(error))

    def _saved_note(self, *, can_resume: bool) -> str:
        """Return a note on which model is saved, and how to resume if resuming can succeed."""
        workers = self._content.get("strategy", {}).get("workers", 1)
        command = f"zoo train --resume {shlex.quote(str(self.directory))}"
        if workers > 1:
            command += f" {os.environ.get(STARTED_BY, '(in each of the workers)')}"
        if self._content["data"]["name"] in UNNAMED:
            command = f"zoo.train(resume={str(self.directory)!r}, data=...)"
        hint = f" To resume: {command}" if can_resume else ""
        if "kept" not in self._content:
            return f"No model has been saved yet.{hint}"
        place = place_of(**self._content["kept"])
        return f"The model's state {place} is saved in {self.directory / MODEL_FILE}.{hint}"

    @property
    def settings(self) -> dict[str, Any]:
        """The resolved settings, as flat keys."""
        return dict(self._content["settings"])

    def update(self, **content: Any) -> None:
        """Update `run.json`."""
        self._content.update(content)
        files.write_json(self.directory / RUN_FILE, self._content)

    def save_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write the scores of all finished epochs to `history.csv`."""
        files.write_text(self.directory / "history.csv", _as_csv(rows))
        self.update(epochs_finished=len(rows))

    def save_model(self, model: keras.Model, *, epoch: int, batch: int) -> None:
        """Write the model, with its position in training.

        Raises:
            ArtefactError: the disk is full; the earlier model is unchanged.
        """
        files.write_atomically(self.directory / MODEL_FILE, model.save)
        self.update(kept={"epoch": epoch, "batch": batch})


def place_of(epoch: int, batch: int) -> str:
    """Return the position in training as text."""
    if batch:
        return f"in epoch {epoch + 1}, after {batch} batches"
    return f"after epoch {epoch}" if epoch else "before training"


def save_untrained(model: keras.Model, directory: Path, *, loads: bool = False) -> None:
    """Save the untrained model and load it again, so that a model that cannot be saved fails early.

    This creates the optimizer's variables, which Keras would create in the first step.

    Args:
        model: compiled model.
        directory: directory of the run.
        loads: whether models of this kind are known to load; True skips the check; default False.

    Raises:
        ArtefactError: the model cannot be written, or cannot be read again.
    """
    import keras

    from zoo.distribution.strategies import build_optimizer

    def write(partial: Path) -> None:
        build_optimizer(model)
        model.save(partial)
        if not loads:
            keras.saving.load_model(partial)

    (directory / UNTRAINED_FILE).parent.mkdir()
    try:
        files.write_atomically(directory / UNTRAINED_FILE, write)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"This model cannot be saved and loaded again: {one_line(error)}. Received: {model.name!r}. Add `get_config` and "
            "@keras.saving.register_keras_serializable to its custom layers, and replace lambdas by layers."
        ) from error


def _as_csv(rows: Sequence[Mapping[str, float]]) -> str:
    buffer = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)  # a callback may add a name later
    writer = csv.DictWriter(buffer, fieldnames=names, restval="nan", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _model_arguments(
    model: str, given: Mapping[str, Any], info: DataInfo, *, has_former_defaults: bool = False
) -> dict[str, Any]:
    """Return all arguments of a registered model's factory, so that later defaults do not change the model."""
    if model not in registry.list_models():
        return {}
    entry, variant = registry.find_model(model)
    defaults = {**entry.defaults, **(entry.former_defaults if has_former_defaults else {})}
    from_data = {name: value for name, value in info.model_arguments().items() if name in defaults}
    arguments = {**defaults, **entry.arguments(variant, {}), **from_data, **given}
    return {name: value for name, value in arguments.items() if isinstance(value, str | int | float | list | tuple | None)}


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"python": platform.python_version(), "zoo": __version__, **{name: version(name) for name in PACKAGES}}


def _device() -> dict[str, Any]:
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return {"machine": platform.machine(), "system": platform.system(), "cpus": os.cpu_count(), "gpus": gpus}


def _commit() -> str | None:
    """Return the commit of the zoo sources, if they are in a git checkout."""
    if shutil.which("git") is None:
        return None
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
