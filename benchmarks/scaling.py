"""Plot time and peak memory of training against the number of examples and the length of texts.

`python benchmarks/scaling.py` runs each point in its own process, adds rows, and writes docs/pictures/scaling.png. `cnn`
trains on 1 to 16 times 3,375 images of MNIST, `lstm` and `transformer` on 2,000 artificial texts of 50 to 1,600 words. Times
are medians of 2 epochs.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from rows import add_row, shared_data

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "scaling.png"
EXAMPLES = [3375 * factor for factor in (1, 2, 4, 8, 16)]
LENGTHS = [50, 100, 200, 400, 800, 1600]
NUM_TEXTS = 2000


def point(model: str, size: int) -> dict[str, float]:
    """Train in this process; return the seconds of one epoch and the peak memory in MiB."""
    import zoo

    if model == "cnn":
        whole = zoo.load_data("mnist")
        images, labels = (np.concatenate(parts) for parts in zip(*whole.train.as_numpy_iterator(), strict=True))
        data: Any = zoo.load_data((images[:size], labels[:size]), batch_size=128)
        settings: dict[str, Any] = {"model_arguments": {"dropout": 0.4}}
    else:
        generator = np.random.default_rng(0)
        texts = [" ".join(f"w{number}" for number in generator.integers(0, 5000, size)) for _ in range(NUM_TEXTS)]
        data = zoo.load_data((texts, np.arange(NUM_TEXTS) % 2), task="text_classification", max_length=size, batch_size=64)
        settings = {"baseline": False}
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.train(model, data=data, epochs=2, out=folder, verbose=0, **settings)
        with open(Path(folder) / "run.json", encoding="utf-8") as file:
            timings = json.load(file)["timings"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    del run
    return {"epoch_s": timings["epoch_s"], "memory_mib": memory}


def main() -> None:
    """Measure and draw every point."""
    from matplotlib.figure import Figure

    environment = {**os.environ, "TFDS_DATA_DIR": str(shared_data() / "tfds")}
    found: dict[str, dict[int, dict[str, float]]] = {}
    for model, sizes in (("cnn", EXAMPLES), ("lstm", LENGTHS), ("transformer", LENGTHS)):
        found[model] = {}
        for size in sizes:
            answer = subprocess.run(
                [sys.executable, __file__, model, str(size)], env=environment, capture_output=True, text=True, check=True
            )
            found[model][size] = json.loads(answer.stdout.splitlines()[-1])
            what = f"{size:,} images" if model == "cnn" else f"{NUM_TEXTS:,} texts of {size:,} words"
            add_row("scaling", f"{model}, {what}, epoch", found[model][size]["epoch_s"], "s", 1)
            add_row("scaling", f"{model}, {what}, peak memory", found[model][size]["memory_mib"], "MiB", 1)
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    for row, (key, label) in enumerate((("epoch_s", "seconds per epoch"), ("memory_mib", "peak memory, MiB"))):
        for column, (models, across) in enumerate(
            ((("cnn",), "training images"), (("lstm", "transformer"), "words in each of 2,000 texts"))
        ):
            axes = figure.add_subplot(2, 2, 2 * row + column + 1)
            for model in models:
                sizes = list(found[model])
                axes.plot(sizes, [found[model][size][key] for size in sizes], marker="o", label=model)
            axes.set_xscale("log", base=2)
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.set_ylim(bottom=0)
            axes.set_xlabel(across)
            axes.set_ylabel(label)
            axes.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(point(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
