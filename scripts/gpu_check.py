"""The checks of `scripts/gpu_check.sh`: training on one GPU, on several GPUs and in mixed precision, and the speed of training.

Each check runs in its own process, so that it starts with fresh devices. Its result is a JSON file in the folder `--out`; a
later call at the same commit skips the checks that have passed there.

Results are compared as `difference`: the largest difference of weights, losses and predictions after 20 steps, relative to the
largest number of their kind. Devices sum in a different order, which changes the rounding in float32; on two logical CPUs, the
difference is below 1e-5. GPUs also use different algorithms from CPUs, so LIMITS allows more. TensorFloat-32 is off in these
checks (NVIDIA_TF32_OVERRIDE=0), because it keeps 10 bits of a product's factors.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import rows  # noqa: E402 - found by the path above

LIMITS = {"one device": 1e-3, "all devices": 1e-4, "two processes": 1e-4}  # maximum `difference`
LOST_ACCURACY = 0.02  # in mixed precision; two runs on 2,000 images at 95 % differ by up to 0.014 (two standard errors)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {  # data and arguments; without dropout, whose masks depend on the device
    "cnn": ("digits", {"filters": (8, 16), "units": 32, "dropout": 0.0}),
    "lstm": ("reviews_sample", {"dropout": 0.0}),
    "transformer": ("reviews_sample", {"dropout": 0.0, "pooling": "mean"}),
}
Found = dict[str, float]


def devices() -> list[str]:
    """Return the names of all GPUs, or of two logical CPUs in their place."""
    import tensorflow as tf

    if IS_CPU:
        (cpu,) = tf.config.list_physical_devices("CPU")
        if len(tf.config.get_logical_device_configuration(cpu) or []) != 2:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    return [device.name for device in tf.config.list_logical_devices("CPU" if IS_CPU else "GPU")]


def one_device() -> Found:
    """Compare the first GPU with the CPU."""
    import tensorflow as tf

    first = devices()[-1]  # with --cpu, the second logical CPU
    return {f"{name}, difference": difference(name, *map(tf.distribute.OneDeviceStrategy, ("CPU:0", first))) for name in MODELS}


def all_devices() -> Found:
    """Compare all GPUs under `MirroredStrategy` with the first GPU."""
    import tensorflow as tf

    names = devices()
    alone, together = tf.distribute.OneDeviceStrategy(names[0]), tf.distribute.MirroredStrategy(names)
    return {f"{name}, difference": difference(name, alone, together) for name in MODELS}


def difference(name: str, *strategies: Any) -> float:
    """Train 20 steps under each of two strategies, and return the largest relative difference."""
    import keras
    import numpy as np

    import zoo

    data_name, arguments = MODELS[name]
    found = []
    for strategy in strategies:
        keras.utils.set_random_seed(0)
        data = zoo.load_data(data_name, batch_size=33)  # 17 and 16 examples for two devices
        model = zoo.build(name, data=data, optimizer="momentum", learning_rate=0.05, strategy=strategy, **arguments)
        history = model.fit(data.train.take(10), epochs=2, shuffle=False, verbose=0).history
        inputs = next(data.test.as_numpy_iterator())[0]
        predicted = model.predict(inputs, batch_size=len(inputs), verbose=0)
        found.append([*model.get_weights(), predicted, np.array(history["loss"])])
    return largest_difference(*found)


def largest_difference(one: list[Any], other: list[Any]) -> float:
    """Return the largest difference of two lists of arrays, each relative to the largest number of its array."""
    import numpy as np

    return max(float(np.abs(a - b).max() / (np.abs(a).max() or 1.0)) for a, b in zip(one, other, strict=True))


def two_processes() -> Found:
    """Compare two processes, each with its share of the devices, with one device."""
    import zoo

    words = [
        "train", "mlp", "--data", "digits", "--set", "epochs=2", "--set", "optimizer=momentum", "--set", "learning_rate=0.05",
        "--set", "model.dropout=0", "--set", "baseline=false", "--quiet",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name, options in (("one", ["--strategy", "none"]), ("two", ["--workers", "2"])):
            out = str(Path(folder) / name)
            subprocess.run([sys.executable, "-m", "zoo", *words, *options, "--out", out], check=True)
        found = [zoo.Run.open(Path(folder) / name).model.get_weights() for name in ("one", "two")]
    return {"mlp, difference": largest_difference(*found)}


def mixed_precision() -> Found:
    """Train `cnn` in each precision on 10,000 images of MNIST, and return the accuracy on 2,000 others."""
    import keras

    import zoo

    data = zoo.load_data("mnist_sample", batch_size=128)
    arguments = {"filters": (4, 8), "units": 16, "dropout": 0.0} if IS_CPU else {}
    found = {}
    for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
        keras.config.set_dtype_policy(precision)
        keras.utils.set_random_seed(0)
        model = zoo.build("cnn", data=data, strategy="none", **arguments)
        model.fit(data.train, epochs=2 if IS_CPU else 6, shuffle=False, verbose=0)
        found[f"{precision}, accuracy"] = float(model.evaluate(data.test, return_dict=True, verbose=0)["accuracy"])
    return found


def speed(name: str) -> Found:
    """Return examples per second after the first steps: in each precision on one device, and on all devices."""
    import keras
    import numpy as np
    import tensorflow as tf

    import zoo

    names, random = devices(), np.random.default_rng(0)
    batch_size, steps = (16, 3) if IS_CPU else (512, 200)
    found = {}
    for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
        for used in [names[:1], *([names] if len(names) > 1 else [])]:
            keras.config.set_dtype_policy(precision)
            size = batch_size * len(used)
            texts, images = random.integers(2, 5000, (size, 200), dtype="int32"), random.integers(0, 255, (size, 28, 28, 1))
            inputs = images.astype("uint8") if name == "cnn" else texts
            batches = tf.data.Dataset.from_tensors((inputs, random.integers(0, 2, size))).repeat()
            strategy = tf.distribute.MirroredStrategy(used) if len(used) > 1 else tf.distribute.OneDeviceStrategy(used[0])
            model = zoo.build(name, strategy=strategy)
            model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)  # builds the graph
            begin = time.perf_counter()
            model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
            found[f"{name}, {precision}, {len(used)} devices"] = steps * size / (time.perf_counter() - begin)
    return found


CHECKS: dict[str, Callable[[], Found]] = {
    "one device": one_device,
    "all devices": all_devices,
    "two processes": two_processes,
    "mixed precision": mixed_precision,
    "speed of cnn": lambda: speed("cnn"),
    "speed of transformer": lambda: speed("transformer"),
}
FOR_SEVERAL = ("all devices", "two processes")  # checks that need two devices


def problem(check: str, found: Found) -> str:
    """Return what is wrong with the numbers of a check, or an empty string."""
    if check in LIMITS:
        return next((f"{name} is above {LIMITS[check]:g}" for name, value in found.items() if not value <= LIMITS[check]), "")
    if check == "mixed precision":
        least = found["float32, accuracy"] - LOST_ACCURACY
        return next((f"{name} is below {least:.3f}" for name, value in found.items() if not value >= least), "")
    return ""


def run(check: str, file: Path) -> str:
    """Run a check in a new process, unless it has passed before; print its line, and return "passed" or "FAILED"."""
    if file.is_file() and (stored := json.loads(file.read_text(encoding="utf-8")))["commit"] == rows.COMMIT:
        print(f"passed   {check:22} {shown(stored['found'])} (from {file})", flush=True)
        return "passed"
    words = [sys.executable, __file__, "--job", check, *(["--cpu"] if IS_CPU else [])]
    environment = {**os.environ, "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    if check in LIMITS:
        environment["NVIDIA_TF32_OVERRIDE"] = "0"
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"FAILED   {check:22} exit code {done.returncode}\n{done.stderr[-3000:]}", flush=True)
        return "FAILED"
    found = json.loads(done.stdout.splitlines()[-1])
    wrong = problem(check, found)
    print(f"{'FAILED' if wrong else 'passed':8} {check:22} {shown(found)}{f'; {wrong}' if wrong else ''}", flush=True)
    if wrong:
        return "FAILED"
    if check.startswith("speed") and not IS_CPU:
        for name, value in found.items():
            rows.add_row("gpu_check", name, value, "examples/s", 1, machine=gpu_names())
    file.write_text(json.dumps({"commit": rows.COMMIT, "found": found}), encoding="utf-8")
    return "passed"


def shown(found: Found) -> str:
    """Return the numbers of a check in one line."""
    return "; ".join(f"{name} {value:.4g}" for name, value in found.items())


def gpu_names() -> str:
    """Return the models of the GPUs, for the column `machine` of results.csv."""
    words = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    names = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\n")
    return f"{len(names) - 1} x {names[0].strip()}"


def count_devices() -> int:
    """Return how many devices TensorFlow sees, in another process: this one must not occupy their memory."""
    words = [sys.executable, __file__, "--job", "devices", *(["--cpu"] if IS_CPU else [])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"TensorFlow does not start:\n{done.stderr[-3000:]}")
    return int(json.loads(done.stdout.splitlines()[-1])["devices"])


def main(arguments: argparse.Namespace) -> int:
    """Run every check, and return the exit code."""
    count = count_devices()
    if count == 0:
        print(
            "TensorFlow sees no GPU. Install CUDA's libraries (pip install 'kerazoo[gpu]') and check the driver (nvidia-smi); "
            "--cpu runs the same steps on logical CPUs.", file=sys.stderr,
        )  # fmt: skip
        return 2
    folder = Path(arguments.out) / ("cpu" if IS_CPU else "gpu")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{count} {'logical CPUs' if IS_CPU else 'GPUs'}", flush=True)
    results = []
    for check in CHECKS:
        if check in FOR_SEVERAL and count < 2:
            print(f"skipped  {check:22} it needs two GPUs", flush=True)
        else:
            results.append(run(check, folder / f"{check.replace(' ', '_')}.json"))
    failed = results.count("FAILED")
    print(f"\n{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/gpu_check.sh", description="Check training on the GPUs of this machine.")
    parser.add_argument("--cpu", action="store_true", help="run every step on logical CPUs instead, to test this script")
    parser.add_argument("--out", default="runs/gpu_check", help="folder for the results, from which a later call resumes")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    IS_CPU = given.cpu
    if given.job:
        print(json.dumps({"devices": len(devices())} if given.job == "devices" else CHECKS[given.job]()))
        sys.exit(0)
    sys.exit(main(given))
