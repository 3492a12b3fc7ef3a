"""The self-test of `zoo doctor`: trains a small model in a separate process, which may crash or hang."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.cli.environment import Finding
from zoo.errors import ZooError, one_line
from zoo.processes.forkserver import ForkServer
from zoo.processes.machine import gpus
from zoo.version import install_command

logger = logging.getLogger(__name__)
LEAST_ACCURACY = 0.5  # on 10 digits, where guessing gives 0.1
PATIENCE = 180.0  # seconds
ADVICE = (
    "Fix the faults above. If there are none, install the pinned packages in a new environment: "
    "pip install -c constraints.txt . in the clone."
)
WITHOUT_AVX = "The processor has no AVX instructions, which TensorFlow needs. Use another machine."


def train_small_model(folder: Path) -> dict[str, Any]:
    """Import TensorFlow, train a small model on the embedded digits, load it, and predict.

    Raises:
        ZooError: a step failed for any reason.
    """
    step = "import"
    try:
        import tensorflow as tf

        found: dict[str, Any] = {"gpus": [device.name for device in tf.config.list_physical_devices("GPU")]}
        from zoo.api.loading import load_data
        from zoo.api.predicting import load
        from zoo.api.training import train

        step = "train"
        run = train("mlp", data="digits", out=folder / "run", epochs=5, verbose=0)
        step = "predict"
        images, _ = next(load_data("digits").test.as_numpy_iterator())
        now, later = (each.predict(images).probabilities for each in (run, load(folder / "run")))
    except Exception as error:  # a broken installation can raise anything
        raise ZooError(f"failed at {step}: {_cause(error)}") from error
    return {**found, "accuracy": run.metrics["accuracy"], "loads": bool((now == later).all())}


def _cause(error: BaseException) -> str:
    """Return the type and message of an error, or of its cause if TensorFlow has wrapped it."""
    if error.__context__ is not None and str(error).startswith("Traceback"):
        error = error.__context__
    return f"{type(error).__name__}: {one_line(error)}"


def self_test() -> Iterator[Finding]:
    """Run the test in a new process, and report the result."""
    logger.info("Training a small model takes ten to twenty seconds.")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ForkServer(Path(folder), ()) as server:
        child = server.start(train_small_model, Path(folder))
        while child.is_running and time.monotonic() - started < PATIENCE:
            server.wait([child])
        try:
            if child.is_running:
                child.kill()
                raise ZooError(f"it did not finish within {PATIENCE:.0f} s")
            yield from judge(child.result(), time.monotonic() - started)
        except ZooError as error:
            advice = WITHOUT_AVX if "SIGILL" in str(error) else ADVICE
            yield Finding("self-test", "fault", one_line(error), advice)


def judge(result: Mapping[str, Any], seconds: float) -> Iterator[Finding]:
    """Convert the result of the test to findings."""
    yield _judge_gpus(result["gpus"])
    if result["accuracy"] > LEAST_ACCURACY and result["loads"]:
        found = f"trained, saved, loaded and predicted in {seconds:.0f} s; accuracy {result['accuracy']:.2f} on digits"
        yield Finding("self-test", "fine", found)
    else:
        found = f"accuracy {result['accuracy']:.2f} on digits; the loaded model gives equal predictions: {result['loads']}"
        advice = "The installation computes wrong results. Install the pinned packages in a new environment."
        yield Finding("self-test", "fault", found, advice)


def _judge_gpus(seen: Sequence[str]) -> Finding:
    if not seen and (present := gpus()):
        return Finding("gpus", "fault", f"TensorFlow finds none of {len(present)}", install_command("gpu"))
    return Finding.judged("gpus", bool(seen), ", ".join(seen) or "none", "Everything works on the CPU.", "optional")
