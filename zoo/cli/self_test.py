"""The self-test of `zoo doctor`: a small model from data to prediction, in a separate process, which may crash or hang.

The process is `python -m zoo.cli.self_test FOLDER`. Each step prints one line of JSON when it ends, which shows the parent
process how far the test came.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.cli.environment import Finding
from zoo.errors import one_line
from zoo.version import install_command

logger = logging.getLogger(__name__)
STEPS = ("import", "train", "predict")
LEAST_ACCURACY = 0.5  # on 10 digits; chance gives 0.1
PATIENCE = 180.0  # seconds for all steps


def main(folder: str) -> None:
    """Import TensorFlow and Keras, train a small model on the embedded digits, load it, and predict."""
    work = _work(Path(folder))
    for step in STEPS:
        begun = time.monotonic()
        try:
            found = next(work)
        except Exception as error:  # a broken installation can raise anything
            found = {"error": _cause(error)}
        sys.stdout.write(json.dumps({"step": step, "seconds": round(time.monotonic() - begun, 1), **found}) + "\n")
        sys.stdout.flush()
        if "error" in found:
            return


def _work(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the findings of each step."""
    import keras
    import tensorflow as tf

    gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
    yield {"tensorflow": tf.__version__, "keras": keras.__version__, "gpus": gpus}

    from zoo.api import load, load_data, train

    run = train("mlp", data="digits", out=folder / "run", epochs=5, verbose=0)
    accuracy = run.metrics["accuracy"]
    yield {"accuracy": accuracy, "is_good": accuracy > LEAST_ACCURACY}

    images, _ = next(load_data("digits").test.as_numpy_iterator())
    now, later = (each.predict(images).probabilities for each in (run, load(folder / "run")))
    yield {"is_good": bool((now == later).all())}


def _cause(error: BaseException) -> str:
    """Return the type and message of an error; TensorFlow wraps the cause in an error of its own."""
    if error.__context__ is not None and str(error).startswith("Traceback"):
        error = error.__context__
    return f"{type(error).__name__}: {one_line(error)}"


def self_test() -> Iterator[Finding]:
    """Run the test in a new process, and report the result."""
    logger.info("Training a small model takes ten to twenty seconds.")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "zoo.cli.self_test", folder],
                capture_output=True, text=True, errors="replace", timeout=PATIENCE, env=environment, check=False,
            )  # fmt: skip
            output, errors, ending = done.stdout, done.stderr, _ending(done.returncode)
        except subprocess.TimeoutExpired as error:
            output, errors = (bytes(part or b"").decode("utf-8", "replace") for part in (error.stdout, error.stderr))
            ending = f"it did not end in {PATIENCE:.0f} s"
    steps = {step["step"]: step for step in map(_as_step, output.splitlines()) if step}
    yield from _judge(steps, errors, ending)


def _as_step(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:  # printed by something else
        return {}
    return found if isinstance(found, dict) and "step" in found else {}


def _ending(code: int) -> str:
    return "" if code == 0 else f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"


def _judge(steps: Mapping[str, Mapping[str, Any]], errors: str, ending: str) -> Iterator[Finding]:
    """Turn the steps into findings."""
    if "gpus" in steps.get("import", {}):
        yield from _judge_gpus(steps["import"]["gpus"])
    wrong = [name for name, step in steps.items() if step.get("is_good") is False]
    failed = next((name for name in STEPS if name not in steps or "error" in steps[name]), None)
    if failed:
        last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "no output")
        cause = steps[failed]["error"] if failed in steps else f"{ending}; {one_line(ValueError(last))}"
        advice = (
            "Fix the faults above. If there are none, install the pinned packages in a fresh environment: "
            "pip install -c constraints.txt . in the clone."
        )
        if (failed == "import" and "SIGILL" in ending + errors) or "signal 4" in ending:
            advice = "This processor lacks instructions that TensorFlow uses (AVX). Use another machine."
        yield Finding("self-test", "fault", f"failed at {failed}: {cause}", advice)
    elif wrong:
        found = ", ".join(f"{name}: {dict(steps[name])}" for name in wrong)
        advice = "The installation computes wrong results. Install the pinned packages in a fresh environment."
        yield Finding("self-test", "fault", found, advice)
    else:
        seconds = sum(step["seconds"] for step in steps.values())
        accuracy = steps["train"]["accuracy"]
        yield Finding(
            "self-test", "fine", f"trained, saved, loaded and predicted in {seconds:.0f} s; accuracy {accuracy:.2f} on digits"
        )


def _judge_gpus(seen: Sequence[str]) -> Iterator[Finding]:
    there = _nvidia_gpus()
    if seen:
        yield Finding("gpus", "fine", ", ".join(seen))
    elif there:
        yield Finding("gpus", "fault", f"TensorFlow does not see {len(there)}: {there[0]}", install_command("gpu"))
    else:
        yield Finding("gpus", "optional", "none", "Everything works on the CPU.")


def _nvidia_gpus() -> Sequence[str]:
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]


if __name__ == "__main__":
    main(sys.argv[1])
